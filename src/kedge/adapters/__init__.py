"""One file per outside tool; only app imports it."""
