"""What can be saved, and how."""
