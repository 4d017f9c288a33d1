"""Ten standard books of ten BTC each, by the ids of `examples/market.json`: signed lots and units of collateral.

A lot is 1e-4 BTC or 1e-3 ETH, a unit of WBTC is 1e-6 of the coin.
"""

from typing import Final

from node.margin.book import Portfolio

_MARCH: Final = "BTC-20200327"
_JUNE: Final = "BTC-20200626"
_TEN: Final = 100_000
_COINS: Final = {"WBTC@1": 10_000_000}


def _book(positions: dict[str, int], collateral: dict[str, int] | None = None) -> Portfolio:
    return Portfolio(0, positions, collateral or {})


STANDARD_BOOKS: Final = {
    "vertical": _book({f"{_MARCH}-8000-C": _TEN, f"{_MARCH}-9000-C": -_TEN}),
    "calendar": _book({f"{_MARCH}-8000-C": -_TEN, f"{_JUNE}-8000-C": _TEN}),
    "box": _book(
        {
            f"{_MARCH}-7500-C": _TEN,
            f"{_MARCH}-8500-C": -_TEN,
            f"{_MARCH}-8500-P": _TEN,
            f"{_MARCH}-7500-P": -_TEN,
        }
    ),
    "covered call": _book({f"{_MARCH}-9000-C": -_TEN}, _COINS),
    "protective put": _book({"BTC-PERP": _TEN, f"{_MARCH}-7500-P": _TEN}),
    "delta-hedged straddle": _book({f"{_MARCH}-8000-C": -_TEN, f"{_MARCH}-8000-P": -_TEN, "BTC-PERP": 4_500}),
    "basis trade": _book({_MARCH: -_TEN, "BTC-PERP": _TEN}),
    "cash and carry": _book({_MARCH: -_TEN}, _COINS),
    "iron condor": _book(
        {
            f"{_MARCH}-6500-P": _TEN,
            f"{_MARCH}-7000-P": -_TEN,
            f"{_MARCH}-9000-C": -_TEN,
            f"{_MARCH}-9500-C": _TEN,
        }
    ),
    "BTC/ETH pair": _book({"BTC-PERP": _TEN, "ETH-PERP": -410_000}),
}
"""The straddle's perpetual offsets its delta at the example's price and volatility, to 1e-2 BTC a coin."""
