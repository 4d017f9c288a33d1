"""Who pays for what a defaulter cannot: its remains, its own part of the default fund, insurance, the others' parts.

What all of them leave open is a recorded shortfall. In micro-dollars.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from node.liquidation.bundles import pro_rata


@dataclass(frozen=True, slots=True)
class Remedies:
    """What there is beside the defaulter's account: the insurance fund, and the default fund by member."""

    insurance: int
    fund: Mapping[bytes, int]


@dataclass(frozen=True, slots=True)
class Claims:
    """What a defaulter's remains owe, in this order: to members for what they paid in this default before, then to the
    insurance fund for the same and for the penalty."""

    members: Mapping[bytes, int]
    insurance: int


@dataclass(frozen=True, slots=True)
class Waterfall:
    """How one default ends. A positive `cash` pays `repaid` and `penalty`, and the rest stays with the owner; for a
    negative one cash + Σ fund_paid + insurance_paid + shortfall = 0."""

    repaid: Mapping[bytes, int]
    penalty: int
    insurance_paid: int
    fund_paid: Mapping[bytes, int]
    shortfall: int

    @property
    def change(self) -> int:
        """What the end moves into the defaulter's account."""
        paid = self.insurance_paid + sum(self.fund_paid.values())
        return paid - self.penalty - sum(self.repaid.values())


def settle_default(cash: int, claims: Claims, remedies: Remedies, defaulter: bytes) -> Waterfall:
    """Divide the end of a default: `cash` is the defaulter's after all sales, negative for a loss."""
    if cash >= 0:
        repaid = _shared(min(cash, sum(claims.members.values())), claims.members)
        left = cash - sum(repaid.values())
        return Waterfall(repaid, min(left, claims.insurance), 0, {}, 0)
    loss = -cash
    own = min(loss, remedies.fund.get(defaulter, 0))
    insured = min(loss - own, max(remedies.insurance, 0))
    others = {member: part for member, part in remedies.fund.items() if member != defaulter}
    paid = _shared(min(loss - own - insured, sum(others.values())), others)
    if own:
        paid = dict(sorted({**paid, defaulter: own}.items()))
    return Waterfall({}, 0, insured, paid, loss - insured - sum(paid.values()))


def _shared(amount: int, parts: Mapping[bytes, int]) -> dict[bytes, int]:
    """`amount` pro rata to the parts; remainders go to the largest fractions, among equals to the smaller name."""
    if not amount:
        return {}
    names = sorted(name for name, part in parts.items() if part)
    shares = pro_rata(amount, [parts[name] for name in names])
    return {name: share for name, share in zip(names, shares, strict=True) if share}
