"""The blocking shell; its names are those of ``portside`` itself."""
