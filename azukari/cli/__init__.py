"""Command line: one small file per verb."""
