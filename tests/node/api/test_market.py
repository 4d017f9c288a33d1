"""What a client learns before its first proof."""

from dataclasses import fields, replace

from clearing.v1 import market_service_pb2 as pb
from eth_hash.auto import keccak

from circuits.committee import CommitteeKey
from circuits.transcript import Deployment
from devnet.genesis import exotics
from node.api.convert_market import instruments_proto
from node.ledger.parameters import HouseParameters
from node.ledger.types import AccountId, MicroUsd
from node.market.instruments import Registry
from node.market.parameters import MarketParameters
from node.market.state import Knock
from tests.node.api.calls import items, refusal
from tests.support.ledger import CHAINS, FEED, HUB_CHAIN, START, token


async def test_a_client_rebuilds_the_house_from_the_deployment_alone(client, node):
    answer = await client.market.GetDeployment(pb.GetDeploymentRequest())

    deployment = Deployment(answer.hub_chain_id, answer.hub, answer.salt)
    committee = CommitteeKey.decode(answer.committee)
    registry = Registry.decode(answer.registry)
    market = MarketParameters.decode(answer.market_parameters)
    named = {item.name: getattr(answer.rules, item.name) for item in fields(HouseParameters)}
    named |= {"backstop": AccountId(answer.rules.backstop), "backstop_limit": MicroUsd(answer.rules.backstop_limit)}
    rules = HouseParameters(**named)
    house = node.house
    assert (deployment, registry, market, rules) == (house.deployment, house.registry, house.market, house.rules)
    assert committee == house.committee
    assert committee.key.encode() == answer.committee_key
    assert answer.deployment_digest == deployment.digest
    assert tuple(answer.validators) == house.validators
    digests = (market.digest, registry.digest, rules.digest)
    assert (answer.market_parameters_digest, answer.registry_digest, answer.rules_digest) == digests
    assert answer.parameters_digest == keccak(b"".join(digests))


async def test_every_chain_comes_with_its_contracts_and_tokens(client):
    answer = await client.market.GetDeployment(pb.GetDeploymentRequest())

    assert [chain.chain_id for chain in answer.chains] == list(CHAINS)
    assert [chain.chain_id for chain in answer.chains if chain.hub] == [HUB_CHAIN]
    spoke = answer.chains[1]
    addresses = {t.asset: t.address for t in spoke.tokens}
    assert addresses == {f"{s}@31338": token(31338, s) for s in ("USD", "WETH", "WBTC")}
    assert {t.asset: t.underlying for t in spoke.tokens} == {"USD@31338": "", "WETH@31338": "ETH", "WBTC@31338": "BTC"}


async def test_instruments_come_with_marks_and_terms(client, node):
    answer = await client.market.ListInstruments(pb.ListInstrumentsRequest())

    assert [i.id for i in answer.instruments] == [i.id for i in node.house.registry.instruments]
    perpetual = next(i for i in answer.instruments if i.id == "BTC-PERP")
    grid = node.ledger().grids[-1]
    assert (perpetual.kind, perpetual.expiry, perpetual.strike) == (pb.INSTRUMENT_KIND_PERPETUAL, 0, 0)
    assert perpetual.mark == grid.mark_price("BTC-PERP")
    assert answer.round == grid.round
    kinds = {i.kind for i in answer.instruments}
    assert {pb.INSTRUMENT_KIND_CALL, pb.INSTRUMENT_KIND_PUT, pb.INSTRUMENT_KIND_FUTURE} <= kinds
    assert {(i.tick, i.payout, i.barrier, i.barrier_kind) for i in answer.instruments} == {(1, 0, 0, 0)}


def test_digitals_and_barrier_options_come_with_their_terms_and_crossings(node):
    listings = (*node.house.registry.instruments, *exotics(8_000 * FEED, START + 20 * 86_400))
    registry = replace(node.house.registry, instruments=listings)
    state = node.ledger()
    crossed = replace(state, market=replace(state.market, knocks=(Knock(registry.barriers[0].id, 7),)))
    answer = instruments_proto(replace(node.house, registry=registry), crossed, "BTC")
    digital = next(i for i in answer.instruments if i.kind == pb.INSTRUMENT_KIND_DIGITAL_CALL)
    assert (digital.strike, digital.payout, digital.barrier) == (8_800 * FEED, 1_000 * FEED, 0)
    assert not digital.HasField("knocked_in_round")
    barrier = next(i for i in answer.instruments if i.kind == pb.INSTRUMENT_KIND_BARRIER_CALL)
    assert (barrier.strike, barrier.barrier, barrier.knocked_in_round) == (8_000 * FEED, 7_200 * FEED, 7)
    assert barrier.barrier_kind == pb.BARRIER_KIND_DOWN_OUT


async def test_instruments_of_one_underlying_leave_the_others_out(client):
    answer = await client.market.ListInstruments(pb.ListInstrumentsRequest(underlying="ETH"))

    assert {i.underlying for i in answer.instruments} == {"ETH"}


async def test_an_underlying_that_is_not_listed_names_the_field(client):
    answer = await refusal(client.market.ListInstruments(pb.ListInstrumentsRequest(underlying="DOGE")))

    assert answer.fields == ("underlying",)


async def test_prices_are_those_of_the_latest_round(client, node):
    answer = await client.market.GetPrices(pb.GetPricesRequest())

    prices = {p.underlying: p for p in answer.round.prices}
    assert (prices["BTC"].price, prices["ETH"].price) == (8_000 * FEED, 200 * FEED)
    assert prices["BTC"].sigma_ppm == node.ledger().market.sigma_ppm("BTC")
    assert not prices["BTC"].stale


async def test_a_feed_without_a_quorum_is_told_as_stale(client, node):
    node.clearing.observers = 1
    node.clearing.batch(prices={"BTC": 9_000}, blocks=4)

    answer = await client.market.GetPrices(pb.GetPricesRequest())

    assert {p.underlying for p in answer.round.prices if p.stale} == {"BTC", "ETH"}
    assert next(p.price for p in answer.round.prices if p.underlying == "BTC") == 8_000 * FEED


async def test_rounds_stream_as_they_become_final_and_batches_without_one_bring_nothing(client, node):
    stream = client.market.StreamRounds(pb.StreamRoundsRequest())
    (latest,) = await items(stream, 1)
    node.clearing.batch(blocks=1)
    node.clearing.batch(prices={"BTC": 8_100}, blocks=4)
    (new,) = await items(stream, 1)

    assert new.round.number == latest.round.number + 1
    assert {p.underlying: p.price for p in new.round.prices}["BTC"] == 8_100 * FEED
    assert new.as_of.number == node.ledger().number
    stream.cancel()
