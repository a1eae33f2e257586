"""The contract's people and machines: authorities, certificates, decoys."""
