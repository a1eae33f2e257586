"""The host's half of `azukari_files`, on real files in a folder."""

import base64
import getpass
import grp
import os
import stat
from pathlib import Path

from azukari.provision.ansible.modules.azukari_files import Wanted, shown, surplus

ME, MY_GROUP = getpass.getuser(), grp.getgrgid(os.getgid()).gr_name


def wanted(path: Path, content: bytes | None = b"new\n", **entry: str) -> Wanted:
    given = {"path": str(path), "owner": ME, "group": MY_GROUP, "mode": "0640", **entry}
    if content is not None:
        given["content"] = base64.b64encode(content).decode()
    return Wanted(given, "file")


def test_a_file_is_put_in_place_once_and_then_as_wanted(tmp_path: Path) -> None:
    file = wanted(tmp_path / "deep" / "file")
    assert file.differs() == ["absent"]
    file.put()
    assert (tmp_path / "deep" / "file").read_bytes() == b"new\n"
    assert stat.S_IMODE((tmp_path / "deep" / "file").stat().st_mode) == 0o640
    assert file.differs() == []


def test_each_difference_is_seen(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old\n")
    path.chmod(0o600)
    assert wanted(path).differs() == ["content", "mode"]
    assert wanted(path, owner="nobody").differs() == ["content", "owner", "mode"]
    assert wanted(path, owner="not-an-account-yet", mode="0600").differs() == ["content", "owner"]
    path.unlink()
    path.mkdir()
    assert wanted(path).differs() == ["kind"]


def test_a_link_in_place_of_a_file_is_replaced_and_its_target_left(tmp_path: Path) -> None:
    (tmp_path / "target").write_text("untouched")
    (tmp_path / "file").symlink_to("target")
    file = wanted(tmp_path / "file")
    assert file.differs() == ["kind"]
    file.put()
    assert (tmp_path / "target").read_text() == "untouched"
    assert not (tmp_path / "file").is_symlink()


def test_only_owner_and_mode_of_a_file_without_content(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text("secret")
    file = wanted(path, None, mode="0400")
    assert file.differs() == ["mode"]
    file.put()
    assert (path.read_text(), stat.S_IMODE(path.stat().st_mode)) == ("secret", 0o400)


def test_what_is_more_than_declared_in_a_folder(tmp_path: Path) -> None:
    for name in ("ours.conf", "foreign.conf", "README"):
        (tmp_path / name).touch()
    rule = {"dir": str(tmp_path), "pattern": "*.conf", "keep": ["ours.conf"]}
    assert surplus([rule, {"dir": str(tmp_path / "absent"), "keep": []}]) == [str(tmp_path / "foreign.conf")]


def test_a_secret_is_in_no_difference_that_is_shown(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("as it was")
    entry = {"path": str(tmp_path / "file"), "content": base64.b64encode(b"never-shown").decode(), "mode": "0600"}
    assert "never-shown" in str(shown(Wanted(entry, "file")))
    assert "never-shown" not in str(shown(Wanted({**entry, "secret": True}, "file")))
