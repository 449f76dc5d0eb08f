"""Text to model and back; the model compiled into scenario rules."""
