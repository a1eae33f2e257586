"""What a web host holds of its certificate by ACME: keeps the request, says why one is due, and has it had anew."""

import os
import re
import subprocess

from ansible.module_utils.basic import AnsibleModule

KEY, CERTIFICATE = "/etc/azukari/tls/public.key", "/etc/azukari/tls/public.pem"
REQUEST = "/etc/azukari/acme/public.csr"
PROGRAM, RENEWAL, INSTALL = "/usr/local/libexec/azukari-acme", "azukari-acme.service", "azukari-acme-install.service"
ASKED_FOR, LAST_WORDS = "/run/azukari-acme.due", "/var/lib/azukari-acme/last-words"


def read(path):
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except FileNotFoundError:
        return ""


def said(*argv):
    """Return what a command says; empty where it fails or is missing."""
    try:
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def request_fits(names):
    """Tell whether the request that is kept is for the key and the names, no more and no fewer."""
    if not read(REQUEST):
        return False
    asked = re.findall(r"(?:DNS|IP Address):([^\s,]+)", said("openssl", "req", "-in", REQUEST, "-noout", "-text"))
    same_key = said("openssl", "req", "-in", REQUEST, "-noout", "-pubkey") == said(
        "openssl", "pkey", "-in", KEY, "-pubout"
    )
    return same_key and sorted(asked) == sorted(names)


def make_request(module, names):
    wanted = ",".join(f"DNS:{name}" for name in names)
    new = f"{REQUEST}.new"
    command = ["openssl", "req", "-new", "-key", KEY, "-subj", f"/CN={names[0]}", "-out", new]
    done = subprocess.run(
        [*command, "-addext", f"subjectAltName={wanted}"], capture_output=True, text=True, check=False
    )
    if done.returncode:
        module.fail_json(msg=f"the request for a certificate could not be made: {done.stderr.strip()}")
    os.chmod(new, 0o644)
    os.replace(new, REQUEST)


def have_it_had(module, forced):
    """Run the renewal now, and put in place what came of it."""
    if forced:
        with open(ASKED_FOR, "w", encoding="utf-8"):
            pass
    try:
        renewed = subprocess.run(["systemctl", "start", "--wait", RENEWAL], capture_output=True, text=True, check=False)
        if renewed.returncode:
            why = read(LAST_WORDS).strip() or f"look at `journalctl -u {RENEWAL}`"
            module.fail_json(msg=why, refused=True)
        placed = subprocess.run(["systemctl", "start", "--wait", INSTALL], capture_output=True, text=True, check=False)
        if placed.returncode:
            module.fail_json(msg=f"what was had could not be put in place: look at `journalctl -u {INSTALL}`")
    finally:
        if os.path.exists(ASKED_FOR):
            os.unlink(ASKED_FOR)


def main():
    module = AnsibleModule(
        argument_spec={
            "names": {"type": "list", "elements": "str", "required": True},
            "have": {"type": "bool", "default": False},
            "forced": {"type": "bool", "default": False},
        },
        supports_check_mode=True,
    )
    names = module.params["names"]
    fits = request_fits(names)
    if not fits and not module.check_mode:
        make_request(module, names)
    if module.params["have"] and not module.check_mode:
        have_it_had(module, module.params["forced"])
    if not fits:
        due = "there is no request for these names and this key"
    elif not os.path.exists(PROGRAM):
        due = "its renewal is not set up yet"
    elif os.path.exists(ASKED_FOR):
        due = "it was asked for"
    else:
        due = said(PROGRAM, "due")
        failed = [one for one in (RENEWAL, INSTALL) if said("systemctl", "is-failed", one) == "failed"]
        due = due or (f"{failed[0]} has failed" if failed else "")
    module.exit_json(changed=not fits, due=due, chain=read(CERTIFICATE))


if __name__ == "__main__":
    main()
