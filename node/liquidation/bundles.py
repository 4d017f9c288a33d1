"""What is auctioned at once, and how the bids of one batch share it: whole units, one price, nothing lost to rounding.

A bundle is a number of equal units, each a whole number of lots of every instrument in it. Whoever buys some of the
units buys the same mix as whoever buys all. So an account that buys lies on the straight line between the account
before and the account after its largest fill; the set of accounts with margin is convex, and the two ends prove it all.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import gcd
from typing import Final

BUNDLE_UNITS: Final = 100
"""Units of a bundle of several instruments whose lots have no larger common divisor."""


@dataclass(frozen=True, slots=True)
class Bundle:
    """`units` times `lots`: signed lots of each instrument in one unit, by id."""

    units: int
    lots: Mapping[str, int]


def bundle_of(lots: Mapping[str, int]) -> Bundle:
    """The largest bundle of equal units in `lots`; what is left over, less than `BUNDLE_UNITS` of each, comes later.

    Lots with a common divisor of at least `BUNDLE_UNITS`, those of one instrument among them, are cut by it and leave
    nothing over; so are lots of which no instrument has as many as that.
    """
    held = {name: quantity for name, quantity in sorted(lots.items()) if quantity}
    divisor = gcd(*held.values())
    if len(held) == 1 or divisor >= BUNDLE_UNITS or all(abs(q) < BUNDLE_UNITS for q in held.values()):
        return Bundle(divisor, {name: quantity // divisor for name, quantity in held.items()})
    whole = {name: abs(q) // BUNDLE_UNITS * (1 if q > 0 else -1) for name, q in held.items()}
    return Bundle(BUNDLE_UNITS, {name: quantity for name, quantity in whole.items() if quantity})


def pro_rata(amount: int, weights: Sequence[int]) -> tuple[int, ...]:
    """`amount` shared by non-negative whole weights: rounded down, then one more for each of the largest remainders.

    Among equal remainders the one that stands first; the order of the weights is the caller's rule. Their sum must be
    positive. Nobody gets more than its weight as long as `amount` is no more than the sum.
    """
    total = sum(weights)
    shares = [amount * weight // total for weight in weights]
    by_remainder = sorted(range(len(weights)), key=lambda place: (-(amount * weights[place] % total), place))
    for place in by_remainder[: amount - sum(shares)]:
        shares[place] += 1
    return tuple(shares)
