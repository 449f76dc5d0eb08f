"""RRset difference and zone plans (pure)."""
