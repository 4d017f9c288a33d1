"""The board of trade proposals."""

from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import pytest
from eth_hash.auto import keccak

from circuits.batch import Claim
from node.ledger.batch import Deposited
from node.ledger.claims import CollectingVerifier, TrustingVerifier
from node.ledger.errors import Reason, Refused
from node.ledger.messages import MAX_MESSAGE_BYTES, SEALED_BOX_BYTES, AccountReference, Trade
from node.ledger.types import Digest
from node.network.errors import InvalidGossip
from node.proposal_book import BoardLimits
from node.sequencing.admission import Admission, PoolLimits
from node.sequencing.verification import ClaimChecker
from node.trades import TradeBoard, check_taker
from tests.node.sequencing.world import FakeMesh, FakeSwitch
from tests.support.clearing import Clearing
from tests.support.ledger import Setting, Trader, make_setting, make_trade, token


@dataclass
class Boards:
    """Two nodes' boards, and a trade that a taker offers."""

    setting: Setting
    clearing: Clearing
    offer: Trade
    near: TradeBoard
    far: TradeBoard

    @property
    def taker(self) -> Trader:
        return self.clearing.traders[0]


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
    with boards.far.book.news.subscribe(8) as arriving:
        name = await boards.near.propose(boards.offer)
        arrived = await anext(arriving)

    assert arrived.id == name
    assert boards.far.book.to(boards.offer.terms.maker) == (arrived,)
    assert boards.far.book.find(name) == arrived


async def test_an_offer_whose_proof_is_false_is_refused(boards: Boards):
    proof = boards.offer.taker_proof
    false = replace(boards.offer, taker_proof=proof[:-1] + bytes([proof[-1] ^ 1]))

    with pytest.raises(Refused) as caught:
        await boards.near.propose(false)

    assert caught.value.reason is Reason.PROOF_INVALID
    assert boards.near.book.to(boards.offer.terms.maker) == ()


async def test_an_offer_with_another_sealed_box_than_its_terms_name_is_refused(boards: Boards):
    with pytest.raises(Refused) as caught:
        await boards.near.propose(replace(boards.offer, sealed_box=b"other"))

    assert caught.value.reason is Reason.MALFORMED


@pytest.mark.parametrize("length", [0, SEALED_BOX_BYTES - 1, SEALED_BOX_BYTES + 1, 50_000])
async def test_an_offer_with_a_sealed_box_of_another_length_is_refused(boards: Boards, length: int):
    box = bytes(length)
    terms = replace(boards.offer.terms, box_digest=Digest(bytes(keccak(box))))
    signature = boards.taker.sign(terms.digest(boards.setting.house.deployment))

    with pytest.raises(Refused) as caught:
        await boards.near.propose(replace(boards.offer, terms=terms, sealed_box=box, taker_signature=signature))

    assert caught.value.reason is Reason.MALFORMED


@pytest.mark.parametrize("field", ["opening_proof", "taker_proof"])
@pytest.mark.parametrize("more", [b"", bytes(48)])
async def test_an_offers_proofs_are_measured_before_they_are_decoded(
    boards: Boards, monkeypatch: pytest.MonkeyPatch, field: str, more: bytes
):
    proof = getattr(boards.offer, field)
    monkeypatch.setattr("circuits.solvency.decode_point", pytest.fail)
    verifier = CollectingVerifier()

    with pytest.raises(Refused) as caught:
        check_taker(
            boards.setting.house,
            boards.clearing.state,
            replace(boards.offer, **{field: proof + more if more else proof[:-1]}),
            verifier,
        )

    assert caught.value.reason is Reason.PROOF_INVALID
    assert verifier.claims == []


async def test_a_gossiped_offer_larger_than_any_message_is_an_offence(boards: Boards):
    with pytest.raises(InvalidGossip):
        await boards.far._on_proposal(bytes(20), bytes(MAX_MESSAGE_BYTES + 1))


async def test_an_offer_in_anothers_name_is_refused(boards: Boards):
    with pytest.raises(Refused) as caught:
        await boards.near.propose(replace(boards.offer, taker_signature=bytes(65)))

    assert caught.value.reason is Reason.SIGNATURE_INVALID


