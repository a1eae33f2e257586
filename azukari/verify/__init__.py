"""Runs the checks: pytest plugin, testinfra backend, facts, verdicts."""
