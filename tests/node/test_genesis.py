"""The genesis document, and the digest that its house's clients pin."""

from dataclasses import replace

import pytest

from node.api import ChainEndpoint
from node.api.convert_market import deployment_proto
from node.client.house import HouseTerms
from node.errors import GenesisInvalid
from node.genesis import ChainGenesis, Genesis
from node.ledger.types import Address
from node.market.instruments import Barrier, BarrierKind, OptionKind
from tests.support.committee import deal_committee
from tests.support.ledger import CHAINS, FEED, HUB_CHAIN, START, make_setting


@pytest.fixture(scope="module")
def genesis() -> Genesis:
    chains = tuple(
        ChainGenesis(chain, f"chain {chain}", bytes([place] * 20), bytes([place + 100] * 20), 5, bytes(32))
        for place, chain in enumerate(CHAINS, 1)
    )
    return Genesis(make_setting().house, chains, 5, START)


def test_the_document_survives_its_own_text(genesis: Genesis):
    again = Genesis.from_json(genesis.to_json())

    assert again == genesis
    assert again.digest == genesis.digest


def test_a_text_that_is_no_document_is_refused(genesis: Genesis):
    for text in ("", "{}", genesis.to_json().replace('"format": 1', '"format": 2'), genesis.to_json()[:-9]):
        with pytest.raises(GenesisInvalid):
            Genesis.from_json(text)


def test_a_committee_of_another_size_than_the_validators_is_refused(genesis: Genesis):
    house = replace(genesis.house, committee=deal_committee(3, 5).public)
    with pytest.raises(GenesisInvalid, match="5 members"):
        Genesis.from_json(replace(genesis, house=house).to_json())


def test_a_barrier_that_the_listing_price_has_crossed_is_refused(genesis: Genesis):
    barrier = Barrier("BTC", 10_000, START + 86_400, 8_500 * FEED, OptionKind.CALL, 8_100 * FEED, BarrierKind.DOWN_OUT)
    registry = genesis.house.registry
    registry = replace(registry, instruments=(*registry.instruments, barrier))
    text = replace(genesis, house=replace(genesis.house, registry=registry)).to_json()
    with pytest.raises(GenesisInvalid, match=r"DO-8100\.barrier: is crossed already"):
        Genesis.from_json(text)


def test_what_a_client_computes_from_a_nodes_answer_is_the_digest_of_the_document(genesis: Genesis):
    endpoints = [
        ChainEndpoint(c.chain_id, c.name, c.chain_id == HUB_CHAIN, Address(c.vault), Address(c.auction))
        for c in reversed(genesis.chains)
    ]

    terms = HouseTerms.from_proto(deployment_proto(genesis.house, endpoints), genesis.digest)

    assert terms.digest == genesis.digest
    assert terms.vaults == {chain.chain_id: chain.vault for chain in genesis.chains}


def test_another_vault_is_another_house(genesis: Genesis):
    first, *others = genesis.chains
    assert replace(genesis, chains=(replace(first, vault=bytes(20)), *others)).digest != genesis.digest
