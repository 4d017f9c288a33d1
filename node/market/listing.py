"""A standard set of listings and parameters around a pair of start prices: what a new house opens with."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from node.market.errors import InvalidInput, InvalidInstrument
from node.market.instruments import (
    MAXIMUM_PRICE,
    PPM,
    ROW_UNITS_PER_FEED_UNIT,
    CollateralAsset,
    Future,
    Instrument,
    Option,
    OptionKind,
    Perpetual,
    Registry,
)
from node.market.parameters import DAY_SECONDS, CorrelatedPair, MarketParameters, UnderlyingParameters
from node.market.state import spot_per_lot

LOT_SCALES: Final = {"BTC": 10_000, "ETH": 1_000}
"""Lots per whole unit: a lot is 1e-4 BTC or 1e-3 ETH."""
_UNIT_SCALES: Final = {"USD": 10**6, "WBTC": 10**6, "WETH": 10**5}
_DECIMALS: Final = {"USD": 6, "WBTC": 8, "WETH": 18}
_UNDERLYINGS: Final = {"USD": None, "WBTC": "BTC", "WETH": "ETH"}
_HAIRCUT_PPM: Final = 50_000
_FUNDING_TOLERANCE_PPM: Final = 1_000
_LEAST_UNIT_VALUE: Final = 10**6
_EXPIRY_DAYS: Final = 15
_EXPIRY_SECOND: Final = 8 * 3600
_STRIKES: Final = (
    ("BTC", 90, OptionKind.PUT),
    ("BTC", 100, OptionKind.CALL),
    ("BTC", 100, OptionKind.PUT),
    ("BTC", 110, OptionKind.CALL),
    ("ETH", 90, OptionKind.PUT),
    ("ETH", 110, OptionKind.CALL),
)


@dataclass(frozen=True, slots=True)
class Listing:
    """What genesis needs of the market."""

    registry: Registry
    parameters: MarketParameters


def standard_asset(chain_id: int, token: bytes, symbol: str) -> CollateralAsset:
    """The listing of a USD, WBTC or WETH token (20-byte address) on a chain.

    Raises:
        InvalidInstrument: any other symbol, or an address of the wrong length.
    """
    if symbol not in _UNIT_SCALES:
        raise InvalidInstrument(f"{symbol}@{chain_id}", "symbol", "has no standard listing")
    underlying = _UNDERLYINGS[symbol]
    return CollateralAsset(
        chain_id=chain_id,
        token=token,
        symbol=symbol,
        underlying=underlying,
        decimals=_DECIMALS[symbol],
        unit_scale=_UNIT_SCALES[symbol],
        haircut_ppm=0 if underlying is None else _HAIRCUT_PPM,
    )


def standard_registry(
    btc_price: int,
    eth_price: int,
    start_time: int,
    collateral: Sequence[CollateralAsset],
    future_expiry: int | None = None,
    option_expiry: int | None = None,
) -> Listing:
    """A perpetual and a future on BTC and ETH, six options struck around the start prices, and the given
    collateral.

    Args:
        btc_price, eth_price: feed units; also the origins of the lattices.
        start_time: unix seconds.
        collateral: the tokens that vaults accept; see `standard_asset`.
        future_expiry, option_expiry: unix seconds; by default 08:00 UTC some fifteen days after the start.

    Raises:
        InvalidInput: a price that is none, or an expiry that is not after the start.
        InvalidInstrument: a contradictory listing, or a ledger unit worth less than 10⁶ row units.
    """
    prices = {"BTC": btc_price, "ETH": eth_price}
    for symbol, price in prices.items():
        if not 0 < price < MAXIMUM_PRICE:
            raise InvalidInput(symbol, "start price", str(price))
    usual = (start_time // DAY_SECONDS + _EXPIRY_DAYS) * DAY_SECONDS + _EXPIRY_SECOND
    expiries = {"future_expiry": future_expiry or usual, "option_expiry": option_expiry or usual}
    for name, expiry in expiries.items():
        if expiry <= start_time:
            raise InvalidInput("listing", name, str(expiry))
    instruments: list[Instrument] = []
    for symbol, lots in LOT_SCALES.items():
        instruments += [Perpetual(symbol, lots), Future(symbol, lots, expiries["future_expiry"])]
    for symbol, percent, kind in _STRIKES:
        strike = round_strike(prices[symbol] * percent // 100)
        instruments.append(Option(symbol, LOT_SCALES[symbol], expiries["option_expiry"], strike, kind))
    for asset in collateral:
        _check_unit_value(asset, prices)
    registry = Registry(tuple(prices), tuple(instruments), tuple(collateral))
    return Listing(registry, default_parameters(prices))


def default_parameters(prices: dict[str, int]) -> MarketParameters:
    """The default figures for underlyings listed at `prices` (feed units); φ is 0.1 % of a lot's price."""
    pair = CorrelatedPair("BTC", "ETH")
    return MarketParameters(
        tuple(
            UnderlyingParameters(
                symbol,
                price,
                max(spot_per_lot(price, LOT_SCALES[symbol]) * _FUNDING_TOLERANCE_PPM // PPM, 1),
            )
            for symbol, price in prices.items()
        ),
        (pair,) if {pair.first, pair.second} <= set(prices) else (),
    )


def round_strike(price: int) -> int:
    """A price rounded to two significant digits, as strikes are listed; ties go up."""
    step = int(10 ** max(len(str(price)) - 2, 0))
    return (price + step // 2) // step * step


def _check_unit_value(asset: CollateralAsset, prices: dict[str, int]) -> None:
    """A ledger unit worth little would lose a noticeable part of its value to rounding down in the rows."""
    if asset.underlying is None:
        return
    if asset.underlying not in prices:
        raise InvalidInstrument(asset.id, "underlying", f"{asset.underlying} is not listed")
    value = prices[asset.underlying] * ROW_UNITS_PER_FEED_UNIT // asset.unit_scale
    if value < _LEAST_UNIT_VALUE:
        raise InvalidInstrument(asset.id, "unit_scale", f"a unit is worth {value} row units, less than 10⁶")
