"""The 32 bytes that an owner pins stand for everything that a house is."""

from dataclasses import dataclass, replace
from typing import Any

import pytest
from eth_hash.auto import keccak

from node.ledger.house_digest import house_digest
from node.ledger.state import House
from node.ledger.types import Address, Digest
from node.market.instruments import Registry
from tests.support.committee import deal_committee
from tests.support.ledger import Setting


@dataclass(frozen=True)
class Contracts:
    chain_id: int
    vault: bytes
    auction: bytes


CHAINS = (Contracts(1, bytes([1] * 20), bytes([2] * 20)), Contracts(256, bytes([3] * 20), bytes([4] * 20)))


def digest(house: House, chains: Any = CHAINS) -> Digest:
    return house_digest(house.deployment, house.committee, house.parameters_digest, house.validators, chains)


def test_the_digest_is_keccak_of_the_stated_bytes(setting: Setting):
    house, committee = setting.house, setting.house.committee.encode()
    stated = b"zkclear/v1/house"
    stated += (32).to_bytes(4, "big") + house.deployment.digest
    stated += len(committee).to_bytes(4, "big") + committee
    stated += (32).to_bytes(4, "big") + house.parameters_digest
    stated += (4).to_bytes(4, "big") + b"".join((20).to_bytes(4, "big") + v for v in house.validators)
    stated += (2).to_bytes(4, "big")
    for chain_id, vault, auction in ((1, 1, 2), (256, 3, 4)):
        stated += chain_id.to_bytes(32, "big")
        stated += (20).to_bytes(4, "big") + bytes([vault] * 20) + (20).to_bytes(4, "big") + bytes([auction] * 20)
    assert digest(house) == keccak(stated)


def test_the_order_in_which_chains_are_told_does_not_matter_and_that_of_validators_does(setting: Setting):
    house = setting.house
    assert digest(house, CHAINS[::-1]) == digest(house)
    assert digest(replace(house, validators=house.validators[::-1])) != digest(house)


def registry_with(house: House, **changes: Any) -> Registry:
    first, *others = house.registry.collateral
    return replace(house.registry, collateral=(replace(first, **changes), *others))


@pytest.mark.parametrize(
    "change",
    [
        lambda house: replace(house, deployment=replace(house.deployment, salt=bytes([1] * 32))),
        lambda house: replace(house, deployment=replace(house.deployment, hub=bytes(20))),
        lambda house: replace(house, deployment=replace(house.deployment, hub_chain_id=1)),
        lambda house: replace(house, committee=deal_committee(3, 4).public),
        lambda house: replace(house, validators=(*house.validators[:3], Address(bytes(20)))),
        lambda house: replace(house, validators=house.validators[:3]),
        lambda house: replace(house, registry=registry_with(house, token=bytes([9] * 20))),
        lambda house: replace(house, registry=registry_with(house, decimals=8)),
        lambda house: replace(house, market=replace(house.market, maintenance_floor_ppm=94_999)),
        lambda house: replace(house, rules=replace(house.rules, penalty_ppm=9_999)),
    ],
    ids=[
        "salt", "hub", "hub chain", "committee", "validator", "fewer validators", "token", "decimals", "market",
        "rules",
    ],
)  # fmt: skip
def test_another_part_of_the_house_is_another_digest(setting: Setting, change: Any):
    assert digest(change(setting.house)) != digest(setting.house)


@pytest.mark.parametrize(
    "chains",
    [
        CHAINS[:1],
        (),
        (*CHAINS, CHAINS[0]),
        (*CHAINS, replace(CHAINS[0], chain_id=2)),
        (replace(CHAINS[0], vault=bytes(20)), CHAINS[1]),
        (replace(CHAINS[0], auction=bytes(20)), CHAINS[1]),
        (replace(CHAINS[0], vault=CHAINS[0].auction, auction=CHAINS[0].vault), CHAINS[1]),
        (replace(CHAINS[0], vault=CHAINS[0].vault + b"\2", auction=CHAINS[0].auction[:19]), CHAINS[1]),
        (replace(CHAINS[0], chain_id=256), replace(CHAINS[1], chain_id=1)),
    ],
    ids=["fewer", "none", "twice", "more", "vault", "auction", "swapped", "shifted by a byte", "chains swapped"],
)
def test_other_contracts_are_another_digest(setting: Setting, chains: Any):
    assert digest(setting.house, chains) != digest(setting.house)
