"""Digitals and barrier options in closed form, vectorised, and what a box of price and deviation confines them to.

Without interest or basis every European value depends on the price S and the deviation s = v·√τ alone. A digital call
is payout·N(d₂). Barrier options are those of Reiner and Rubinstein ("Breaking down the barriers", Risk 1991), watched
continuously and without rebate, written by reflection (Carr and Chou, "Breaking barriers", 1997). With H the barrier,
η = +1 where it lies below the price and −1 above, O_η a call for +1 and a put for −1, alive means η(S − H) > 0, and

    touch(S, s) = N(−η·d₂) + S/H · N(−η·d₁)         at strike H: the probability that the barrier is reached
    in(S, s)    = scale · O_{−η}(S, κ, s) + reach · touch(S, s)
    out         = plain − in

    strike K beyond the barrier, η(K − H) ≥ 0:  κ = H²/K, scale = K/H     otherwise: κ = K, scale = 1
    reach = |K − H| for puts on a barrier below and calls on one above, and for strikes before the barrier, else 0

So `in` falls with η·S and rises with s, term by term, wherever it is alive: the bounds below rest on that. Beyond the
barrier, and once it was crossed, an in is the plain option and an out is worth nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

from node.market.instruments import Barrier, Digital, OptionKind
from node.market.valuation import LEAST_DEVIATION, Flags, Floats, black, option_sign


@dataclass(frozen=True, slots=True)
class Box:
    """Ranges of price and deviation, each an array; they broadcast against a book's columns."""

    price_low: Floats
    price_high: Floats
    deviation_low: Floats
    deviation_high: Floats


@dataclass(frozen=True, slots=True)
class Bounds:
    """Arrays between which values lie."""

    low: Floats
    high: Floats


@dataclass(frozen=True, slots=True)
class DigitalBook:
    """Digitals on one underlying, as columns of shape (digitals, 1, 1); prices and payouts in one unit."""

    strike: Floats
    is_call: Flags
    payout: Floats

    def values(self, price: Floats, deviation: Floats) -> Floats:
        """The value at each price and deviation."""
        moneyness = np.log(price / self.strike)
        above = _above(moneyness, deviation)
        return np.asarray(self.payout * np.where(self.is_call, above, 1 - above))

    def bounds(self, box: Box) -> Bounds:
        """The exact range over a box.

        N(d₂) rises with the price. With x = ln(S/K) it falls with s where x ≥ 0; where x < 0 it rises until
        s = √(−2x) and falls from there, so that it is least at an end.
        """
        bottom, top = np.log(box.price_low / self.strike), np.log(box.price_high / self.strike)
        peak = np.clip(np.sqrt(np.maximum(-2 * top, 0.0)), box.deviation_low, box.deviation_high)
        least = np.minimum(_above(bottom, box.deviation_low), _above(bottom, box.deviation_high))
        # At the strike the value is just below a half until expiry, and all at expiry.
        most = np.where((top >= 0) & (box.deviation_low <= LEAST_DEVIATION), 1.0, _above(top, peak))
        low, high = np.where(self.is_call, least, 1 - most), np.where(self.is_call, most, 1 - least)
        return Bounds(self.payout * low, self.payout * high)


def _above(moneyness: Floats, deviation: Floats) -> Floats:
    """N(d₂): the probability that the price ends above the strike."""
    spread = np.maximum(deviation, LEAST_DEVIATION)
    return np.asarray(ndtr(moneyness / spread - spread / 2))


