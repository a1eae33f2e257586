"""The catalogue of safeguards."""
