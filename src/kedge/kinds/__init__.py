"""One file per kind of service."""
