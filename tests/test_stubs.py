"""The committed stubs are what protoc makes of the committed proto files, with the version that made them."""

import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
STUBS = ROOT / "node" / "stubs" / "clearing" / "v1"


def generated_by() -> set[str]:
    """Versions of grpcio-tools named in the service stubs."""
    pattern = re.compile(r"GRPC_GENERATED_VERSION = '([^']+)'")
    return {match for path in STUBS.glob("*_pb2_grpc.py") for match in pattern.findall(path.read_text())}


def check() -> subprocess.CompletedProcess[str]:
    script = ROOT / "node" / "stubs" / "generate.py"
    return subprocess.run([sys.executable, script, "--check"], capture_output=True, text=True, check=False)


def test_all_stubs_were_made_by_one_version():
    assert len(generated_by()) == 1


def test_regenerating_the_stubs_changes_nothing():
    if generated_by() != {version("grpcio-tools")}:
        pytest.skip("another version of grpcio-tools is installed than the one that made the stubs")

    outcome = check()

    assert outcome.returncode == 0, f"run `python node/stubs/generate.py`: {outcome.stderr}"


def test_every_proto_file_is_of_the_package_it_lies_in():
    sources = sorted((ROOT / "proto" / "clearing" / "v1").glob("*.proto"))

    assert sources
    for source in sources:
        assert re.search(r"^package clearing\.v1;$", source.read_text(), re.MULTILINE), source.name


def test_every_rpc_has_a_request_and_a_response_of_its_own_name():
    """buf's STANDARD rule: either can grow a field without touching another call."""
    rpc = re.compile(r"rpc\s+(\w+)\s*\((?:stream\s+)?(\w+)\)\s*returns\s*\((?:stream\s+)?(\w+)\)")
    seen: set[str] = set()
    for source in sorted((ROOT / "proto" / "clearing" / "v1").glob("*.proto")):
        text = source.read_text()
        services = re.findall(r"^service\s+(\w+)", text, re.MULTILINE)
        assert len(services) <= 1, f"{source.name} holds more than one service"
        for name, request, response in rpc.findall(text):
            allowed = [
                {f"{name}Request", f"{services[0]}{name}Request"},
                {f"{name}Response", f"{services[0]}{name}Response"},
            ]
            assert request in allowed[0], f"{source.name}: {name} takes {request}"
            assert response in allowed[1], f"{source.name}: {name} returns {response}"
            assert not {request, response} & seen, f"{source.name}: {name} shares a message with another call"
            seen |= {request, response}
