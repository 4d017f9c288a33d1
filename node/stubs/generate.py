"""Generates the Python stubs of `proto/clearing/v1/*.proto` beside this script.

    python node/stubs/generate.py            write them python node/stubs/generate.py --check    change
    nothing; exit 1 and name what is missing, stale or different

A plain script: `node/stubs` holds the import root of the package `clearing` and is itself no package.
"""

import argparse
import shutil
import sys
import tempfile
from importlib.resources import files
from pathlib import Path

from grpc_tools import protoc

STUBS = Path(__file__).resolve().parent
PROTO = STUBS.parent.parent / "proto"
PACKAGE = Path("clearing") / "v1"
SUFFIXES = ("_pb2.py", "_pb2.pyi", "_pb2_grpc.py")


def generate(target: Path) -> None:
    """Writes the stubs of every file of the package below `target`; ends the script if protoc refuses one."""
    sources = sorted(str(path.relative_to(PROTO)) for path in (PROTO / PACKAGE).glob("*.proto"))
    well_known = str(files("grpc_tools") / "_proto")
    status = protoc.main(
        ["protoc", f"-I{PROTO}", f"-I{well_known}"]
        + [f"--{kind}_out={target}" for kind in ("python", "pyi", "grpc_python")]
        + sources
    )
    if status != 0:
        raise SystemExit(status)


def differences(fresh: Path, committed: Path) -> list[str]:
    """Names of the stubs that differ between two roots, or that only one of them has."""

    def stubs(root: Path) -> dict[str, bytes]:
        folder = root / PACKAGE
        return {path.name: path.read_bytes() for path in folder.iterdir() if path.name.endswith(SUFFIXES)}

    new, old = stubs(fresh), stubs(committed)
    return sorted(name for name in new.keys() | old.keys() if new.get(name) != old.get(name))


def main(arguments: list[str] | None = None) -> int:
    """Entry point; returns the exit status."""
    parser = argparse.ArgumentParser(description="Generate the gRPC stubs of clearing.v1.")
    parser.add_argument("--check", action="store_true", help="write nothing, fail if a stub is out of date")
    check = parser.parse_args(arguments).check
    with tempfile.TemporaryDirectory() as folder:
        generate(Path(folder))
        stale = differences(Path(folder), STUBS)
        for name in stale:
            if check:
                sys.stderr.write(f"out of date: {name}\n")
            else:
                replace(Path(folder) / PACKAGE / name, STUBS / PACKAGE / name)
    return 1 if check and stale else 0


def replace(fresh: Path, committed: Path) -> None:
    """Puts a stub where it belongs, or takes away one whose source is gone."""
    if fresh.exists():
        shutil.copyfile(fresh, committed)
    else:
        committed.unlink()


if __name__ == "__main__":
    raise SystemExit(main())
