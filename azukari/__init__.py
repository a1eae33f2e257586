"""azukari (預かり, "held in trust"): build, prove and hand back the servers of a public website."""

__version__ = "0.1.0"
