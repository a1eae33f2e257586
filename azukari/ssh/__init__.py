"""The channel to servers and the client that looks at them from outside."""
