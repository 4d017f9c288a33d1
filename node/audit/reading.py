"""An audited account in clear: C − a·E = q·G for each of its amounts, and q by a small logarithm.

    cash′ = 2^32·high + low − 2^63 + public movements since + Σ coefficient·settled position

The limbs are read like any other amount, and what comes out is held against cash itself, which is too large for a
search. Nothing is read before the key is known to be the account's auditor's.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from circuits.auditor import NO_HANDLE, AuditorSecret, Handle
from circuits.dlog import DiscreteLog, NotFound
from circuits.group import scalar
from circuits.pedersen import VALUE_BASE, Commitment, CommitmentKey
from node.audit.errors import NotAudited, Unreadable, WrongKey
from node.ledger.account import CASH_OFFSET, LIMB_BITS, Account, Credit
from node.ledger.audit import Audit
from node.ledger.opening import LIMB_BOUND
from node.ledger.types import MAX_AMOUNT, AccountId, AssetId, InstrumentId, MicroUsd

_HIGH_OFFSET = CASH_OFFSET >> LIMB_BITS


@dataclass(frozen=True, slots=True)
class AccountInClear:
    """What the auditor sees. Its repr shows no amount."""

    account: AccountId
    version: int
    cash: MicroUsd = field(repr=False)
    """Cash′: micro-dollars of cash plus each position times its funding index."""
    positions: Mapping[InstrumentId, int] = field(repr=False)
    """Signed lots; zeros too, where a position is hidden."""
    collateral: Mapping[AssetId, int] = field(repr=False)
    """Ledger units."""
    waiting: tuple[Credit, ...] = field(repr=False)
    """Public credits that no message has merged yet."""


def read_account(
    secret: AuditorSecret, house: CommitmentKey, account: Account, logarithms: Callable[[], DiscreteLog]
) -> AccountInClear:
    """All amounts of an account that names this auditor; the table is asked for once the key is known to be right.

    Raises:
        NotAudited: the account has no auditor.
        WrongKey: it has another.
        Unreadable: an amount and its handle do not fit together, which no ledger that checks its proofs lets happen.
    """
    if account.audit is None:
        raise NotAudited(account.id)
    own = secret.key(house)
    if own != account.audit.auditor:
        raise WrongKey(account.id, account.audit.auditor.encode(), own.encode())
    return _Reader(secret, account, account.audit, logarithms()).read()


@dataclass(frozen=True, slots=True)
class _Reader:
    secret: AuditorSecret
    account: Account
    audit: Audit
    logarithms: DiscreteLog

    def read(self) -> AccountInClear:
        account, handles = self.account, self.audit
        return AccountInClear(
            account=account.id,
            version=account.version,
            cash=self._cash(),
            positions={
                name: self._amount(name, held, handles.positions.get(name, NO_HANDLE), MAX_AMOUNT)
                for name, held in account.positions.items()
            },
            collateral={
                name: self._amount(name, held, handles.collateral.get(name, NO_HANDLE), MAX_AMOUNT)
                for name, held in account.collateral.items()
            },
            waiting=account.inbox,
        )

    def _cash(self) -> MicroUsd:
        limbs, handles = self.account.limbs, self.audit
        cash = int(limbs.public_since)
        if limbs.high is not None and limbs.low is not None:
            # The high limb of a small amount is near the offset's, and the search runs outward from zero.
            high = self._amount("cash", limbs.high - Commitment.public(_HIGH_OFFSET), handles.high, LIMB_BOUND)
            cash += (high << LIMB_BITS) + self._amount("cash", limbs.low, handles.low, LIMB_BOUND)
        for entry, handle in zip(limbs.settled, handles.settled, strict=True):
            cash += entry.coefficient * self._amount("a settled position", entry.position, handle, MAX_AMOUNT)
        if self.secret.read(self.account.cash, handles.cash) != VALUE_BASE * scalar(cash):
            raise Unreadable("cash")
        return MicroUsd(cash)

    def _amount(self, entry: str, commitment: Commitment, handle: Handle, bound: int) -> int:
        try:
            return self.logarithms.find(self.secret.read(commitment, handle), bound)
        except NotFound as error:
            raise Unreadable(entry) from error
