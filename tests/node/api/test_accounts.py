"""Accounts as everybody sees them, and the postings from which their owners restore the rest."""

import grpc
from clearing.v1 import account_service_pb2 as pb

from circuits.pedersen import Commitment
from node.client.holdings import Holdings
from node.ledger.batch import Deposited
from node.ledger.effects import Posting, PostingKind
from node.ledger.types import AccountId, AssetId, InstrumentId, account_id
from node.ledger.wire_agreements import trade_from_proto
from node.market.window import MarginWindow
from tests.node.api.calls import items, refusal, until_mark
from tests.support.ledger import HUB_CHAIN, USD, Trader, make_trade, token


async def test_an_account_is_answered_with_the_batch_it_was_read_at(client, node, taker):
    answer = await client.accounts.GetAccount(pb.GetAccountRequest(account=taker.id))

    account, state = answer.account, node.ledger()
    assert (account.id, account.owner, account.index, account.version) == (taker.id, taker.owner, 0, 0)
    assert account.status == pb.ACCOUNT_STATUS_ACTIVE
    assert Commitment.decode(account.cash) == state.accounts[taker.id].cash
    assert (account.credits_merged, account.credits_arrived) == (0, 1)
    assert [(c.asset, c.amount) for c in account.inbox] == [("", 10_000 * USD)]
    assert not account.HasField("window")
    assert not account.needs_proof
    assert (answer.as_of.number, answer.as_of.root) == (state.number, state.root)


async def test_an_account_after_a_trade_shows_commitments_limbs_and_window(client, node, taker, maker):
    node.clearing.accept(make_trade(node.ledger(), taker, maker, "BTC-PERP", 5, 800_000))

    account = (await client.accounts.GetAccount(pb.GetAccountRequest(account=taker.id))).account

    held = node.ledger().accounts[taker.id]
    (position,) = account.positions
    assert position.instrument == "BTC-PERP"
    assert Commitment.decode(position.commitment) == held.positions[InstrumentId("BTC-PERP")]
    assert Commitment.decode(account.limbs.high) == held.limbs.high
    assert MarginWindow.decode(account.window.encoding) == held.window
    assert [u.symbol for u in account.window.underlyings] == ["BTC"]
    assert account.version == 1


async def test_an_account_that_was_never_opened_is_not_found(client):
    answer = await refusal(client.accounts.GetAccount(pb.GetAccountRequest(account=bytes(32))))

    assert (answer.code, answer.reason, answer.domain) == (grpc.StatusCode.NOT_FOUND, "NOT_FOUND", "zkclear")


async def test_an_id_of_the_wrong_length_names_the_field(client):
    answer = await refusal(client.accounts.GetAccount(pb.GetAccountRequest(account=bytes(31))))

    assert (answer.code, answer.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "FIELD_INVALID")
    assert answer.fields == ("account",)


async def test_an_account_is_found_by_owner_and_index_before_it_is_open(client, node, setting):
    stranger = Trader(setting, index=3)
    node.clearing.batch(events={HUB_CHAIN: [Deposited(stranger.id, token(HUB_CHAIN, "WETH"), 7)]})

    answer = await client.accounts.FindAccount(pb.FindAccountRequest(owner=stranger.owner, index=3))

    assert answer.id == account_id(setting.house.deployment, stranger.owner, 3)
    assert not answer.HasField("account")
    assert [(c.asset, c.amount) for c in answer.unclaimed] == [("WETH@31337", 7)]


async def test_an_open_account_is_found_too(client, taker):
    answer = await client.accounts.FindAccount(pb.FindAccountRequest(owner=taker.owner))

    assert answer.account.id == answer.id == taker.id


async def test_postings_bring_the_past_then_a_mark_then_what_follows(client, node, taker):
    stream = client.accounts.StreamPostings(pb.StreamPostingsRequest(account=taker.id))
    past = await items(stream, 2)
    node.clearing.batch(events={HUB_CHAIN: [Deposited(taker.id, token(HUB_CHAIN, "WBTC"), 9)]})
    coming = await items(stream, 2)

    assert [past[0].posting.sequence, coming[0].posting.sequence] == [1, 2]
    assert past[0].posting.kind == pb.POSTING_KIND_CREDITED
    assert (coming[0].posting.asset, coming[0].posting.amount) == ("WBTC@31337", 9)
    number = node.ledger().number
    assert [past[1].complete_through.number, coming[1].complete_through.number] == [number - 1, number]
    stream.cancel()


async def test_postings_go_on_where_a_client_left_off(client, node, taker):
    for amount in (1, 2, 3):
        node.clearing.batch(events={HUB_CHAIN: [Deposited(taker.id, token(HUB_CHAIN, "USD"), amount)]})
    stream = client.accounts.StreamPostings(pb.StreamPostingsRequest(account=taker.id, after_sequence=3))

    (item,) = await items(stream, 1)

    assert (item.posting.sequence, item.posting.amount) == (4, 3)
    stream.cancel()


async def test_a_wallet_is_restored_from_postings_alone(client, node, taker, maker):
    """Sizes come out of the trades that postings carry; everything else is in the postings themselves."""
    exchanged = make_trade(node.ledger(), taker, maker, "BTC-PERP", 5, 800_000, fee=11)
    node.clearing.accept(exchanged)
    stream = client.accounts.StreamPostings(pb.StreamPostingsRequest(account=maker.id))
    holdings = Holdings()

    for item in await until_mark(stream):
        size = None
        if item.posting.HasField("trade"):
            assert trade_from_proto(item.posting.trade) == exchanged
            size = maker.sizes[exchanged.digest(node.house.deployment)]
        holdings = holdings.apply(posting_of(maker.id, item.posting), size)

    account = node.ledger().accounts[maker.id]
    assert maker.commit(holdings.cash) == account.cash
    assert maker.commit(holdings.position(InstrumentId("BTC-PERP"))) == account.positions[InstrumentId("BTC-PERP")]
    stream.cancel()


def posting_of(account: AccountId, proto: pb.Posting) -> Posting:
    """The posting that a client reads out of an answer."""
    kind = PostingKind[pb.PostingKind.Name(proto.kind).removeprefix("POSTING_KIND_")]
    asset = AssetId(proto.asset) if proto.asset else None
    instrument = InstrumentId(proto.instrument) if proto.instrument else None
    return Posting(kind, account, proto.amount, asset, instrument)
