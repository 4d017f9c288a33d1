"""The accounts of a run: their owners, and the openings of what is in them, kept from the ledger's postings alone."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from coincurve import PrivateKey

from circuits.committee import decryption_share
from circuits.pedersen import Commitment, Opening
from devnet.stress.house import CHAIN, Laboratory, Secrets, instrument_of
from devnet.stress.population import Character, Population
from node.client.holdings import Holdings
from node.ledger.account import CASH_OFFSET, LIMB_BITS, Account, CashLimbs
from node.ledger.batch import AccountOpening, ShareSet
from node.ledger.effects import Effect, Posting, PostingKind
from node.ledger.opening import default_context, hidden_commitments
from node.ledger.state import Default
from node.ledger.types import AccountId, Address, Digest, InstrumentId, MicroUsd, account_id
from node.market.state import spot_per_lot


@dataclass(slots=True)
class Participant:
    """One account, with its owner's key and books.

    `holdings` follow the ledger's postings; `draft` runs ahead of them while messages for the next batch are composed.
    """

    id: AccountId
    owner: Address
    key: PrivateKey = field(repr=False)
    character: Character
    holdings: Holdings
    reserve: MicroUsd
    draft: Holdings = field(default_factory=Holdings)
    version: int = 0
    active: bool = True
    """Whether a message that needs an active account may be sent, as far as the draft has come."""
    noticed: int | None = None
    """The round in which the owner's call or warning went out; None while there is nothing to answer."""
    pushed: bool = False
    """Whether the last lapse of its window was due to forced sales alone."""
    sizes: dict[Digest, Opening] = field(default_factory=dict, repr=False)

    @property
    def instrument(self) -> InstrumentId:
        """What the account trades of its own accord."""
        return instrument_of(self.character.symbol)

    def lots(self, instrument: InstrumentId) -> int:
        """The drafted position."""
        return self.draft.position(instrument).value

    def begin(self, version: int, *, active: bool) -> None:
        """Compose from the ledger's state on."""
        self.draft, self.version, self.active = self.holdings, version, active

    def sign(self, digest: bytes) -> bytes:
        """A wallet's 65-byte signature."""
        signature = self.key.sign_recoverable(digest, hasher=None)
        return signature[:64] + bytes([27 + signature[64]])


@dataclass(slots=True)
class Participants:
    """Everybody in a run, in the order of the population; the backstop is the last."""

    laboratory: Laboratory
    everybody: tuple[Participant, ...]
    _by_id: Mapping[AccountId, Participant] = field(init=False, repr=False)
    _settled: dict[bytes, int] = field(default_factory=dict, repr=False)
    """Lots behind each commitment that was settled away, by its encoding."""

    def __post_init__(self) -> None:
        self._by_id = {entry.id: entry for entry in self.everybody}

    @classmethod
    def enter(
        cls, laboratory: Laboratory, population: Population, secrets: Secrets, prices: Mapping[str, int]
    ) -> "Participants":
        """All accounts with their first positions, entered at `prices` (feed units)."""
        made = []
        for place, character in enumerate(population.characters):
            owner = secrets.owner(place)
            name = account_id(laboratory.house.deployment, owner, 0)
            holdings = _first_holdings(laboratory, character, prices)
            made.append(Participant(name, owner, secrets.key("owner", place), character, holdings, character.reserve))
        return cls(laboratory, tuple(made))

    def __getitem__(self, name: AccountId) -> Participant:
        return self._by_id[name]

    def accounts(self) -> dict[AccountId, Account]:
        """The ledger's accounts at the start: public amounts (ρ = 0), no windows."""
        return {entry.id: _first_account(entry) for entry in self.everybody}

    def follow(self, effects: tuple[Effect, ...]) -> set[AccountId]:
        """Move everybody's books along the postings of a batch, and tell whose were moved."""
        moved = set()
        for posting in effects:
            if not isinstance(posting, Posting):
                continue
            entry = self._by_id[posting.account]
            if posting.kind is PostingKind.SETTLED and posting.instrument is not None:
                held = entry.holdings.position(posting.instrument)
                self._settled[self.laboratory.commit(held).encode()] = held.value
            size = entry.sizes.get(posting.message) if posting.message is not None else None
            entry.holdings = entry.holdings.apply(posting, size)
            moved.add(entry.id)
        return moved

    def agree(self, account: Account) -> bool:
        """Whether the owner's books say of the account what the ledger says."""
        held, commit = self._by_id[account.id].holdings, self.laboratory.commit
        positions = {name: commit(opening) for name, opening in held.positions.items()}
        return commit(held.cash) == account.cash and positions == dict(account.positions)

    def opening(self, account: Account, default: Default) -> AccountOpening:
        """What the committee of one makes of a frozen account."""
        held, limbs = self._by_id[account.id].holdings, account.limbs
        values = [held.position(name).value for name in account.positions]
        settled = [self._settled[entry.position.encode()] for entry in limbs.settled]
        if limbs.high is not None:
            since = sum(entry.coefficient * lots for entry, lots in zip(limbs.settled, settled, strict=True))
            known = held.cash.value - limbs.public_since - since + CASH_OFFSET
            values += [known >> LIMB_BITS, known & (1 << LIMB_BITS) - 1]
        context, committee = default_context(default), self.laboratory.house.committee
        shares = (
            decryption_share(committee, self.laboratory.share, commitment, context).encode()
            for commitment in hidden_commitments(account)
        )
        return AccountOpening(default.id, (*values, *settled), (ShareSet(1, tuple(shares)),))


def _first_holdings(laboratory: Laboratory, character: Character, prices: Mapping[str, int]) -> Holdings:
    if not character.lots:
        return Holdings(Opening.public(character.equity))
    instrument = instrument_of(character.symbol)
    scale = laboratory.house.registry.instrument(instrument).lot_scale
    paid = character.lots * spot_per_lot(prices[character.symbol], scale)
    return Holdings(Opening.public(character.equity - paid), positions={instrument: Opening.public(character.lots)})


def _first_account(entry: Participant) -> Account:
    cash = MicroUsd(entry.holdings.cash.value)
    positions = {name: Commitment.public(held.value) for name, held in entry.holdings.positions.items()}
    return Account(
        entry.id,
        entry.owner,
        0,
        bytes(32),
        CHAIN,
        cash=Commitment.public(cash),
        positions=positions,
        limbs=CashLimbs(public_since=cash),
    )
