"""Black's formula (Fischer Black, "The pricing of commodity contracts", 1976), vectorised, without interest
or basis.

The forward of every expiry is the spot price: the house quotes no basis, and margin is not discounted. With τ
years to
expiry, s = v·√τ and d₁ = ln(F/K)/s + s/2, d₂ = d₁ − s:

    call = F·N(d₁) − K·N(d₂)          put = K·N(−d₂) − F·N(−d₁)

Floats live here and in `gap.py` only; `grid.py` rounds them to the integers that the ledger keeps.
"""

from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from node.market.errors import InvalidInput
from node.market.instruments import Curved, Option, OptionKind
from node.market.parameters import YEAR_SECONDS
from node.market.state import check_alive

Floats: TypeAlias = NDArray[np.float64]
Flags: TypeAlias = NDArray[np.bool_]
Numeric: TypeAlias = Floats | np.float64 | float

LEAST_DEVIATION: Final = 1e-150
"""Stands for a standard deviation of 0: far below any that matters, yet ln(F/K) over it is finite."""


def black(forward: Numeric, strike: Numeric, deviation: Numeric, sign: Numeric) -> Floats:
    """Undiscounted value of European options by the standard deviation s of the logarithm; all arguments broadcast.

    Args:
        forward, strike: positive, in one currency; the value is in the same.
        deviation: volatility times the root of the time to expiry, at least 0; at 0 the value is the payoff.
        sign: +1 for a call, −1 for a put.
    """
    spread = np.maximum(deviation, LEAST_DEVIATION)
    d1 = np.log(forward / strike) / spread + spread / 2
    value = sign * (forward * ndtr(sign * d1) - strike * ndtr(sign * (d1 - spread)))
    return np.asarray(np.maximum(value, 0.0), dtype=np.float64)


def black76(forward: Numeric, strike: Numeric, volatility: Numeric, years: Numeric, sign: Numeric) -> Floats:
    """The same by annual volatility (a fraction) and years to expiry, at least 0."""
    return black(forward, strike, volatility * np.sqrt(years), sign)


def option_sign(option: Curved) -> float:
    """+1 for a call, −1 for a put."""
    return 1.0 if option.kind is OptionKind.CALL else -1.0


def years_to(expiry: int, time: int) -> float:
    """Years of 365 days from `time` to `expiry`; 0 after it."""
    return max(expiry - time, 0) / YEAR_SECONDS


def option_value(option: Option, forward: Numeric, volatility: Numeric, time: int) -> Floats:
    """Value of a living option per whole unit of its underlying; `forward` and value in feed units.

    Raises:
        ExpiredInstrument: at or after expiry.
        InvalidInput: a forward or volatility that is not a positive finite number.
    """
    check_alive(option, time)
    require_positive(option.id, "forward", forward)
    require_positive(option.id, "volatility", volatility)
    years = years_to(option.expiry, time)
    return black76(forward, float(option.strike), volatility, years, option_sign(option))


def require_positive(instrument: str, name: str, values: Numeric) -> None:
    """Raises InvalidInput, with the first culprit, unless all `values` are positive and finite."""
    flat = np.atleast_1d(values).ravel()
    bad = flat[~(np.isfinite(flat) & (flat > 0))]
    if bad.size:
        raise InvalidInput(instrument, name, str(bad[0]))
