"""The declared site: models and loading."""
