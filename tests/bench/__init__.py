"""`python -m tests.bench`: the figures of docs/benchmarks.md, measured in one run on the test lab."""
