"""The database where evidence lives; only app imports it."""
