"""From Vyper sources to ABI and bytecode, once per process or, with a cache folder, once per machine."""

import hashlib
import json
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

CONTRACTS: Final = Path(__file__).parent / "contracts"
EVM_VERSION: Final = "cancun"
"""The oldest rules with transient storage, which the reentrancy locks use; every chain of note has them."""


@dataclass(frozen=True, slots=True)
class ContractCode:
    """A compiled contract. `bytecode` deploys it; `blueprint` deploys it as an ERC-5202 blueprint instead."""

    name: str
    abi: tuple[dict[str, Any], ...]
    bytecode: bytes
    blueprint: bytes

    @property
    def constructor_types(self) -> tuple[str, ...]:
        """ABI types of the constructor's arguments."""
        inputs = [entry["inputs"] for entry in self.abi if entry["type"] == "constructor"]
        return tuple(parameter["type"] for parameter in inputs[0]) if inputs else ()


def house_contract(name: str, cache: Path | None = None) -> ContractCode:
    """The house's own contract `name`, a file of `contracts` that can be deployed."""
    return compile_contract(CONTRACTS / f"{name}.vy", cache)


@lru_cache
def compile_contract(source: Path, cache: Path | None = None) -> ContractCode:
    """Compile the contract in file `source`, whose imports are looked up beside it, then among the house's own.

    `cache` is a folder for the results; an entry holds for one compiler version and one state of the folders of
    sources. Compiler errors pass through as Vyper raises them.
    """
    if cache is None:
        return _compile(source)
    entry = cache / f"{source.stem}-{_fingerprint(source)}.json"
    if entry.exists():
        return _from_json(json.loads(entry.read_text()))
    code = _compile(source)
    cache.mkdir(parents=True, exist_ok=True)
    # Written aside first: several nodes may start at once and share the folder.
    aside = entry.with_suffix(f".{id(code):x}.tmp")
    aside.write_text(json.dumps(_to_json(code)))
    aside.replace(entry)
    return code


def _compile(source: Path) -> ContractCode:
    # Imported late: with a warm cache a node never loads the compiler.
    from vyper import compile_code
    from vyper.compiler.input_bundle import FilesystemInputBundle
    from vyper.compiler.settings import Settings

    bundle = FilesystemInputBundle(_folders(source))
    output = compile_code(
        source.read_text(),
        contract_path=source,
        input_bundle=bundle,
        output_formats=["abi", "bytecode", "blueprint_bytecode"],
        settings=Settings(evm_version=EVM_VERSION),
    )
    return ContractCode(
        source.stem,
        tuple(output["abi"]),
        bytes.fromhex(output["bytecode"].removeprefix("0x")),
        bytes.fromhex(output["blueprint_bytecode"].removeprefix("0x")),
    )


def _fingerprint(source: Path) -> str:
    digest = hashlib.sha256(f"{version('vyper')} {EVM_VERSION} {source.name}".encode())
    for folder in _folders(source):
        for file in sorted(folder.glob("*.vy*")):
            digest.update(file.name.encode() + b"\0" + hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()[:32]


def _folders(source: Path) -> list[Path]:
    """Where imports are looked up; the compiler begins with the last one."""
    return list(dict.fromkeys((CONTRACTS, source.parent)))


def _to_json(code: ContractCode) -> dict[str, Any]:
    return {
        "name": code.name,
        "abi": code.abi,
        "bytecode": code.bytecode.hex(),
        "blueprint": code.blueprint.hex(),
    }


def _from_json(data: dict[str, Any]) -> ContractCode:
    return ContractCode(
        data["name"], tuple(data["abi"]), bytes.fromhex(data["bytecode"]), bytes.fromhex(data["blueprint"])
    )
