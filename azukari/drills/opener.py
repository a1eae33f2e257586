"""Tries every key of a whole host on sealed values; run as root with its settings appended, fed over standard input.

A secret must not leave a live host, so the trying is done there, in this process: no key is put into an argument or a
file, or printed; what is printed is paths, kinds and what came of it. That a key would be found, and would open what
was sealed for it, is shown by a control: throwaway keys, put down in every form, which have to.
"""

# Runs on Debian's Python by itself: nothing but the standard library, and the libcrypto that Python itself rests on.
# ruff: noqa: PTH116, PTH118, PTH120, PTH123, PTH208, T201

import base64
import ctypes
import hashlib
import json
import operator
import os
import re
import stat
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

# What the kernel tells in files is on no disk, and some of it waits for ever.
IN_MEMORY = {"tmpfs", "ramfs"}
KERNEL = {"proc", "sysfs", "cgroup", "cgroup2", "devpts", "mqueue", "bpf", "pstore", "autofs", "binfmt_misc", "nsfs"}
KERNEL |= {"debugfs", "tracefs", "securityfs", "configfs", "efivarfs", "fusectl", "hugetlbfs", "selinuxfs"}
CONTROL_AT = ("/var/tmp", "/run")  # noqa: S108  a disk, and memory that looks like one
LONGEST_KEY = 16 * 2**10  # bytes; an RSA key of 16384 bits takes 13 as PEM
LONGEST_SECRET = 4 * 2**10  # bytes of a file in which texts are taken for keys or passphrases
PIECE = 64 * 2**20  # bytes of a large file that are read at once
GUESSING = 20.0  # seconds for passphrases, for all closed keys of the host together
ALONE = "a number of 32 bytes"
NOTHING, OTHER = "opens nothing", "of a kind for which nothing is sealed"
CLOSED, UNREADABLE = "closed by a passphrase", "no key can be read from it"

# What files hold in which a key is written as text: PEM, PEM in base64 once more, JSON Web Key.
MARKS = (b"PRIVATE KEY-----", b"LS0tLS1CRUdJTi", b'"kty"')
PEM = re.compile(rb"-----BEGIN ((?:[A-Z0-9]+ )*PRIVATE KEY)-----(.{1,%d}?)-----END \1-----" % LONGEST_KEY, re.DOTALL)
PEM_IN_BASE64 = re.compile(rb"LS0tLS1CRUdJTi[A-Za-z0-9+/\r\n]{40,}={0,2}")
JWK = re.compile(rb'\{[^{}]{0,%d}"kty"[^{}]{0,%d}\}' % (LONGEST_KEY, LONGEST_KEY))
# DER: PKCS#8, SEC 1 and PKCS#1; PKCS#8 closed by a passphrase (PKCS#5, PKCS#12); PKCS#12.
_LENGTH = rb"(?:[\x00-\x80]|\x81.|\x82..)"
DER = re.compile(rb"\x30%b\x02\x01[\x00\x01][\x02\x04\x30]" % _LENGTH, re.DOTALL)
DER_CLOSED = re.compile(rb"\x30%b\x30%b\x06.\x2a\x86\x48\x86\xf7\x0d\x01[\x05\x0c]" % (_LENGTH, _LENGTH), re.DOTALL)
DER_STORE = re.compile(rb"\x30%b\x02\x01\x03\x30" % _LENGTH, re.DOTALL)
# 32 bytes as hexadecimal or base64: enough for a key on P-256 (SEC 1's `d`).
NUMBER = re.compile(rb"(?<![\w+/-])(?:[0-9A-Fa-f]{64}|[A-Za-z0-9+/_-]{43}=?)(?![\w+/=-])")
PASSPHRASE = re.compile(rb"(?:pass|secret|pin|pw|key)[\w.-]*[\"']?\s*[=:]\s*[\"']?([^\s\"']{4,128})", re.IGNORECASE)
PACKAGED = ("/usr/", "/var/lib/dpkg/")  # what every host of a release has is nobody's passphrase

