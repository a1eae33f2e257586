"""The lab's small parts: locks, settings, records, images, keys, and what a fresh host holds."""

import fcntl
import json
import os
import tarfile
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
from declared_hosts import SEVEN

from azukari.errors import InputError
from azukari.lab import commands, disk, fresh, image, keys, needs, process, record, settings
from azukari.lab.layout import layout
from azukari.lab.locks import lock
from azukari.lab.sources import Upstream

UPSTREAM = Upstream("http://mirror.example/debian", "http://mirror.example/debian-security", ("192.0.2.53",))
KEYS = fresh.HostKeys(b"private\n", "ssh-ed25519 AAAA root@web\n", "ssh-ed25519 BBBB first contact")


# --- locks


def test_a_lock_keeps_others_out_and_leaves_no_file(tmp_path: Path) -> None:
    folder = tmp_path / "locks"
    inside = 0
    most = 0
    done = 0

    def enter() -> None:
        nonlocal inside, most, done
        for _ in range(20):
            with lock("one", folder):
                inside += 1
                most = max(most, inside)
                time.sleep(0.001)
                inside -= 1
                done += 1

    threads = [threading.Thread(target=enter) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (most, done) == (1, 80)
    assert not folder.exists()


def test_a_lock_is_really_held(tmp_path: Path) -> None:
    with lock("one", tmp_path / "locks"):
        handle = os.open(tmp_path / "locks" / "one.lock", os.O_RDWR)
        with pytest.raises(BlockingIOError):
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.close(handle)


# --- the machine's settings


def kernel(root: Path, forward: int, instances: int) -> Path:
    for name, value in {"net/ipv4/ip_forward": forward, "fs/inotify/max_user_instances": instances}.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(f"{value}\n")
    return root


def value(root: Path, name: str) -> int:
    return int((root / name).read_text())


def test_settings_are_put_back_by_the_last_lab(tmp_path: Path) -> None:
    state, sys = tmp_path / "state", kernel(tmp_path / "sys", 0, 128)
    settings.claim("one", state, sys)
    settings.claim("other", state, sys)
    assert value(sys, "net/ipv4/ip_forward") == 1
    assert value(sys, "fs/inotify/max_user_instances") == 4096
    settings.give_back("one", state, sys)
    assert value(sys, "net/ipv4/ip_forward") == 1
    settings.give_back("other", state, sys)
    assert value(sys, "net/ipv4/ip_forward") == 0
    assert value(sys, "fs/inotify/max_user_instances") == 128
    assert not state.exists()


def test_settings_that_suffice_are_left_alone(tmp_path: Path) -> None:
    state, sys = tmp_path / "state", kernel(tmp_path / "sys", 1, 65536)
    settings.claim("one", state, sys)
    settings.give_back("one", state, sys)
    assert value(sys, "net/ipv4/ip_forward") == 1
    assert value(sys, "fs/inotify/max_user_instances") == 65536


def test_what_somebody_else_set_meanwhile_stays(tmp_path: Path) -> None:
    state, sys = tmp_path / "state", kernel(tmp_path / "sys", 0, 128)
    settings.claim("one", state, sys)
    (sys / "fs/inotify/max_user_instances").write_text("9999\n")
    settings.give_back("one", state, sys)
    assert value(sys, "fs/inotify/max_user_instances") == 9999


def test_a_lab_that_never_came_up_gives_nothing_back(tmp_path: Path) -> None:
    sys = kernel(tmp_path / "sys", 1, 4096)
    settings.give_back("one", tmp_path / "state", sys)
    assert value(sys, "net/ipv4/ip_forward") == 1


# --- records


def test_a_lab_is_found_again_by_its_record_alone(tmp_path: Path) -> None:
    site = tmp_path / "site"
    site.mkdir()
    lab = layout("lab72", SEVEN, tmp_path)
    record.write(lab, site, Path("/images/x"), {0, 1})
    assert [host.machine for host in record.find(folder=site, state=tmp_path).hosts] == [h.machine for h in lab.hosts]
    assert record.find(name="lab72", state=tmp_path).bridge == lab.bridge
    assert record.images_in_use(tmp_path) == {Path("/images/x")}
    with pytest.raises(InputError, match="No lab stands for lab73"):
        record.find(name="lab73", state=tmp_path)


def test_the_devices_of_before_are_not_forgotten(tmp_path: Path) -> None:
    lab = layout("lab72", SEVEN, tmp_path)
    record.write(lab, tmp_path, Path("/images/x"), {0, 1})
    record.write(lab, tmp_path, Path("/images/x"), {0, 1, 2, 3})
    assert record.read(lab)["loops"] == [0, 1]


def test_a_broken_record_is_no_record(tmp_path: Path) -> None:
    lab = layout("lab72", SEVEN, tmp_path)
    lab.folder.mkdir()
    lab.record.write_text("{")
    assert record.read(lab) == {}
    assert record.standing(lab) is lab


def test_a_process_id_that_is_another_process_by_now(tmp_path: Path) -> None:
    host = layout("lab72", SEVEN, tmp_path).hosts[0]
    host.folder.mkdir(parents=True)
    own, started = os.getpid(), process.started_at(os.getpid()) or ""
    as_recorded = {"nspawn": own, "nspawn_started": started, "leader": own, "leader_started": started}
    host.record.write_text(json.dumps(as_recorded | {"boot": process.boot_id()}))
    assert process.running(host) is not None
    host.record.write_text(json.dumps(as_recorded | {"leader_started": "1", "boot": process.boot_id()}))
    assert process.running(host) is None
    host.record.write_text(json.dumps(as_recorded | {"boot": "an earlier run of the machine"}))
    assert process.running(host) is None


# --- images


def test_another_recipe_is_another_image() -> None:
    assert replace(image.RECIPE, packages=(*image.RECIPE.packages, "vim")).digest != image.RECIPE.digest
    assert image.Recipe().digest == image.RECIPE.digest


def test_an_image_in_use_is_kept(tmp_path: Path) -> None:
    images = tmp_path / "azukari" / "images"
    for name in ("used", "unused", ".unfinished-x"):
        (images / name).mkdir(parents=True)
    image.forget({images / "used"}, images)
    assert [path.name for path in images.iterdir()] == ["used"]
    image.forget(set(), images)
    assert not (tmp_path / "azukari").exists()


# --- a fresh host


def test_a_fresh_host_s_files(tmp_path: Path) -> None:
    lab = layout("lab72", SEVEN, tmp_path)
    host = lab.hosts[0]
    content = fresh.files(lab, host, UPSTREAM, KEYS, "trixie")
    network = content["etc/systemd/network/10-host0.network"].data.decode()
    assert "Address=198.18.72.10/24" in network
    assert "Address=2001:2:0:72::10/64" in network
    assert "Gateway=198.18.72.1\n" in network
    sources = content["etc/apt/sources.list.d/debian.sources"].data.decode()
    assert "URIs: http://mirror.example/debian\nSuites: trixie trixie-updates\n" in sources
    assert "URIs: http://mirror.example/debian-security\nSuites: trixie-security\n" in sources
    assert content["etc/resolv.conf"].data == b"nameserver 192.0.2.53\n"
    ids = {fresh.files(lab, one, UPSTREAM, KEYS, "trixie")["etc/machine-id"].data for one in lab.hosts}
    assert len(ids) == len(lab.hosts)
    assert all(len(text.strip()) == 32 for text in ids)


def test_the_tar_file_keeps_modes_and_belongs_to_root(tmp_path: Path) -> None:
    lab = layout("lab72", SEVEN, tmp_path)
    fresh.pack(fresh.files(lab, lab.hosts[0], UPSTREAM, KEYS, "trixie"), tmp_path / "fresh.tar")
    with tarfile.open(tmp_path / "fresh.tar") as archive:
        entries = {entry.name: entry for entry in archive}
    assert entries["etc/ssh/ssh_host_ed25519_key"].mode == 0o600
    assert entries["root/.ssh"].mode == 0o700
    assert entries["root/.ssh/authorized_keys"].mode == 0o600
    assert {(entry.uid, entry.gid) for entry in entries.values()} == {(0, 0)}
    assert "etc" not in entries  # the image's folders keep their modes


def test_keys_are_made_once_and_published(tmp_path: Path) -> None:
    def made() -> fresh.HostKeys:
        return keys.host_keys(tmp_path / "kept", tmp_path / "site", tmp_path / "contact" / "first", "web")

    first = made()
    assert made() == first
    assert (tmp_path / "kept" / "web").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "site" / "web.pub").read_text() == first.public
    assert first.public.startswith("ssh-ed25519 ")
    assert b"OPENSSH PRIVATE KEY" in first.private
    (tmp_path / "site" / "web.pub").write_text("another's")
    made()
    assert (tmp_path / "site" / "web.pub").read_text() == first.public


