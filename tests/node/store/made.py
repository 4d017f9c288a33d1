"""Batches made by hand: the store looks at their order, messages and effects, never at their validity."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from eth_hash.auto import keccak

from circuits.pedersen import NOTHING
from circuits.transcript import Deployment
from node.ledger.account import Account
from node.ledger.batch import Batch, HubHeader
from node.ledger.effects import Effect, PayAction
from node.ledger.execution import Executed
from node.ledger.messages import AccountReference, Message, OpenAccount, Trade, TradeTerms
from node.ledger.state import LedgerState
from node.ledger.types import AccountId, Address, AssetId, Digest, InstrumentId, MicroUsd
from node.ledger.wire import batch_hash, encode_batch
from node.market.state import MarketState
from node.store import CertifiedBatch, Store

DEPLOYMENT = Deployment(31337, bytes(range(20)), bytes(32))
CERTIFICATE = bytes(8 + 3 * 64)


def digest(name: object) -> Digest:
    """A distinct digest for each name."""
    return Digest(bytes(keccak(repr(name).encode())))


def account_id(name: object) -> AccountId:
    return AccountId(digest(("account", name)))


def open_account(index: int) -> OpenAccount:
    return OpenAccount(Address(bytes([1] * 20)), index, bytes(32), 31337, bytes(32), 1000, bytes(65))


def trade(taker: AccountId, maker: AccountId) -> Trade:
    terms = TradeTerms(
        AccountReference(taker, 3, 0),
        maker,
        InstrumentId("BTC-PERP"),
        MicroUsd(800_000),
        MicroUsd(5),
        1,
        NOTHING,
        digest("box"),
        bytes(32),
        1000,
    )
    return Trade(
        terms, b"sealed box", b"opening", b"proof", bytes(65), AccountReference(maker, 1, 0), b"proof", bytes(65)
    )


def pay(name: object, asset: str = "USD@31338", amount: int = 10) -> PayAction:
    return PayAction(digest(("pay", name)), AssetId(asset), Address(bytes([9] * 20)), amount)


def state_after(number: int, root: Digest, accounts: Iterable[Account] = ()) -> LedgerState:
    market = MarketState(0, 0, 0, (), (), ())
    return LedgerState(number, root, 100 + number, 0, market, accounts={a.id: a for a in accounts})


@dataclass
class Chain:
    """A node's store with a chain of batches growing in it."""

    store: Store
    number: int = 0
    root: Digest = field(default_factory=lambda: Digest(DEPLOYMENT.digest))

    def body(self, *messages: Message, number: int | None = None, previous: Digest | None = None) -> bytes:
        """The next batch's bytes, unless told otherwise."""
        after = (self.number if number is None else number - 1) + 1
        hub = HubHeader(100 + after, bytes(32), 1000 + after)
        root = digest(("root", after))
        return encode_batch(
            Batch(after, previous or self.root, Address(bytes(20)), hub, (), (), None, (), messages, root)
        )

    def commit(self, *messages: Message, effects: Iterable[Effect] = (), accounts: Iterable[Account] = ()) -> None:
        """Commits the next batch with these effects."""
        number, body = self.number + 1, self.body(*messages)
        root = digest(("root", number))
        executed = Executed(state_after(number, root, accounts), tuple(effects))
        self.store.commit_batch(number, root, body, batch_hash(body), CERTIFICATE, executed, 200 + number)
        self.number, self.root = number, root

    def certified(self, *messages: Message) -> CertifiedBatch:
        """The next batch as a quorum signed it."""
        body = self.body(*messages)
        number = self.number + 1
        return CertifiedBatch(number, self.root, digest(("root", number)), batch_hash(body), body, CERTIFICATE)
