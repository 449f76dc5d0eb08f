"""The public site, and its private edition."""
