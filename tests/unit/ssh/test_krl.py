import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from azukari.ssh import keys, krl

MADE = datetime(2026, 11, 25, 12, tzinfo=UTC)


def test_what_is_written_is_read() -> None:
    data = krl.build({b"ca two": [9, 3, 3], b"ca one": {2**52}, b"nothing": []}, version=4, generated=MADE, comment="x")
    said = krl.read(data)
    assert said == krl.RevocationList(4, MADE, "x", {b"ca two": frozenset({3, 9}), b"ca one": frozenset({2**52})})
    later = krl.build({b"ca two": [3, 9], b"ca one": [2**52]}, version=4, generated=datetime.now(UTC), comment="x")
    assert krl.read(later).revokes_the_same(said)
    assert not krl.read(krl.build({b"ca one": [1]}, version=1, generated=MADE)).revokes_the_same(said)


def test_lists_of_ssh_keygen_are_read_with_ranges_bitmaps_and_key_ids(tmp_path: Path) -> None:
    (tmp_path / "ca.pub").write_text(keys.public_text(keys.new_key()))
    numbers = [*range(1, 40, 3), 1000, *range(2000, 2100)]
    spec = "".join(f"serial: {n}\n" for n in numbers) + "serial: 5000-5010\nid: someone/T-1\n"
    (tmp_path / "spec").write_text(spec)
    subprocess.run(
        ["ssh-keygen", "-q", "-k", "-f", "list", "-s", "ca.pub", "-z", "7", "spec"], cwd=tmp_path, check=True
    )
    said = krl.read((tmp_path / "list").read_bytes())
    assert said.version == 7
    assert list(said.serials.values()) == [frozenset([*numbers, *range(5000, 5011)])]
    assert list(said.key_ids.values()) == [frozenset({"someone/T-1"})]


@pytest.mark.parametrize(
    "data",
    [
        b"junk",
        krl.build({b"ca": [1]}, version=1, generated=MADE)[:-1],
        b"SSHKRL\n\0" + b"\0\0\0\2" + b"\0" * 40,
    ],
    ids=["another file", "cut short", "another version"],
)
def test_what_is_no_list_is_refused(data: bytes) -> None:
    with pytest.raises(krl.KrlInvalid):
        krl.read(data)


def test_an_empty_file_revokes_nothing() -> None:
    assert krl.read(b"").version == 0
