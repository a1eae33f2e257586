"""Where the lock of an `apply` lies: every keeper needs a place where that keeper may log in."""

from types import SimpleNamespace

from azukari.provision.lock import lock_place


def session(own, ways):
    site = SimpleNamespace(group=lambda _name: [SimpleNamespace(name="bastion")])
    managed = [host for host, way in ways.items() if way == "managed"]
    return SimpleNamespace(site=site, own=SimpleNamespace(hosts=own), of_way=lambda _way: managed)


def test_on_the_bastion_even_when_another_host_is_meant() -> None:
    assert lock_place(session(("bastion", "web"), {"web": "managed"})) == "bastion"


def test_with_a_keeper_who_may_only_pass_the_bastion_on_the_own_host() -> None:
    assert lock_place(session(("vault",), {"vault": "managed"})) == "vault"


def test_a_keeper_whose_hosts_are_all_fresh_needs_none() -> None:
    assert lock_place(session(("vault",), {"vault": "new"})) is None
