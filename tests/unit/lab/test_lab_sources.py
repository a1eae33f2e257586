"""The machine's own package sources and resolvers, as the lab finds them."""

from pathlib import Path

import pytest
import yaml

from azukari.errors import InputError
from azukari.lab.sources import apt_sources, of_machine

BOOKWORM = 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nID=debian\nVERSION_CODENAME=bookworm\n'
UBUNTU = 'PRETTY_NAME="Ubuntu 24.04 LTS"\nID=ubuntu\nVERSION_CODENAME=noble\n'
DEB822 = """\
# a comment
Types: deb deb-src
URIs: http://mirror.example/debian/
Suites: bookworm bookworm-updates
# a comment within
Components: main contrib
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 mDMEYCQjIxYJ
 -----END PGP PUBLIC KEY BLOCK-----

Types: deb
URIs: http://mirror.example/debian-security
Suites: bookworm-security
Components: main
"""


def machine(root: Path, files: dict[str, str]) -> Path:
    defaults = {"etc/os-release": BOOKWORM, "etc/resolv.conf": "nameserver 192.0.2.53\n"}
    for name, text in (defaults | files).items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def test_deb822(tmp_path: Path) -> None:
    found = of_machine(machine(tmp_path, {"etc/apt/sources.list.d/debian.sources": DEB822}))
    assert found.mirror == "http://mirror.example/debian"
    assert found.security_mirror == "http://mirror.example/debian-security"
    assert found.resolvers == ("192.0.2.53",)


def test_one_line_format(tmp_path: Path) -> None:
    text = (
        "#deb http://old.example/debian bookworm main\n"
        "deb cdrom:[Debian 12]/ bookworm main\n"
        "deb [arch=amd64 signed-by=/x.gpg] https://mirror.example/pub/debian bookworm main contrib # mine\n"
        "deb-src http://other.example/debian bookworm main\n"
        "deb http://security.example/debian-security bookworm-security main\n"
    )
    found = of_machine(machine(tmp_path, {"etc/apt/sources.list": text}))
    assert found.mirror == "https://mirror.example/pub/debian"
    assert found.security_mirror == "http://security.example/debian-security"


def test_other_publishers_are_not_taken_for_debian(tmp_path: Path) -> None:
    files = {
        "etc/apt/sources.list.d/a.list": "deb https://apt.example/tools bookworm main\n",
        "etc/apt/sources.list.d/b.list": "deb https://apt.example/linux/debian bookworm stable\n",
        "etc/apt/sources.list.d/c.sources": DEB822,
    }
    assert of_machine(machine(tmp_path, files)).mirror == "http://mirror.example/debian"


def test_a_disabled_stanza_does_not_count(tmp_path: Path) -> None:
    off = "Enabled: no\nTypes: deb\nURIs: http://off.example/debian\nSuites: bookworm\nComponents: main\n\n"
    found = of_machine(machine(tmp_path, {"etc/apt/sources.list.d/debian.sources": off + DEB822}))
    assert found.mirror == "http://mirror.example/debian"


def test_the_list_of_mirrors_of_cloud_images(tmp_path: Path) -> None:
    text = "Types: deb\nURIs: mirror+file:///etc/apt/mirrors/debian.list\nSuites: bookworm\nComponents: main\n"
    files = {
        "etc/apt/sources.list.d/debian.sources": text,
        "etc/apt/mirrors/debian.list": "# first wins\nhttps://cloud.example/debian\nhttps://second.example/debian\n",
    }
    found = of_machine(machine(tmp_path, files))
    assert found.mirror == "https://cloud.example/debian"
    assert found.security_mirror == "https://cloud.example/debian-security"


def test_files_that_apt_ignores_are_ignored(tmp_path: Path) -> None:
    files = {"etc/apt/sources.list.d/debian.list.bak": "deb http://bak.example/debian bookworm main\n"}
    assert apt_sources(machine(tmp_path, files)) == []


def test_a_machine_that_is_not_debian_is_asked_for_a_mirror(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"runs Ubuntu 24.04 LTS.*--mirror URL"):
        of_machine(machine(tmp_path, {"etc/os-release": UBUNTU}))


def test_a_given_mirror_serves_any_machine(tmp_path: Path) -> None:
    found = of_machine(machine(tmp_path, {"etc/os-release": UBUNTU}), mirror="http://mirror.example/debian/")
    assert found.mirror == "http://mirror.example/debian"
    assert found.security_mirror == "http://mirror.example/debian-security"


def test_debian_without_a_mirror(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no Debian mirror for bookworm.*--mirror URL"):
        of_machine(machine(tmp_path, {}))


def test_resolvers_behind_the_local_stub(tmp_path: Path) -> None:
    files = {
        "etc/apt/sources.list.d/debian.sources": DEB822,
        "etc/resolv.conf": "nameserver 127.0.0.53\noptions edns0\n",
        "run/systemd/resolve/resolv.conf": "nameserver fe80::1%eth0\nnameserver 192.0.2.1\nnameserver 192.0.2.2\n",
    }
    assert of_machine(machine(tmp_path, files)).resolvers == ("192.0.2.1", "192.0.2.2")


def test_a_resolver_that_no_host_could_reach(tmp_path: Path) -> None:
    files = {"etc/apt/sources.list.d/debian.sources": DEB822, "etc/resolv.conf": "nameserver 127.0.0.1\n"}
    with pytest.raises(InputError, match="--resolver ADDRESS"):
        of_machine(machine(tmp_path, files))


def test_the_site_s_file(tmp_path: Path) -> None:
    found = of_machine(machine(tmp_path, {"etc/apt/sources.list.d/debian.sources": DEB822}))
    assert yaml.safe_load(found.as_yaml()) == {
        "upstream": {
            "mirror": "http://mirror.example/debian",
            "security_mirror": "http://mirror.example/debian-security",
            "resolvers": ["192.0.2.53"],
            "time": [],
        }
    }