_P, _TEXT, _INT, _SIZE = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int, ctypes.c_size_t
_CALLS: dict[str, tuple[Any, ...]] = {  # what is returned, what is given; the manual pages of OpenSSL 3
    "BIO_new_mem_buf": (_P, _TEXT, _INT),
    "BIO_free": (_INT, _P),
    "d2i_PKCS12_bio": (_P, _P, _P),
    "PKCS12_parse": (_INT, _P, _TEXT, _P, _P, _P),
    "PKCS12_free": (None, _P),
    "X509_free": (None, _P),
    "d2i_PUBKEY": (_P, _P, _P, ctypes.c_long),
    "OSSL_DECODER_CTX_new_for_pkey": (_P, _P, _TEXT, _TEXT, _TEXT, _INT, _P, _TEXT),
    "OSSL_DECODER_CTX_set_passphrase": (_INT, _P, _TEXT, _SIZE),
    "OSSL_DECODER_from_data": (_INT, _P, _P, _P),
    "OSSL_DECODER_CTX_free": (None, _P),
    "EVP_PKEY_free": (None, _P),
    "EVP_PKEY_get0_type_name": (_TEXT, _P),
    "EVP_PKEY_get_bits": (_INT, _P),
    "EVP_PKEY_get_group_name": (_INT, _P, _P, _SIZE, _P),
    "EVP_PKEY_CTX_new": (_P, _P, _P),
    "EVP_PKEY_CTX_free": (None, _P),
    "EVP_PKEY_CTX_ctrl_str": (_INT, _P, _TEXT, _TEXT),
    "EVP_PKEY_derive_init": (_INT, _P),
    "EVP_PKEY_derive_set_peer": (_INT, _P, _P),
    "EVP_PKEY_derive": (_INT, _P, _P, _P),
    "EVP_PKEY_decrypt_init": (_INT, _P),
    "EVP_PKEY_decrypt": (_INT, _P, _P, _P, _TEXT, _SIZE),
    "EVP_CIPHER_CTX_new": (_P,),
    "EVP_CIPHER_CTX_set_flags": (None, _P, _INT),
    "EVP_CIPHER_CTX_free": (None, _P),
    "EVP_aes_256_wrap": (_P,),
    "EVP_DecryptInit_ex": (_INT, _P, _P, _P, _TEXT, _TEXT),
    "EVP_DecryptUpdate": (_INT, _P, _P, _P, _TEXT, _INT),
    "ERR_clear_error": (None,),
}
_KEYPAIR, _WRAP_ALLOWED = 0x87, 1  # EVP_PKEY_KEYPAIR, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW
_KEY_BITS = 256  # of the key that wraps: A256KW
_SPKI = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d030107034200")  # before a point on P-256


@cache
def crypto() -> Any:
    """Return OpenSSL's library."""
    library = ctypes.CDLL("libcrypto.so.3")
    for name, (returned, *given) in _CALLS.items():
        call = getattr(library, name)
        call.restype, call.argtypes = returned, given
    return library


class Key:
    """A private key in OpenSSL's memory."""

    def __init__(self, handle: int) -> None:
        """Keep the key behind an `EVP_PKEY *`."""
        self._handle = handle

    def __del__(self) -> None:
        """Give it back."""
        crypto().EVP_PKEY_free(self._handle)

    @property
    def kind(self) -> str:
        """Its algorithm, with the curve or the bits."""
        name = (crypto().EVP_PKEY_get0_type_name(self._handle) or b"unknown").decode()
        curve = ctypes.create_string_buffer(80)
        if name == "RSA":
            return f"RSA {crypto().EVP_PKEY_get_bits(self._handle)}"
        if name == "EC" and crypto().EVP_PKEY_get_group_name(self._handle, curve, len(curve), None):
            return f"EC {curve.value.decode()}"
        return name

    @property
    def could(self) -> bool:
        """Whether values are sealed for keys of this kind at all (decision 0014)."""
        return self.kind == "EC prime256v1" or self.kind.startswith("RSA ")

    def opens(self, sealed: str) -> bool:
        """Try to open a value: whether its content key comes out."""
        header, wrapped = sealed.split(".")[:2]
        said, given = json.loads(_decoded(header)), _decoded(wrapped)
        if said["alg"] == "RSA-OAEP-256":
            return self.kind.startswith("RSA ") and len(self._decrypted(given)) == 32
        shared = self._agreed(said["epk"]) if self.kind == "EC prime256v1" else b""
        return bool(shared) and unwraps(_derived(shared, said), given)

    def _decrypted(self, wrapped: bytes) -> bytes:
        context = crypto().EVP_PKEY_CTX_new(self._handle, None)
        out, size = ctypes.create_string_buffer(4096), _SIZE(4096)
        try:
            done = crypto().EVP_PKEY_decrypt_init(context) > 0
            for name, value in ((b"padding_mode", b"oaep"), (b"oaep_md", b"sha256"), (b"mgf1_md", b"sha256")):
                done = done and crypto().EVP_PKEY_CTX_ctrl_str(context, b"rsa_" + name, value) > 0
            done = done and crypto().EVP_PKEY_decrypt(context, out, ctypes.byref(size), wrapped, len(wrapped)) > 0
        finally:
            crypto().EVP_PKEY_CTX_free(context)
            crypto().ERR_clear_error()
        return out.raw[: size.value] if done else b""

    def _agreed(self, other: dict[str, str]) -> bytes:
        point = _SPKI + b"\4" + _decoded(other["x"]).rjust(32, b"\0") + _decoded(other["y"]).rjust(32, b"\0")
        start = ctypes.c_char_p(point)
        peer = crypto().d2i_PUBKEY(None, ctypes.byref(start), len(point))
        context = crypto().EVP_PKEY_CTX_new(self._handle, None)
        out, size = ctypes.create_string_buffer(64), _SIZE(64)
        try:
            done = (
                peer
                and crypto().EVP_PKEY_derive_init(context) > 0
                and crypto().EVP_PKEY_derive_set_peer(context, peer) > 0
                and crypto().EVP_PKEY_derive(context, out, ctypes.byref(size)) > 0
            )
        finally:
            crypto().EVP_PKEY_CTX_free(context)
            crypto().EVP_PKEY_free(peer)
            crypto().ERR_clear_error()
        return out.raw[: size.value] if done else b""


