"""An account's auditor and the handles E = ρ·B_a of its hidden amounts (circuits/auditor.py).

A handle takes the same linear steps as its commitment. Public movements have no blinding and move none: what is not
listed here has no handle, and needs none, since its commitment is q·G for everyone to see.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final, TypeVar

from circuits.auditor import NO_HANDLE, AuditorKey, Handle
from node.ledger.types import AssetId, InstrumentId

_LIMB: Final = 1 << 32
_Name = TypeVar("_Name", AssetId, InstrumentId)


@dataclass(frozen=True, slots=True)
class Audit:
    """Who may read an account, and the handles beside its cash, collateral, positions, limbs and settled positions."""

    auditor: AuditorKey
    cash: Handle = NO_HANDLE
    collateral: Mapping[AssetId, Handle] = field(default_factory=dict)
    positions: Mapping[InstrumentId, Handle] = field(default_factory=dict)
    high: Handle = NO_HANDLE
    low: Handle = NO_HANDLE
    settled: tuple[Handle, ...] = ()
    """One for each position settled since the limbs were made, in their order."""

    def with_cash_changed(self, change: Handle) -> "Audit":
        """After a committed change of cash."""
        return replace(self, cash=self.cash + change)

    def with_collateral_changed(self, asset: AssetId, change: Handle) -> "Audit":
        """After a committed change of collateral."""
        return replace(self, collateral=_moved(self.collateral, asset, change))

    def traded(self, instrument: InstrumentId, size: Handle, coefficient: int) -> "Audit":
        """After a trade that grows the position by a size with this handle and costs `coefficient` a lot."""
        positions = _moved(self.positions, instrument, size)
        return replace(self, positions=positions, cash=self.cash - size.scaled(coefficient))

    def settled_into_cash(self, instrument: InstrumentId, coefficient: int) -> "Audit":
        """After a position was turned into cash."""
        position = self.positions.get(instrument, NO_HANDLE)
        return replace(
            self,
            cash=self.cash + position.scaled(coefficient),
            positions={name: held for name, held in self.positions.items() if name != instrument},
            settled=(*self.settled, position),
        )

    def with_limbs(self, high: Handle) -> "Audit":
        """With fresh limbs: the low one's handle follows from cash and the high one, as its commitment does."""
        return replace(self, high=high, low=self.cash - high.scaled(_LIMB), settled=())

    def cleared(self) -> "Audit":
        """With nothing hidden: the same auditor, and no handles."""
        return Audit(self.auditor)


def _moved(held: Mapping[_Name, Handle], name: _Name, change: Handle) -> dict[_Name, Handle]:
    after = held.get(name, NO_HANDLE) + change
    kept = {other: handle for other, handle in held.items() if other != name}
    if not after.is_identity():
        kept[name] = after
    return dict(sorted(kept.items()))