# --- the machine


def test_what_the_machine_lacks_is_said_with_one_command(monkeypatch: pytest.MonkeyPatch) -> None:
    lacking = {"nft", "systemd-nspawn", "mkfs.ext4"}
    monkeypatch.setattr(needs, "find", lambda command: None if command in lacking else f"/usr/bin/{command}")
    monkeypatch.setattr(needs, "FILES", {})
    with pytest.raises(needs.MachineLacks) as raised:
        needs.require_packages()
    said = raised.value
    assert said.exit_code == 3
    assert said.message.endswith("apt-get install --no-install-recommends e2fsprogs nftables systemd-container")


def test_without_root_nothing_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(InputError, match=r"“azukari lab up”.*needs root: run it with sudo"):
        needs.require_root("azukari lab up")


def test_a_failed_command_says_what_it_said() -> None:
    with pytest.raises(commands.LabFault, match=r"“ls /nonexistent” failed: .*No such file"):
        commands.run(["ls", "/nonexistent"])
    with pytest.raises(commands.LabFault, match="has no “no-such-command”"):
        commands.run(["no-such-command"])
    with pytest.raises(commands.LabFault, match=r"did not end within 0 s"):
        commands.run(["sleep", "5"], timeout=0.05)


def test_snapshots_are_ordered_by_number_not_by_name(tmp_path: Path) -> None:
    host = layout("lab72", SEVEN, tmp_path).hosts[0]
    host.snapshots.mkdir(parents=True)
    for number in (1, 2, 10):
        (host.snapshots / f"{number}.ext4").touch()
    assert [path.stem for path in disk.layers(host)] == ["1", "2", "10"]


