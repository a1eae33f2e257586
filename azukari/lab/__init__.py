"""Disposable servers on the user's own machine."""
