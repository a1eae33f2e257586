"""Names and places of a lab, derived from its site."""

from pathlib import Path

import pytest
from declared_hosts import SEVEN, Declared, host

from azukari.errors import InputError
from azukari.lab.layout import layout


def test_interface_names_fit_the_kernel_and_differ() -> None:
    lab = layout("a-site-with-a-long-name", SEVEN)
    names = [lab.bridge, lab.outside_interface, *(h.interface for h in lab.hosts)]
    assert all(len(name) <= 15 for name in names)
    assert len(set(names)) == len(names)


def test_two_sites_share_no_name() -> None:
    one, other = layout("one", SEVEN), layout("other", SEVEN)
    assert one.bridge != other.bridge
    assert one.table != other.table
    assert one.namespace != other.namespace
    assert one.folder != other.folder
    assert {h.machine for h in one.hosts}.isdisjoint(h.machine for h in other.hosts)


def test_addresses_of_the_controller_and_the_vantage() -> None:
    lab = layout("lab", SEVEN)
    assert lab.controller == ("198.18.72.1/24", "2001:2:0:72::1/64")
    assert lab.outside == ("198.18.72.250/24", "2001:2:0:72::250/64")
    assert str(lab.gateway) == "198.18.72.1"


def test_a_lab_without_ipv6_has_none() -> None:
    lab = layout("lab", [host("web", "198.19.3.10")])
    assert lab.controller == ("198.19.3.1/24",)
    assert lab.outside == ("198.19.3.250/24",)


@pytest.mark.parametrize(
    ("hosts", "said"),
    [
        ([], "declares no hosts"),
        ([host("web", "192.168.1.10")], "“web” has the address 192.168.1.10"),
        ([host("web", "198.18.1.10"), host("db", "198.18.2.10")], "“db” has the address 198.18.2.10"),
        ([host("web", "198.18.1.10", "2001:db8::10")], "“web” has the address 2001:db8::10"),
        (
            [host("web", "198.18.1.10", "2001:2:0:1::10"), host("db", "198.18.1.11", "2001:2:0:2::11")],
            "“db” has the address 2001:2:0:2::11",
        ),
    ],
)
def test_addresses_that_no_lab_may_have(hosts: list[Declared], said: str) -> None:
    with pytest.raises(InputError, match=said):
        layout("lab", hosts)


def test_an_unknown_host_is_named_with_the_known_ones() -> None:
    with pytest.raises(InputError, match=r"declares no host “nosuch”; it has host10, host11"):
        layout("lab", SEVEN).host("nosuch")


def test_everything_of_a_host_lies_below_the_lab(tmp_path: Path) -> None:
    lab = layout("lab", SEVEN, tmp_path)
    assert lab.folder == tmp_path / "lab"
    for one in lab.hosts:
        for path in (one.root, one.disk, one.writable, one.snapshots, one.record, one.console):
            assert path.is_relative_to(lab.folder / "hosts" / one.name)