def test_a_snapshot_too_many_is_refused_before_anything_is_done(tmp_path: Path) -> None:
    host = layout("lab72", SEVEN, tmp_path).hosts[0]
    host.snapshots.mkdir(parents=True)
    for number in range(1, 9):
        (host.snapshots / f"{number}.ext4").touch()
    with pytest.raises(commands.LabFault, match=r"lab reset host10 --to fresh"):
        disk.require_room(host)


def kernel_with(root: Path, *filesystems: str) -> tuple[Path, Path]:
    (root / "proc").mkdir(exist_ok=True)
    (root / "proc" / "filesystems").write_text("".join(f"nodev\t{name}\n" for name in filesystems))
    (root / "dev").mkdir(exist_ok=True)
    return root / "proc", root / "dev"


def test_a_kernel_without_overlay_or_loop_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(needs, "succeeds", lambda argv: asked.append(argv[1]) or False)
    with pytest.raises(needs.MachineLacks, match="kernel offers no overlay, no loop; the lab needs a machine"):
        needs.require_kernel(*kernel_with(tmp_path, "ext4"))
    assert asked == ["overlay", "loop"]
    (tmp_path / "dev" / "loop-control").touch()
    needs.require_kernel(*kernel_with(tmp_path, "ext4", "overlay"))


def test_a_full_disk_is_said_before_anything_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    needs.require_room(tmp_path / "not" / "yet")
    monkeypatch.setattr(needs, "_ROOM", 1 << 62)
    with pytest.raises(needs.MachineLacks, match=f"{tmp_path} has .* GiB free; the lab needs"):
        needs.require_room(tmp_path / "not" / "yet")
    assert list(tmp_path.iterdir()) == []
