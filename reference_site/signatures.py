"""The office's signatures (`ssh-keygen -Y sign`; PROTOCOL.sshsig of OpenSSH), as a server looks at them."""

import subprocess
import tempfile
from pathlib import Path

_SECONDS = 20


class CannotTell(Exception):
    """Whether something is signed could not be found out; says why."""


def signed(text: bytes, signature: bytes, office_key: str, namespace: str) -> bool:
    """Tell whether the office signed a text.

    Args:
        text: the text.
        signature: in OpenSSH's armour.
        office_key: the office's approval key, “TYPE BASE64”.
        namespace: what the signature is for: one for another purpose counts for nothing.

    Raises:
        CannotTell: ssh-keygen gave no answer.
    """
    with tempfile.TemporaryDirectory(prefix="azukari-signature-") as folder:
        allowed, file = Path(folder) / "allowed_signers", Path(folder) / "signature"
        allowed.write_text(f'office namespaces="{namespace}" {office_key}\n', encoding="utf-8")
        file.write_bytes(signature)
        command = ["ssh-keygen", "-Y", "verify", "-f", str(allowed), "-I", "office", "-n", namespace, "-s", str(file)]
        try:
            ran = subprocess.run(command, input=text, capture_output=True, check=False, timeout=_SECONDS)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise CannotTell("The office's signature could not be looked at: ssh-keygen gave no answer.") from error
    return ran.returncode == 0
