"""The orders that a quorum of validators signs, as frozen data, and the EIP-712 digest of each."""

from dataclasses import dataclass
from typing import TypeAlias

from circuits.transcript import Deployment
from node.ledger.typed_data import message_digest
from node.ledger.types import AssetId, Digest
from node.liquidation.breaker import Level


@dataclass(frozen=True, slots=True)
class BreakerOrder:
    """Sets the breaker to `level` for what is left until hub block `until`, the last that it holds at, and the last
    whose batch may carry the order.

    `sequence` counts the validators' orders, of either kind; `signatures` are compact ones of a quorum of the epoch's
    validators, in their order.
    """

    epoch: int
    sequence: int
    level: Level
    until: int
    signatures: tuple[bytes, ...] = ()

    @property
    def expiry(self) -> int:
        """Last hub block whose batch may carry it."""
        return self.until

    def digest(self, deployment: Deployment) -> Digest:
        """EIP-712 digest."""
        values = {"epoch": self.epoch, "sequence": self.sequence, "level": int(self.level), "until": self.until}
        return message_digest(deployment, "BreakerOrder", values)


@dataclass(frozen=True, slots=True)
class WriteOffOrder:
    """Writes a chain's token off, or reinstates one that was; numbered and signed like a `BreakerOrder`."""

    epoch: int
    sequence: int
    asset: AssetId
    reinstated: bool
    expiry: int
    signatures: tuple[bytes, ...] = ()

    def digest(self, deployment: Deployment) -> Digest:
        """EIP-712 digest."""
        values = {
            "epoch": self.epoch,
            "sequence": self.sequence,
            "asset": self.asset,
            "reinstated": self.reinstated,
            "expiry": self.expiry,
        }
        return message_digest(deployment, "WriteOffOrder", values)


HouseOrder: TypeAlias = BreakerOrder | WriteOffOrder