def _derived(shared: bytes, header: dict[str, Any]) -> bytes:
    """Return the key that wraps: one round of Concat KDF with SHA-256 (RFC 7518 section 4.6.2)."""
    parts = (header["alg"].encode(), _decoded(header.get("apu", "")), _decoded(header.get("apv", "")))
    information = b"".join(len(part).to_bytes(4, "big") + part for part in parts) + _KEY_BITS.to_bytes(4, "big")
    return hashlib.sha256((1).to_bytes(4, "big") + shared + information).digest()


def unwraps(key: bytes, wrapped: bytes) -> bool:
    """Tell whether a key unwraps what was wrapped; AES key wrap proves that by itself (RFC 3394 section 2.2.3)."""
    context = crypto().EVP_CIPHER_CTX_new()
    out, size = ctypes.create_string_buffer(len(wrapped) + 16), _INT()
    try:
        crypto().EVP_CIPHER_CTX_set_flags(context, _WRAP_ALLOWED)
        cipher = crypto().EVP_aes_256_wrap()
        done = crypto().EVP_DecryptInit_ex(context, cipher, None, key, None) > 0
        done = done and crypto().EVP_DecryptUpdate(context, out, ctypes.byref(size), wrapped, len(wrapped)) > 0
    finally:
        crypto().EVP_CIPHER_CTX_free(context)
        crypto().ERR_clear_error()
    return bool(done)


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


# --- Keys out of what files hold --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Found:
    """What is written like a private key.

    Args:
        form: how it is written.
        read: makes a key of it with a passphrase, an empty one where none is needed; None where that fails.
        closed: it cannot be read without a passphrase.
        other: it is of a kind for which nothing is sealed, and is not read at all.
    """

    form: str
    read: Callable[[bytes], Key | None]
    closed: bool = False
    other: bool = False


def keys_in(data: bytes) -> Iterator[Found]:
    """Give the private keys that the contents of a file hold."""
    if len(data) <= LONGEST_KEY:
        if DER_STORE.match(data):
            yield Found("PKCS#12", partial(from_store, data), closed=not from_store(data, b""))
        elif DER_CLOSED.match(data):
            yield Found("DER", partial(decoded, data), closed=True)
        elif DER.match(data) and decoded(data):
            yield Found("DER", partial(decoded, data))
    if any(mark in data for mark in MARKS):
        for block in PEM.finditer(data):
            yield from_pem(block[1], block[2])
        for coded in PEM_IN_BASE64.findall(data):
            text = re.sub(rb"[^A-Za-z0-9+/]", b"", coded)
            if len(text) % 4 != 1:
                yield from keys_in(base64.b64decode(text + b"=" * (-len(text) % 4)))
        for document in JWK.findall(data):
            yield from from_jwk(document)


def numbers_in(data: bytes) -> set[bytes]:
    """Return what may be a private key on P-256 with nothing around it: 32 bytes, raw, hexadecimal or base64."""
    found = {data} if len(data) == 32 else set()
    for text in NUMBER.findall(data):
        found.add(bytes.fromhex(text.decode()) if len(text) == 64 else _decoded(_urlsafe(text)))
    return found


