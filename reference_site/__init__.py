"""The reference site: the homepage's forms, as small as they can be, so that what they collect can be proven.

Runs on Debian's own packages alone (python3-flask, python3-cryptography, python3-yaml, openssh-client).
"""
