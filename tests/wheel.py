"""The wheel as a user gets it: built, and installed in an empty environment with the locked dependencies."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Installed:
    """An environment with nothing in it but the wheel and its dependencies.

    Attributes:
        wheel: the file that was built.
        python: the environment's interpreter.
        home: where its azukari keeps its state.
    """

    wheel: Path
    python: Path
    home: Path

    def azukari(self, *arguments: str, cwd: Path, timeout: float = 120) -> subprocess.CompletedProcess[str]:
        """Run the installed command outside the checkout; nothing of the caller's Python settings gets in."""
        kept = {
            name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "AZUKARI", "VIRTUAL"))
        }
        return subprocess.run(
            [str(self.python.with_name("azukari")), *arguments],
            cwd=cwd,
            env={**kept, "AZUKARI_HOME": str(self.home), "COLUMNS": "200"},
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )


def build(folder: Path) -> Path:
    """Build the wheel, with the build back end that is installed here."""
    _run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(REPOSITORY))
    (wheel,) = folder.glob("azukari-*.whl")
    return wheel


def install(folder: Path) -> Installed:
    """Build the wheel and install it below `folder`; each dependency must have a hash of the lock."""
    wheel = build(folder / "dist")
    environment = folder / "environment"
    uv = str(Path(sys.executable).with_name("uv"))
    _run(uv, "venv", "--quiet", "--python", sys.executable, str(environment))
    into = ("pip", "install", "--quiet", "--python", str(environment / "bin" / "python"))
    _run(uv, *into, "--require-hashes", "-r", str(REPOSITORY / "requirements.lock"))
    _run(uv, *into, "--no-deps", str(wheel))
    return Installed(wheel, environment / "bin" / "python", folder / "home")


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}")
