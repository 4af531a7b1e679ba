"""From a handler to a service that runs."""
