"""Opening a defaulted account by the committee's shares: what is opened, how it is checked, what it leaves behind.

Opened are positions, collateral, the two limbs of cash and the positions settled since the limbs were made; never the
history of trades, which would open counterparties. What an opening takes out of the commitments goes to the residue.
"""

from dataclasses import dataclass, replace
from typing import Final

from circuits.committee import DecryptionShare, VerifiedShare, combine, verify_share
from circuits.errors import CircuitError
from circuits.group import IDENTITY, Point
from circuits.pedersen import NOTHING, Commitment
from circuits.range_shape import BASES
from node.ledger.account import CASH_OFFSET, LIMB_BITS, Account, CashLimbs
from node.ledger.batch import AccountOpening
from node.ledger.effects import EventKind, Posting, PostingKind, event
from node.ledger.errors import BatchInvalid
from node.ledger.opened import book_inbox
from node.ledger.prices import allowed
from node.ledger.state import Default, Holding, House, LedgerState, Lot, Residue, Stage
from node.ledger.steps import Step
from node.ledger.types import MicroUsd, Status
from node.liquidation.validity import Action

LIMB_BOUND: Final = (1 << LIMB_BITS) + max(BASES)
"""A limb may reach this: its row shows less than 2^32 + b. Whoever cuts cash at 2^32 + 1 must be openable too."""


@dataclass(frozen=True, slots=True)
class _Amounts:
    """The opened amounts in plain integers."""

    lots: tuple[Lot, ...]
    collateral: tuple[Holding, ...]
    cash: MicroUsd


def commitments_to_open(account: Account) -> tuple[Commitment, ...]:
    """Positions by id, collateral by id, then high and low limb (if any) and the positions settled since."""
    limbs = account.limbs
    pair = (limbs.high, limbs.low) if limbs.high is not None and limbs.low is not None else ()
    settled = (entry.position for entry in limbs.settled)
    return (*account.positions.values(), *account.collateral.values(), *pair, *settled)


def hidden_commitments(account: Account) -> tuple[Commitment, ...]:
    """Those of `commitments_to_open` that need decryption shares: the others have no handle and open to q·G at once."""
    return tuple(c for c in commitments_to_open(account) if c.d != IDENTITY)


def default_context(default: Default) -> bytes:
    """What decryption shares are bound to: the default, which names deployment, account and batch."""
    return b"zkclear/v1/default" + default.id


def open_account(house: House, state: LedgerState, opening: AccountOpening) -> Step:
    """Replace a frozen account's hidden amounts by public ones.

    Raises:
        BatchInvalid: no such frozen default in an earlier batch, too few or wrong shares, or a value that is not
            what they decrypt to.
    """
    default = state.defaults.get(opening.default_id)
    if default is None or default.stage is not Stage.OPENING or default.frozen_in >= state.number:
        raise BatchInvalid("opening", f"default {opening.default_id.hex()} is not frozen in a final batch")
    if not allowed(house, state, Action.OPEN):
        raise BatchInvalid("opening", "an auction needs valid prices")
    account = state.accounts[default.account]
    points = decrypted_points(house, account, default, opening)
    if len(opening.values) != len(points):
        raise BatchInvalid("opening", f"{len(opening.values)} values for {len(points)} commitments")
    for value, point in zip(opening.values, points, strict=True):
        if Commitment.public(value).c != point:
            raise BatchInvalid("opening", "a value is not what the shares decrypt to")
    amounts = _amounts(account, opening.values)
    opened = _opened(account, amounts)
    residue = _residue(state.residue, account, opened)
    members = tuple(sorted(shares.member for shares in opening.share_sets))
    planned = replace(
        default,
        stage=Stage.PLANNED,
        opened_by=members,
        lots=amounts.lots,
        cash=amounts.cash,
        collateral=amounts.collateral,
    )
    after = replace(state.with_account(opened).with_default(planned), residue=residue)
    booked = book_inbox(after, planned)
    lots = ",".join(f"{lot.instrument}:{lot.quantity}" for lot in amounts.lots)
    told = event(EventKind.OPENED, account.id, default=default.id, members=",".join(map(str, members)), lots=lots)
    return Step(booked.state, (Posting(PostingKind.OPENED, account.id), told, *booked.effects))