def passphrases_in(data: bytes) -> set[bytes]:
    """Return what may be a passphrase: the only line of a file, or what stands behind a name such as `password`."""
    lines = data.split(b"\n")
    alone = {lines[0].strip()} if len(lines) == 1 or not b"".join(lines[1:]).strip() else set()
    return {one for one in {*alone, *PASSPHRASE.findall(data)} if 4 <= len(one) <= 128 and one.isascii()}


def _urlsafe(text: bytes) -> str:
    return text.decode().rstrip("=").replace("+", "-").replace("/", "_")


def decoded(data: bytes, passphrase: bytes = b"") -> Key | None:
    """Read a key in any form that OpenSSL knows."""
    handle, size, start = _P(), _SIZE(len(data)), ctypes.c_char_p(data)
    context = crypto().OSSL_DECODER_CTX_new_for_pkey(ctypes.byref(handle), None, None, None, _KEYPAIR, None, None)
    try:  # always with a passphrase, if an empty one: it must ask nobody
        crypto().OSSL_DECODER_CTX_set_passphrase(context, passphrase, len(passphrase))
        crypto().OSSL_DECODER_from_data(context, ctypes.byref(start), ctypes.byref(size))
    finally:
        crypto().OSSL_DECODER_CTX_free(context)
        crypto().ERR_clear_error()
    return Key(handle.value) if handle.value else None


def from_store(data: bytes, passphrase: bytes) -> Key | None:
    """Read the key of a PKCS#12 file."""
    handle, certificate = _P(), _P()
    source = crypto().BIO_new_mem_buf(data, len(data))
    store = crypto().d2i_PKCS12_bio(source, None)
    try:
        if store:
            crypto().PKCS12_parse(store, passphrase, ctypes.byref(handle), ctypes.byref(certificate), None)
    finally:
        crypto().X509_free(certificate)
        crypto().PKCS12_free(store)
        crypto().BIO_free(source)
        crypto().ERR_clear_error()
    return Key(handle.value) if handle.value else None


def from_pem(label: bytes, body: bytes) -> Found:
    """Read a PEM block, also one that is indented, or written with `\\n` in a document."""
    lines = [line.strip() for line in body.replace(b"\\r", b"").replace(b"\\n", b"\n").split(b"\n")]
    if label == b"OPENSSH PRIVATE KEY":
        return from_openssh(b"".join(lines))
    text = b"\n".join(lines).strip()
    whole = b"-----BEGIN %b-----\n%b\n-----END %b-----\n" % (label, text, label)
    closed = label.startswith(b"ENCRYPTED ") or b"ENCRYPTED" in text.partition(b"\n")[0]
    return Found(f"PEM {label.decode()}", partial(decoded, whole), closed=closed)


def from_openssh(text: bytes) -> Found:
    """Read a key in OpenSSH's own form (PROTOCOL.key of OpenSSH); a passphrase of it is not tried."""
    try:
        cipher, _, _, rest = _strings(base64.b64decode(text)[len(b"openssh-key-v1\0") :], 3)
        public, private, _ = _strings(rest[4:], 2)  # after the number of keys
        kind, _ = _strings(public, 1)
    except ValueError:
        return Found("OpenSSH", lambda _: None)
    other = kind not in {b"ssh-rsa", b"ecdsa-sha2-nistp256"}
    closed = cipher != b"none" and not other
    return Found(f"OpenSSH {kind.decode(errors='replace')}", lambda _: of_openssh(private), closed, other)


def of_openssh(private: bytes) -> Key | None:
    """Read the private part of OpenSSH's form."""
    try:
        kind, rest = _strings(private[8:], 1)  # after a number that is there twice
        if kind == b"ssh-rsa":
            n, e, d, _, p, q = (int.from_bytes(one, "big") for one in _strings(rest, 6)[:6])
            return from_numbers(n, e, d, p, q)
        return from_number(_strings(rest, 3)[2][-32:]) if kind == b"ecdsa-sha2-nistp256" else None
    except ValueError:
        return None


def _strings(data: bytes, count: int) -> list[bytes]:
    """Return some strings with their lengths before them, and what comes after (RFC 4251 section 5)."""
    found = []
    for _ in range(count):
        size = int.from_bytes(data[:4], "big")
        if len(data) < 4 + size:
            raise ValueError("cut off")
        found.append(data[4 : 4 + size])
        data = data[4 + size :]
    return [*found, data]


