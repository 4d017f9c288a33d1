"""The board of trade proposals."""

from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import pytest

from node.ledger.errors import Reason, Refused
from node.ledger.messages import AccountReference, Trade
from node.sequencing.admission import Admission, PoolLimits
from node.sequencing.verification import ClaimChecker
from node.trades import TradeBoard
from tests.node.sequencing.world import FakeMesh, FakeSwitch
from tests.support.clearing import Clearing
from tests.support.ledger import Setting, Trader, make_setting, make_trade


@dataclass
class Boards:
    """Two nodes' boards, and a trade that a taker offers."""

    setting: Setting
    clearing: Clearing
    offer: Trade
    near: TradeBoard
    far: TradeBoard


@pytest.fixture(scope="module")
def setting() -> Setting:
    return make_setting()


@pytest.fixture
async def boards(setting: Setting) -> AsyncIterator[Boards]:
    taker, maker = Trader(setting), Trader(setting)
    clearing = Clearing.start(setting, taker, maker)
    for trader in (taker, maker):
        clearing.deposit(trader.id, 31337, "USD", 20_000_000_000)
    trade = make_trade(clearing.state, taker, maker, "BTC-PERP", 1_000, 800_000)
    offer = replace(trade, maker=AccountReference(maker.id, 0, 0), maker_proof=b"", maker_signature=b"")
    switch = FakeSwitch()
    meshes = [FakeMesh(switch, key.address) for key in setting.keys[:2]]
    workers = ThreadPoolExecutor(1)
    checker = ClaimChecker(setting.house.committee.key, workers)
    admission = Admission(setting.house, clearing.state, checker, PoolLimits(), lambda: 0.0)
    near, far = (TradeBoard(setting.house, admission, checker, mesh) for mesh in meshes)
    yield Boards(setting, clearing, offer, near, far)
    for mesh in meshes:
        mesh._task.cancel()
    workers.shutdown()


async def test_an_offer_made_at_one_node_reaches_the_maker_at_another(boards: Boards):
    with boards.far.news.subscribe(8) as arriving:
        name = await boards.near.propose(boards.offer)
        arrived = await anext(arriving)

    assert arrived.id == name
    assert boards.far.of_maker(boards.offer.terms.maker) == (arrived,)
    assert boards.far.find(name) == arrived


async def test_an_offer_whose_proof_is_false_is_refused(boards: Boards):
    proof = boards.offer.taker_proof
    false = replace(boards.offer, taker_proof=proof[:-1] + bytes([proof[-1] ^ 1]))

    with pytest.raises(Refused) as caught:
        await boards.near.propose(false)

    assert caught.value.reason is Reason.PROOF_INVALID
    assert boards.near.of_maker(boards.offer.terms.maker) == ()


async def test_an_offer_with_another_sealed_box_than_its_terms_name_is_refused(boards: Boards):
    with pytest.raises(Refused) as caught:
        await boards.near.propose(replace(boards.offer, sealed_box=b"other"))

    assert caught.value.reason is Reason.MALFORMED


async def test_an_offer_in_anothers_name_is_refused(boards: Boards):
    with pytest.raises(Refused) as caught:
        await boards.near.propose(replace(boards.offer, taker_signature=bytes(65)))

    assert caught.value.reason is Reason.SIGNATURE_INVALID


async def test_an_offer_on_a_version_that_has_passed_is_refused(boards: Boards):
    reference = boards.offer.terms.taker
    older = replace(boards.offer.terms, taker=replace(reference, version=reference.version + 1))
    taker = next(t for t in boards.clearing.traders if t.id == reference.account)
    signature = taker.sign(older.digest(boards.setting.house.deployment))

    with pytest.raises(Refused) as caught:
        await boards.near.propose(replace(boards.offer, terms=older, taker_signature=signature))

    assert caught.value.reason is Reason.VERSION_MISMATCH


async def test_what_was_traded_or_expired_leaves_the_board(boards: Boards):
    name = await boards.near.propose(boards.offer)
    boards.near.on_final(boards.clearing.state, {name})
    assert boards.near.find(name) is None

    await boards.near.propose(boards.offer)
    late = replace(boards.clearing.state, hub_height=boards.offer.terms.expiry + 1)
    boards.near.on_final(late, set())
    assert boards.near.find(name) is None
