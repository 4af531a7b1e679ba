"""What only the operating system knows: sockets, options, names, TLS contexts."""
