"""Protocol dialogues: one read-only look each."""
