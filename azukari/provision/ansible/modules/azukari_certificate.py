"""What a host holds of one certificate: makes a missing key (it never leaves), returns the public parts."""

import base64
import os
import subprocess

from ansible.module_utils.basic import AnsibleModule


def text(path):
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except FileNotFoundError:
        return ""


def binary(path):
    try:
        with open(path, "rb") as file:
            return base64.b64encode(file.read()).decode()
    except FileNotFoundError:
        return ""


def run(module, argv):
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode:
        module.fail_json(msg=f"{' '.join(argv)}: {done.stderr.strip()}")
    return done.stdout


def tls(module, key, names):
    """Return (key was made, request); P-256 is on CRYPTREC's list and every client knows it."""
    made = not os.path.exists(key)
    if made and module.check_mode:
        return True, ""
    if made:
        os.makedirs(os.path.dirname(key), mode=0o755, exist_ok=True)
        old = os.umask(0o077)
        run(
            module,
            ["openssl", "genpkey", "-quiet", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", key],
        )
        os.umask(old)
    kinds = ["IP" if name.replace(".", "").isdigit() or ":" in name else "DNS" for name in names]
    wanted = ",".join(f"{kind}:{name}" for kind, name in zip(kinds, names, strict=True))
    request = run(
        module,
        ["openssl", "req", "-new", "-key", key, "-subj", f"/CN={names[0]}", "-addext", f"subjectAltName={wanted}"],
    )
    return made, request


def main():
    module = AnsibleModule(
        argument_spec={
            "kind": {"type": "str", "required": True, "choices": ["ssh_host", "tls", "krl"]},
            "key": {"type": "path"},
            "certificate": {"type": "path", "required": True},
            "names": {"type": "list", "elements": "str", "default": []},
        },
        supports_check_mode=True,
    )
    given = module.params
    made, request = False, ""
    if given["kind"] == "tls":
        made, request = tls(module, given["key"], given["names"])
    elif given["kind"] == "ssh_host":
        made = not os.path.exists(given["key"])
        if made and not module.check_mode:
            run(module, ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", given["key"]])
        request = text(given["key"] + ".pub")
    current = binary(given["certificate"]) if given["kind"] == "krl" else text(given["certificate"])
    module.exit_json(changed=made, made=made, request=request, current=current)


if __name__ == "__main__":
    main()
