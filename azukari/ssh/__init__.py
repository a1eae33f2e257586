"""The channel to servers and the client that looks at them from outside."""

import logging

# Attempts are refused by the hundred: paramiko's own lines about it would drown what azukari says.
logging.getLogger("paramiko").addHandler(logging.NullHandler())
logging.getLogger("paramiko").propagate = False