def from_jwk(document: bytes) -> Iterator[Found]:
    """Give the private key of a JSON Web Key."""
    try:
        members = json.loads(document)
        numbers = {name: _decoded(members[name]) for name in ("d", "n", "e", "p", "q") if name in members}
    except (ValueError, TypeError):
        return
    if members.get("kty") == "EC" and "d" in numbers:
        yield Found("JWK", lambda _: from_number(numbers["d"]))
    elif members.get("kty") == "RSA" and len(numbers) == 5:
        whole = [int.from_bytes(numbers[name], "big") for name in ("n", "e", "d", "p", "q")]
        yield Found("JWK", lambda _: from_numbers(*whole))


def from_number(number: bytes) -> Key | None:
    """Take 32 bytes for a private key on P-256 (RFC 5915, without the public half)."""
    return decoded(
        bytes.fromhex("303102010104 20") + number.rjust(32, b"\0") + bytes.fromhex("a00a06082a8648ce3d030107")
    )


def _alone(number: bytes, _passphrase: bytes) -> Key | None:
    return from_number(number)


def from_numbers(n: int, e: int, d: int, p: int, q: int) -> Key | None:
    """Make an RSA key of its numbers (RFC 8017 appendix A.1.2)."""
    parts = (0, n, e, d, p, q, d % (p - 1), d % (q - 1), pow(q, -1, p))
    return decoded(_tagged(0x30, b"".join(_tagged(2, one.to_bytes(one.bit_length() // 8 + 1, "big")) for one in parts)))


def _tagged(tag: int, data: bytes) -> bytes:
    size = len(data).to_bytes((len(data).bit_length() + 7) // 8 or 1, "big")
    return bytes([tag]) + (size if len(data) < 128 else bytes([0x80 | len(size)]) + size) + data


# --- The search -------------------------------------------------------------------------------------------------------


def files() -> Iterator[str]:
    """Give the files of this host: on its disks, and in memory that looks like one, also of one service alone."""
    own = _mounts("self")
    yield from _below("/", lambda device: own.get(device, ("", ""))[0] not in KERNEL)
    known = set(own)
    for number in sorted((name for name in os.listdir("/proc") if name.isdigit()), key=int):
        for device, (kind, place) in _mounts(number).items():
            if kind in IN_MEMORY and device not in known:
                known.add(device)
                yield from _below(f"/proc/{number}/root{place}", partial(operator.eq, device))


def _below(top: str, wanted: Callable[[int], bool]) -> Iterator[str]:
    """Give the files below a folder, on those file systems whose device is wanted."""
    for folder, inner, names in os.walk(top):
        try:
            if not wanted(os.stat(folder).st_dev):
                inner.clear()
                continue
        except OSError:  # gone meanwhile
            continue
        yield from (os.path.join(folder, name) for name in names)


def _mounts(number: str) -> dict[int, tuple[str, str]]:
    """Return what a process has mounted: kind and place, by device (proc_pid_mountinfo(5))."""
    try:
        with open(f"/proc/{number}/mountinfo", encoding="utf-8", errors="surrogateescape") as file:
            lines = [line.split() for line in file]
    except OSError:  # the process has ended
        return {}
    devices = [os.makedev(*map(int, line[2].split(":"))) for line in lines]
    return {device: (line[line.index("-") + 1], line[4]) for device, line in zip(devices, lines, strict=True)}


def marked(paths: Iterable[str]) -> list[str]:
    """Return those files in which a key may be written as text."""
    grep = ["grep", "--files-with-matches", "--null", "--text", "--fixed-strings", "--devices=skip", "--no-messages"]
    done = subprocess.run(
        ["xargs", "--null", "--no-run-if-empty", *grep, *(f"--regexp={mark.decode()}" for mark in MARKS), "--"],
        input=b"\0".join(map(os.fsencode, paths)),
        capture_output=True,
        env={"LC_ALL": "C", "PATH": os.environ.get("PATH", "/usr/bin:/bin")},
        check=False,
    )
    return [os.fsdecode(path) for path in done.stdout.split(b"\0") if path]


def contents(paths: Iterable[str]) -> Iterator[tuple[str, bytes]]:
    """Give what is in the files in which a key may be: all small ones, and of the others those that are marked."""
    large = []
    for path in paths:
        try:
            found = os.lstat(path)
        except OSError:  # gone meanwhile
            continue
        if stat.S_ISREG(found.st_mode) and found.st_size > LONGEST_KEY:
            large.append(path)
        elif stat.S_ISREG(found.st_mode) and found.st_size:
            yield from ((path, piece) for piece in pieces(path))
    for path in marked(large):
        yield from ((path, piece) for piece in pieces(path))


def pieces(path: str) -> Iterator[bytes]:
    """Give what a file holds, piece by piece, each beginning with the end of the one before; nothing if it is gone."""
    before = b""
    try:
        with open(path, "rb") as file:
            while piece := file.read(PIECE):
                yield before + piece
                before = piece[-2 * LONGEST_KEY :]
    except OSError:
        return


def tried(found: Found, values: dict[str, str], passphrases: Iterable[bytes], until: float) -> dict[str, Any]:
    """Try what is written like a key on every value.

    Args:
        found: as `keys_in` gives it.
        values: sealed values by what they are called.
        passphrases: tried where it is closed.
        until: when to stop trying passphrases, by the monotonic clock.

    Returns:
        `kind`, the names of the values that it `opens`, and `said`: what came of it in words.
    """
    if found.other:
        return {"kind": found.form, "opens": [], "said": OTHER}
    key, number = None if found.closed else found.read(b""), 0
    if found.closed and not found.form.startswith("OpenSSH"):
        for passphrase in passphrases:
            if key or time.monotonic() > until:
                break
            key, number = found.read(passphrase), number + 1
    if key is None:
        return {"kind": found.form, "opens": [], "said": f"{CLOSED}; {number} tried" if found.closed else UNREADABLE}
    opened = [name for name, sealed in values.items() if key.opens(sealed)]
    said = f"opens {', '.join(opened)}" if opened else NOTHING if key.could else OTHER
    return {"kind": f"{found.form}, {key.kind}", "opens": opened, "said": said}


def search(values: dict[str, str], paths: Iterable[str]) -> dict[str, Any]:
    """Look for keys, and try each; returns what came out of it, and how much was looked at."""
    keys: list[tuple[str, Found]] = []
    numbers: dict[bytes, list[str]] = {}
    passphrases: dict[bytes, str] = {}
    read = 0
    for path, data in contents(paths):
        read += 1
        keys += [(path, found) for found in keys_in(data)]
        if len(data) <= LONGEST_SECRET:
            for number in numbers_in(data):
                numbers.setdefault(number, []).append(path)
            if not path.startswith(PACKAGED):
                passphrases |= dict.fromkeys(passphrases_in(data), os.path.dirname(path))
    until, came_out = time.monotonic() + GUESSING, []
    for path, found in keys:
        # What lies beside a closed key is the likeliest to open it.
        beside = {one: folder == os.path.dirname(path) for one, folder in passphrases.items()} if found.closed else {}
        came_out.append({"path": path, **tried(found, values, sorted(beside, key=beside.__getitem__)[::-1], until)})
    for number, places in numbers.items():
        row = tried(Found(ALONE, partial(_alone, number)), values, (), until)
        came_out += [{"path": path, **row} for path in places if row["opens"] or not path.startswith(PACKAGED)]
    return {"keys": came_out, "numbers": len(numbers), "passphrases": len(passphrases), "files": read}


def main(values: dict[str, str], control: list[dict[str, str]], control_values: dict[str, str]) -> None:
    """Print what was tried and what came of it, as JSON.

    Args:
        values: what is stored, by what it is called.
        control: files with throwaway keys: their `form`, their `data` in base64, and the value that each `opens`.
        control_values: what was sealed for these keys, by what it is called.
    """
    placed: dict[str, dict[str, str]] = {}
    with ExitStack() as stack:
        for top in CONTROL_AT:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="azukari-control-", dir=top))
            for number, one in enumerate(control):
                placed[f"{folder}/{number}"] = one
                with open(f"{folder}/{number}", "wb") as file:
                    file.write(base64.b64decode(one["data"]))
        found = search(values | control_values, files())
    opened = {(row["path"], name) for row in found["keys"] for name in row["opens"]}
    missed = [
        f"{one['form']} in {os.path.dirname(os.path.dirname(path))}"
        for path, one in placed.items()
        if one["opens"] and (path, one["opens"]) not in opened
    ]
    own = [
        {**row, "path": _shown(row["path"])}
        for row in found["keys"]  # the control may be seen by a second way, such as another mount
        if row["path"] not in placed and not set(row["opens"]) & set(control_values)
    ]
    print(json.dumps({**found, "keys": own, "missed": missed}))


def _shown(path: str) -> str:
    return os.fsencode(path).decode("utf-8", "backslashreplace")