@dataclass(frozen=True, slots=True)
class BarrierBook:
    """Barrier options on one underlying, as columns of shape (options, 1, 1); prices in one unit.

    `direction` is η, `image` κ; `scale` and `reach` are those of the module's text.
    """

    strike: Floats
    sign: Floats
    barrier: Floats
    direction: Floats
    is_in: Flags
    image: Floats
    scale: Floats
    reach: Floats

    def values(self, price: Floats, deviation: Floats) -> Floats:
        """The value at each price and deviation while the barrier is not crossed; at and beyond it, the crossed one."""
        plain = black(price, self.strike, deviation, self.sign)
        into = np.minimum(self._in(price, deviation), plain)
        alive = self.direction * (price - self.barrier) > 0
        return np.asarray(
            np.where(self.is_in, np.where(alive, into, plain), np.where(alive, np.maximum(plain - into, 0), 0))
        )

    def crossed_values(self, price: Floats, deviation: Floats) -> Floats:
        """The value at each price and deviation once the barrier was crossed."""
        return np.asarray(np.where(self.is_in, black(price, self.strike, deviation, self.sign), 0.0))

    def reachable(self, nodes: Floats) -> Flags:
        """Which barriers the price may cross without leaving the window of these nodes (ascending)."""
        return np.asarray((nodes[0] <= self.barrier) & (self.barrier <= nodes[-1]))

    def bounds(self, box: Box, *, reachable: Flags) -> Bounds:
        """A range that holds every value over a box that the barrier does not divide.

        Where the barrier is `reachable`, the range holds the values after a crossing too: it may be crossed, and the
        price come back.
        """
        is_call = self.sign > 0
        rising, falling = (
            np.where(is_call, box.price_low, box.price_high),
            np.where(is_call, box.price_high, box.price_low),
        )
        plain_low = black(rising, self.strike, box.deviation_low, self.sign)
        plain_high = black(falling, self.strike, box.deviation_high, self.sign)
        is_down = self.direction > 0
        near, far = np.where(is_down, box.price_low, box.price_high), np.where(is_down, box.price_high, box.price_low)
        in_low, in_high = self._in(far, box.deviation_low), self._in(near, box.deviation_high)
        alive = self.direction * (far - self.barrier) > 0
        out = Bounds(
            np.where(reachable | ~alive, 0.0, np.maximum(plain_low - in_high, 0.0)),
            np.where(alive, np.clip(plain_high - in_low, 0.0, plain_high), 0.0),
        )
        into = Bounds(
            np.where(alive, np.minimum(in_low, plain_low), plain_low),
            np.where(reachable | ~alive, plain_high, np.minimum(in_high, plain_high)),
        )
        return Bounds(np.where(self.is_in, into.low, out.low), np.where(self.is_in, into.high, out.high))

    def _in(self, price: Floats, deviation: Floats) -> Floats:
        """The module's `in`, which means something on the living side of the barrier only."""
        spread = np.maximum(deviation, LEAST_DEVIATION)
        d1 = np.log(price / self.barrier) / spread + spread / 2
        touch = ndtr(-self.direction * (d1 - spread)) + price / self.barrier * ndtr(-self.direction * d1)
        return np.asarray(
            self.scale * black(price, self.image, deviation, -self.direction) + self.reach * np.minimum(touch, 1.0)
        )


def _column(figures: Sequence[float]) -> Floats:
    return np.array(figures, dtype=np.float64).reshape(-1, 1, 1)


def digital_book(digitals: Sequence[Digital]) -> DigitalBook:
    """Columns in feed units per whole unit of the underlying."""
    return DigitalBook(
        strike=_column([entry.strike for entry in digitals]),
        is_call=_column([entry.kind is OptionKind.CALL for entry in digitals]) > 0,
        payout=_column([entry.payout for entry in digitals]),
    )


def barrier_book(barriers: Sequence[Barrier]) -> BarrierBook:
    """Columns in feed units per whole unit of the underlying."""
    strike, barrier = _column([entry.strike for entry in barriers]), _column([entry.barrier for entry in barriers])
    sign = _column([option_sign(entry) for entry in barriers])
    direction = _column([1.0 if entry.barrier_kind.is_down else -1.0 for entry in barriers])
    beyond = direction * (strike - barrier) >= 0
    return BarrierBook(
        strike=strike,
        sign=sign,
        barrier=barrier,
        direction=direction,
        is_in=_column([entry.barrier_kind.is_in for entry in barriers]) > 0,
        image=np.where(beyond, barrier**2 / strike, strike),
        scale=np.where(beyond, strike / barrier, 1.0),
        reach=np.where(beyond & (sign == direction), 0.0, np.abs(strike - barrier)),
    )
