"""Statement, signature, store and offline verifier of one run."""
