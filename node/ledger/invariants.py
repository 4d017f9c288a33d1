"""The two sums that anyone can check by adding points, with no proof, after every batch.

matched book    Σ positions + residue = identity                                    for each instrument
full reserves   Σ cash′ (or collateral) + what waits or is promised + residue = public total · G

Of cash, what waits includes the insurance fund, every contribution to the default fund, and dollars that came in on
a chain whose dollars are written off. What was lost with such a chain is in no vault any more, and the part of it that
nobody paid is in the residue.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from circuits.pedersen import NOTHING, Commitment
from node.ledger.errors import InvariantBroken
from node.ledger.state import House, LedgerState
from node.ledger.types import AssetId


@dataclass(frozen=True, slots=True)
class InvariantReport:
    """Which of the two sums hold, and for whom they fail."""

    matched_book: bool
    full_reserves: bool
    failing: tuple[str, ...]


def report_invariants(house: House, state: LedgerState) -> InvariantReport:
    """Both invariants over the whole state."""
    unmatched = tuple(name for name in _instruments(state) if not _book_sum(state, name).is_identity())
    assets = [a.id for a in house.registry.collateral if not a.is_cash]
    short = tuple(name for name in assets if _collateral_sum(state, AssetId(name)) != _held(state, name))
    if _cash_sum(house, state) != _cash_held(house, state):
        short = (*short, "cash")
    return InvariantReport(not unmatched, not short, (*unmatched, *short))


def check_invariants(house: House, state: LedgerState) -> None:
    """Stop a node whose books do not add up.

    Raises:
        InvariantBroken: naming the invariant and the first instrument or asset.
    """
    report = report_invariants(house, state)
    if report.failing:
        name = "full reserves" if report.matched_book else "matched book"
        raise InvariantBroken(name, report.failing[0])


def _total(parts: Iterable[Commitment]) -> Commitment:
    return sum(parts, start=NOTHING)


def _instruments(state: LedgerState) -> list[str]:
    held = {name for account in state.accounts.values() for name in account.positions}
    return sorted(held | set(state.residue.positions))


def _book_sum(state: LedgerState, name: str) -> Commitment:
    parts = [a.positions[name] for a in state.accounts.values() if name in a.positions]  # type: ignore[index]
    residue = [value for key, value in state.residue.positions.items() if key == name]
    return _total([*parts, *residue])


def _waiting(state: LedgerState, asset: AssetId | None) -> int:
    inboxes = (account.inbox for account in state.accounts.values())
    return sum(
        credit.amount
        for credits in (*inboxes, *state.unclaimed.values())
        for credit in credits
        if credit.asset == asset
    )


def _collateral_sum(state: LedgerState, asset: AssetId) -> Commitment:
    held = (account.collateral[asset] for account in state.accounts.values() if asset in account.collateral)
    public = _waiting(state, asset) + state.escrow.get(asset, 0)
    return _total([*held, state.residue.collateral.get(asset, NOTHING), Commitment.public(public)])


def _held(state: LedgerState, asset: str) -> Commitment:
    return Commitment.public(state.inventory.get(AssetId(asset), 0))


def _cash_sum(house: House, state: LedgerState) -> Commitment:
    escrow = sum(state.escrow.get(AssetId(a.id), 0) for a in house.registry.collateral if a.is_cash)
    stranded = sum(held.amount for entry in state.written_off.values() for held in entry.stranded)
    public = _waiting(state, None) + state.insurance + sum(state.default_fund.values()) + escrow + stranded
    cash = (account.cash for account in state.accounts.values())
    return _total([*cash, state.residue.cash, Commitment.public(public)])


def _cash_held(house: House, state: LedgerState) -> Commitment:
    return Commitment.public(sum(state.inventory.get(AssetId(a.id), 0) for a in house.registry.collateral if a.is_cash))
