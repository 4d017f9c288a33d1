"""Oracle rounds bring forwards and smiles: they come into force, or the last good ones stay and margins widen."""

from dataclasses import replace

import pytest

from node.ledger.effects import EventKind
from node.ledger.errors import BatchInvalid
from node.ledger.execution import execute
from node.market.instruments import Option
from node.market.surface import Slice
from tests.support.clearing import Clearing
from tests.support.ledger import BLOCK_SECONDS, FEED, Setting

CALL = "BTC-20200327-8000-C"
FUTURE = "BTC-20200327"


@pytest.fixture
def clearing(setting: Setting) -> Clearing:
    return Clearing.start(setting)


def smile_of(clearing: Clearing) -> Slice:
    option = clearing.house.registry.instrument(CALL)
    assert isinstance(option, Option)
    return Slice(option.expiry, 10_000_000, 60_000, 100_000, 100_000)


def test_a_quoted_surface_comes_into_force_and_values_the_rounds_grid(clearing: Clearing):
    smile, flat = smile_of(clearing), clearing.grid
    clearing.slices["BTC"] = lambda place: (replace(smile, call_wing=smile.call_wing + place),)
    clearing.batch(blocks=4)
    (surface,) = clearing.state.market.surfaces
    assert (surface.underlying, surface.time, surface.price) == ("BTC", clearing.state.market.time, 8_000 * FEED)
    assert surface.slices == (replace(smile, call_wing=smile.call_wing + 1),)
    assert clearing.grid.instrument(CALL).levels != flat.instrument(CALL).levels
    assert clearing.grid.mark_price(FUTURE) == flat.mark_price(FUTURE) * 101 // 100
    assert clearing.grid.mark_price("BTC-PERP") == flat.mark_price("BTC-PERP")
    assert clearing.grid.instrument("ETH-PERP") == replace(
        flat.instrument("ETH-PERP"), funding=clearing.grid.instrument("ETH-PERP").funding
    )
    assert not clearing.told(EventKind.SURFACE_REFUSED)


def test_a_surface_with_arbitrage_is_refused_by_name_and_the_last_good_one_stays_and_widens(clearing: Clearing):
    smile = smile_of(clearing)
    clearing.slices["BTC"] = lambda _: (smile,)
    clearing.batch(blocks=4)
    good, levels = clearing.state.market.surfaces, clearing.grid.instrument(CALL).levels
    clearing.slices["BTC"] = lambda _: (replace(smile, bend=1_000),)
    clearing.batch(blocks=4)
    assert clearing.state.market.surfaces == good
    (told,) = clearing.told(EventKind.SURFACE_REFUSED)
    attributes = dict(told.attributes)
    assert (attributes["feed"], attributes["round"]) == ("BTC", str(clearing.state.market.round))
    assert "butterfly" in attributes["reason"]
    assert str(smile.expiry) in attributes["reason"]
    wider = clearing.grid.instrument(CALL).levels
    assert wider[0] < levels[0] < levels[1] == wider[1] < levels[2] < wider[2]


def test_one_lying_validator_changes_nothing(setting: Setting):
    made = []
    for lie in (None, (Slice(1, 0, 1, 1, 1),), (), "steep", "dear"):
        clearing = Clearing.start(setting)
        smile = smile_of(clearing)
        lies = {"steep": (replace(smile, bend=1),), "dear": (replace(smile, call_wing=190_000, bend=900_000),)}
        told = lies.get(lie, lie) if isinstance(lie, str) else lie
        clearing.slices["BTC"] = lambda place, told=told, smile=smile: (smile,) if place or told is None else told
        clearing.batch(blocks=4)
        made.append((clearing.state.market, clearing.grid))
    assert all(entry == made[0] for entry in made)


def test_a_surface_that_nobody_renews_is_told_of_as_stale(clearing: Clearing):
    smile = smile_of(clearing)
    clearing.slices["BTC"] = lambda _: (smile,)
    clearing.batch(blocks=4)
    clearing.slices.clear()
    rounds = clearing.house.market.surface_staleness_seconds // (4 * BLOCK_SECONDS)
    clearing.skip(4 * rounds)
    assert not clearing.told(EventKind.SURFACE_STALE)
    clearing.batch(blocks=4)
    (told,) = clearing.told(EventKind.SURFACE_STALE)
    assert dict(told.attributes) == {"feed": "BTC", "round": str(clearing.state.market.round)}
    assert not clearing.told(EventKind.SURFACE_REFUSED)
    assert clearing.state.market.surfaces[0].slices == (smile,)


def test_a_quote_that_its_validator_did_not_sign_makes_a_batch_invalid(clearing: Clearing):
    smile = smile_of(clearing)
    clearing.slices["BTC"] = lambda _: (smile,)
    batch = clearing.propose(blocks=4).batch
    (brought,) = batch.rounds
    first, *others = brought.observations
    for slices in ((), (replace(smile, bend=smile.bend + 1),), (smile, replace(smile, expiry=smile.expiry + 1))):
        forged = replace(first, observation=replace(first.observation, slices=slices))
        rounds = (replace(brought, observations=(forged, *others)),)
        with pytest.raises(BatchInvalid) as refusal:
            execute(clearing.house, clearing.state, replace(batch, rounds=rounds), clearing._verifier)
        assert refusal.value.rule == "observation"