def decrypted_points(house: House, account: Account, default: Default, opening: AccountOpening) -> tuple[Point, ...]:
    """q·G of every commitment to open, from the opening's shares; each share's proof is checked.

    Raises:
        BatchInvalid: a share that is not proven, not for this commitment, or missing.
    """
    hidden = hidden_commitments(account)
    context = default_context(default)
    committee = house.committee
    columns: list[list[VerifiedShare]] = [[] for _ in hidden]
    try:
        for shares in opening.share_sets:
            if len(shares.shares) != len(hidden):
                raise BatchInvalid("opening", f"member {shares.member} sent {len(shares.shares)} shares")
            for column, commitment, data in zip(columns, hidden, shares.shares, strict=True):
                share = DecryptionShare.decode(data)
                if share.index != shares.member:
                    raise BatchInvalid("opening", f"member {shares.member} sent a share of {share.index}")
                column.append(verify_share(committee, commitment, share, context))
        opened = iter([combine(committee, c, column) for c, column in zip(hidden, columns, strict=True)])
    except CircuitError as error:
        raise BatchInvalid("opening", str(error)) from error
    return tuple(c.c if c.d == IDENTITY else next(opened) for c in commitments_to_open(account))


def value_bounds(account: Account) -> tuple[int, ...]:
    """The largest absolute value of each commitment to open, for the search of its logarithm."""
    amounts = len(account.positions) + len(account.collateral)
    limbs = 2 if account.limbs.high is not None else 0
    settled = len(account.limbs.settled)
    return (*(1 << 40,) * amounts, *(LIMB_BOUND,) * limbs, *(1 << 40,) * settled)


def _amounts(account: Account, values: tuple[int, ...]) -> _Amounts:
    at_collateral = len(account.positions)
    at_limbs = at_collateral + len(account.collateral)
    lots = tuple(Lot(name, q) for name, q in zip(account.positions, values[:at_collateral], strict=True) if q)
    held = zip(account.collateral, values[at_collateral:at_limbs], strict=True)
    collateral = tuple(Holding(asset, amount) for asset, amount in held if amount)
    rest = values[at_limbs:]
    cash = account.limbs.public_since
    if account.limbs.high is not None:
        cash = MicroUsd(cash + (rest[0] << LIMB_BITS) + rest[1] - CASH_OFFSET)
        rest = rest[2:]
    for entry, quantity in zip(account.limbs.settled, rest, strict=True):
        cash = MicroUsd(cash + entry.coefficient * quantity)
    return _Amounts(lots, collateral, cash)


def _opened(account: Account, amounts: _Amounts) -> Account:
    return replace(
        account,
        status=Status.LIQUIDATING,
        version=account.version + 1,
        cash=Commitment.public(amounts.cash),
        collateral={held.asset: Commitment.public(held.amount) for held in amounts.collateral},
        positions={lot.instrument: Commitment.public(lot.quantity) for lot in amounts.lots},
        limbs=CashLimbs(public_since=amounts.cash),
        window=None,
        audit=account.audit and account.audit.cleared(),
    )


def _residue(residue: Residue, before: Account, after: Account) -> Residue:
    """Everything the commitments lost by becoming public; sums over accounts and residue stay as they were."""
    positions, collateral = dict(residue.positions), dict(residue.collateral)
    for name, held in before.positions.items():
        positions[name] = positions.get(name, NOTHING) + held - after.position(name)
    for asset, amount in before.collateral.items():
        lost = amount - after.collateral.get(asset, NOTHING)
        collateral[asset] = collateral.get(asset, NOTHING) + lost
    return Residue(residue.cash + before.cash - after.cash, collateral, positions)
