"""Contracts compile from source; results are kept until a source changes; nothing in the house has an owner."""

from pathlib import Path

import pytest

from node.chains.compile import CONTRACTS, compile_contract, house_contract

SOURCE = """
# pragma version ~=0.4.3
@deploy
def __init__(first: uint256, second: address):
    pass
@external
@view
def answer() -> uint256:
    return {answer}
"""


def write(folder: Path, answer: int) -> Path:
    path = folder / "Answer.vy"
    path.write_text(SOURCE.format(answer=answer))
    return path


def test_constructor_types_are_known(tmp_path: Path) -> None:
    assert compile_contract(write(tmp_path, 41)).constructor_types == ("uint256", "address")


def test_a_cached_result_equals_the_compiled_one(tmp_path: Path) -> None:
    source, cache = write(tmp_path, 42), tmp_path / "cache"
    compiled = compile_contract(source, cache)
    compile_contract.cache_clear()
    (entry,) = cache.iterdir()
    written = entry.stat().st_mtime_ns
    assert compile_contract(source, cache) == compiled
    assert entry.stat().st_mtime_ns == written, "the second time reads only"


def test_a_changed_source_is_compiled_again(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    before = compile_contract(write(tmp_path, 43), cache)
    compile_contract.cache_clear()
    assert compile_contract(write(tmp_path, 44), cache).bytecode != before.bytecode


@pytest.mark.parametrize("name", ["ClearingHub", "CollateralVault", "CollateralAuction", "SolvencyVerifier"])
def test_no_contract_has_an_owner_an_upgrade_or_a_way_to_pay_ether_in(name: str) -> None:
    functions = [entry for entry in house_contract(name).abi if entry["type"] == "function"]
    changing = {entry["name"] for entry in functions if entry["stateMutability"] not in ("view", "pure")}
    expected = {
        "ClearingHub": {"commit", "rotate", "submit"},
        "CollateralVault": {"deposit", "pay", "seize", "guard", "rotate", "checkpoint", "request_exit", "finish_exit"},
        "CollateralAuction": {"start", "buy", "route"},
        "SolvencyVerifier": set(),
    }
    assert changing == expected[name]
    assert all(
        entry["stateMutability"] != "payable" for entry in house_contract(name).abi if "stateMutability" in entry
    )


@pytest.mark.parametrize("name", ["ClearingHub", "CollateralVault", "SolvencyVerifier"])
def test_a_contract_is_below_the_size_limit_of_eip_170(name: str) -> None:
    assert len(house_contract(name).bytecode) <= 24_576


def test_sources_travel_with_the_package() -> None:
    assert {path.name for path in CONTRACTS.glob("*.vy")} >= {"ClearingHub.vy", "CollateralVault.vy"}
