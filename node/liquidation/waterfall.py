"""Who pays for what a defaulter cannot: its remains first, then the insurance fund, then a recorded shortfall."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Waterfall:
    """How one default ends, in micro-dollars. `remains` − `penalty` stays with the owner; the rest adds up to zero."""

    remains: int
    penalty: int
    insurance_paid: int
    shortfall: int


def settle_default(cash: int, penalty_due: int, insurance: int) -> Waterfall:
    """Divide the end of a default: `cash` is the defaulter's after all sales, negative for a loss.

    A positive rest pays the penalty as far as it goes; a loss takes the insurance fund as far as it goes, and what is
    left is the shortfall: cash + insurance_paid + shortfall = 0 then.
    """
    if cash >= 0:
        return Waterfall(cash, min(cash, penalty_due), 0, 0)
    paid = min(-cash, max(insurance, 0))
    return Waterfall(0, 0, paid, -cash - paid)
