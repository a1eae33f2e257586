import pytest

from azukari.errors import InputError
from azukari.verify.plain_ssh import PlainSshChannel

TARGETS = {
    "root@192.0.2.1": ("root", "192.0.2.1", 22),
    "root@192.0.2.1:2222": ("root", "192.0.2.1", 2222),
    "root@server.example": ("root", "server.example", 22),
    "server.example:22": ("root", "server.example", 22),
    "root@[2001:db8::1]:2222": ("root", "2001:db8::1", 2222),
    "root@[2001:db8::1]": ("root", "2001:db8::1", 22),
    "root@2001:db8::1": ("root", "2001:db8::1", 22),
}


@pytest.mark.parametrize(("target", "parts"), TARGETS.items(), ids=TARGETS)
def test_targets(target, parts):
    channel = PlainSshChannel(target)
    assert (channel.user, channel.address, channel.port) == parts


@pytest.mark.parametrize("target", ["", "root@", "-oProxyCommand=x", "root@-oProxyCommand=x", "a b", "root@host:port"])
def test_what_is_no_target_is_refused(target):
    with pytest.raises(InputError, match="is not a host"):
        PlainSshChannel(target)