async def test_an_offer_on_a_version_that_has_passed_is_refused(boards: Boards):
    reference = boards.offer.terms.taker
    older = replace(boards.offer.terms, taker=replace(reference, version=reference.version + 1))
    signature = boards.taker.sign(older.digest(boards.setting.house.deployment))

    with pytest.raises(Refused) as caught:
        await boards.near.propose(replace(boards.offer, terms=older, taker_signature=signature))

    assert caught.value.reason is Reason.VERSION_MISMATCH


async def test_what_was_traded_or_expired_leaves_the_board(boards: Boards):
    name = await boards.near.propose(boards.offer)
    boards.near.book.on_final(boards.clearing.state.hub_height, {name})
    assert boards.near.book.find(name) is None

    await boards.near.propose(boards.offer)
    boards.near.book.on_final(boards.offer.terms.expiry + 1, set())
    assert boards.near.book.find(name) is None


class Trusting(ClaimChecker):
    """Takes every proof for granted."""

    async def check(self, claims: Sequence[Claim]) -> None:
        return


@dataclass
class Crowd:
    """A small board that takes hollow proofs, and four traders."""

    board: TradeBoard
    clearing: Clearing
    count: int = 0

    @property
    def traders(self) -> list[Trader]:
        return self.clearing.traders

    async def offer(self, taker: int, maker: int) -> Digest:
        """One more offer of one trader to another."""
        self.count += 1
        nonce = self.count.to_bytes(32, "big")
        trade = make_trade(
            self.clearing.state, self.traders[taker], self.traders[maker], "BTC-PERP", 1, 800_000, nonce=nonce
        )
        return await self.board.propose(trade)

    def open(self, *names: Digest) -> list[bool]:
        """Which of the offers are on the board."""
        return [self.board.book.find(name) is not None for name in names]


@pytest.fixture
async def crowd(setting: Setting) -> AsyncIterator[Crowd]:
    traders = [Trader(setting, hollow=True) for _ in range(4)]
    clearing = Clearing.start(setting, *traders, verifier=TrustingVerifier())
    usd = token(31337, "USD")
    clearing.batch(events={31337: [Deposited(trader.id, usd, 10**9) for trader in traders]})
    mesh = FakeMesh(FakeSwitch(), setting.keys[0].address)
    with ThreadPoolExecutor(1) as workers:
        checker = Trusting(setting.house.committee.key, workers)
        admission = Admission(setting.house, clearing.state, checker, PoolLimits(), lambda: 0.0)
        yield Crowd(TradeBoard(setting.house, admission, checker, mesh, BoardLimits(per_pair=2, total=5)), clearing)
    mesh._task.cancel()


async def test_a_taker_that_floods_a_maker_pushes_out_its_own_oldest_offer_only(crowd: Crowd):
    others = await crowd.offer(1, 2)
    to_another = await crowd.offer(0, 3)
    flood = [await crowd.offer(0, 2) for _ in range(4)]

    assert crowd.open(others, to_another) == [True, True]
    assert crowd.open(*flood) == [False, False, True, True]
    assert len(crowd.board.book.to(crowd.traders[2].id)) == 3


async def test_a_full_board_makes_room_at_the_cost_of_the_taker_with_the_most_offers(crowd: Crowd):
    modest = await crowd.offer(1, 2)
    greedy = [await crowd.offer(0, maker) for maker in (1, 1, 2, 2)]

    latest = await crowd.offer(2, 3)

    assert crowd.open(modest, latest) == [True, True]
    assert crowd.open(*greedy) == [False, True, True, True]


async def test_an_offer_sent_again_takes_no_second_place(crowd: Crowd):
    first = await crowd.offer(0, 1)
    trade = crowd.board.book.to(crowd.traders[1].id)[0].trade
    for _ in range(3):
        assert await crowd.board.propose(trade) == first

    assert len(crowd.board.book.to(crowd.traders[1].id)) == 1
    crowd.board.book.on_final(crowd.clearing.state.hub_height, {first})
    assert crowd.open(first) == [False]
    assert await crowd.board.propose(trade) == first
