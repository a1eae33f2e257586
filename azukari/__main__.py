"""`python -m azukari`."""

from azukari.cli.main import main

main()
