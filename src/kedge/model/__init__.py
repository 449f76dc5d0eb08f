"""The nouns: what can be declared, observed and answered. No input, no output."""
