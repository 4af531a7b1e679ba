"""The ``portside`` command: one file for each of its commands."""
