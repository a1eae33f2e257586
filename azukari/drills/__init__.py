"""Drills: what writes on purpose, in a declared window, and cleans up."""
