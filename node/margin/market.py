"""The public side: instruments, prices, volatilities, parameters, from which the risk grid follows.

    {"version": "zkclear/market/1", "time": seconds,
     "underlyings": [{"symbol", "price_e8_usd", "volatility_ppm", "confidence_ppm", "funding_tolerance_micro_usd"}],
     "instruments": [{"kind": "perpetual" | "future" | "call" | "put" | "digital_call" | "digital_put" |
                              "barrier_call" | "barrier_put", "underlying", "lots_per_unit",
                      "expiry" (all but perpetuals), "strike_e8_usd" (options of all kinds),
                      "payout_e8_usd" (digitals: of a whole unit), "barrier_e8_usd" (barrier options),
                      "barrier_kind" (barrier options: "down_out" | "down_in" | "up_out" | "up_in")}],
     "collateral":  [{"symbol", "chain_id", "underlying", "decimals", "units_per_token", "haircut_ppm"}],
     "correlated":  [{"first", "second"}] (may be left out): pairs of underlyings that are taken not to go far apart,
     "parameters":  {any of `PARAMETERS`, otherwise the house's default}}

All figures are whole numbers: prices 1e-8 USD per unit of the underlying, times unix seconds, fractions ppm.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from eth_hash.auto import keccak

from node.margin.documents import Fields, parse, read
from node.margin.errors import FileInvalid, MarketUnusable
from node.market.errors import ExpiredInstrument, InvalidInstrument, InvalidParameters, MarketError
from node.market.grid import RiskGrid, compute_grid
from node.market.instruments import (
    MAXIMUM_PRICE,
    PPM,
    Barrier,
    BarrierKind,
    CollateralAsset,
    Digital,
    Future,
    Instrument,
    Option,
    OptionKind,
    Perpetual,
    Registry,
)
from node.market.parameters import FUNDING_TOLERANCE_LIMIT, CorrelatedPair, MarketParameters, UnderlyingParameters
from node.market.state import MarketState, UnderlyingState, check_alive, check_barrier
from node.market.volatility import VolatilityState

VERSION: Final = "zkclear/market/1"
PARAMETERS: Final = (
    "width_quantile_ppm",
    "width_horizon_seconds",
    "maintenance_floor_ppm",
    "maintenance_cap_ppm",
    "initial_multiple_ppm",
    "initial_cap_ppm",
    "level_down_ppm",
    "level_up_ppm",
    "closing_charge_bps",
    "short_option_minimum_ppm",
    "tail_multiple_ppm",
    "tail_floor_ppm",
    "tail_part",
    "tail_whole",
    "near_ppm",
    "skew_shock_ppm",
    "basis_shock_ppm",
    "basis_shock_ppm_per_year",
    "max_proof_age_seconds",
    "settlement_average_seconds",
)
"""Those of `MarketParameters` that a grid is made with."""
MOST_UNDERLYINGS: Final = 64
MOST_INSTRUMENTS: Final = 1024
_LAST_TIME: Final = 253_402_300_799
_VOLATILITIES: Final = (10_000, 10_000_000)
_MOST_SCALE: Final = 10**12
_MOST_FIGURE: Final = 10**9
_DOMAIN: Final = b"zkclear/margin/market/1\0"
_BARRIER_KINDS: Final = {kind.name.lower(): kind for kind in BarrierKind}
_NO_TOKEN: Final = bytes(20)
"""Which contract a token is has no part in its value here."""


@dataclass(frozen=True)
class Market:
    """What the verifier and the prover of a margin statement agree on before either does anything."""

    registry: Registry
    parameters: MarketParameters
    state: MarketState

    @classmethod
    def load(cls, path: Path) -> "Market":
        """From a market file. Raises FileInvalid, MarketUnusable."""
        return cls.parse(path.name, read(path))

    @classmethod
    def parse(cls, file: str, data: bytes) -> "Market":
        """From the text of a market file that errors call `file`. Raises FileInvalid, MarketUnusable."""
        fields = parse(file, data)
        try:
            fields.version(VERSION)
            time = fields.integer("time", 1, _LAST_TIME)
            underlyings = [_Underlying.read(entry, time) for entry in fields.objects("underlyings", MOST_UNDERLYINGS)]
            instruments = [_instrument(entry) for entry in fields.objects("instruments", MOST_INSTRUMENTS)]
            collateral = [_asset(entry) for entry in fields.objects("collateral", MOST_UNDERLYINGS)]
            symbols = tuple(entry.parameters.symbol for entry in underlyings)
            figures = fields.object("parameters")
            chosen: dict[str, Any] = {
                name: figures.integer(name, 1, _MOST_FIGURE) for name in figures.members() if name in PARAMETERS
            }
            figures.end()
            pairs = fields.objects("correlated", MOST_UNDERLYINGS) if "correlated" in fields.members() else []
            correlated = tuple(map(_pair, pairs))
            fields.end()
            listed = MarketParameters(tuple(entry.parameters for entry in underlyings), correlated)
            parameters = replace(listed, **chosen)
            registry = Registry(symbols, tuple(instruments), tuple(collateral))
            prices = {entry.state.symbol: entry.state.price for entry in underlyings}
            for instrument in registry.instruments:
                check_alive(instrument, time)
                check_barrier(instrument, prices[instrument.underlying])
        except MarketError as error:
            raise FileInvalid(file, *_field_and_reason(error)) from error
        states = tuple(sorted((entry.state for entry in underlyings), key=lambda state: state.symbol))
        market = cls(registry, parameters, MarketState(0, 0, time, states, (), ()))
        market.grid  # noqa: B018, a market without a grid is refused here
        return market

    @cached_property
    def grid(self) -> RiskGrid:
        """The risk grid, over the window of initial width. Raises MarketUnusable."""
        try:
            return compute_grid(self.registry, self.parameters, self.state)
        except MarketError as error:
            raise MarketUnusable(str(error)) from error

    def moved(self, prices: Mapping[str, int], volatilities: Mapping[str, int]) -> "Market":
        """The market that a file with these prices (feed units) and volatilities (ppm) by symbol would hold.

        Raises:
            FileInvalid: a symbol that is not listed, a figure out of range, a price beyond a barrier.
            MarketUnusable: no grid follows from it.
        """
        states = {entry.symbol: entry for entry in self.state.underlyings}
        ranges = (("price_e8_usd", prices, 1, MAXIMUM_PRICE - 1), ("volatility_ppm", volatilities, *_VOLATILITIES))
        for name, figures, least, most in ranges:
            for symbol in sorted(figures):
                if symbol not in states:
                    raise FileInvalid("moves", symbol, "is no underlying of the market")
                Fields("moves", symbol, {name: figures[symbol]}).integer(name, least, most)
        for symbol, price in prices.items():
            states[symbol] = replace(states[symbol], price=price)
        for symbol, sigma in volatilities.items():
            states[symbol] = replace(states[symbol], volatility=VolatilityState(sigma**2, sigma**2, sigma, 0))
        try:
            for instrument in self.registry.instruments:
                check_barrier(instrument, states[instrument.underlying].price)
        except MarketError as error:
            raise FileInvalid("moves", *_field_and_reason(error)) from error
        listed = tuple(
            replace(entry, lattice_origin=states[entry.symbol].price) for entry in self.parameters.underlyings
        )
        state = replace(self.state, underlyings=tuple(states[entry.symbol] for entry in self.state.underlyings))
        market = Market(self.registry, replace(self.parameters, underlyings=listed), state)
        market.grid  # noqa: B018, as in `parse`
        return market

    @cached_property
    def digest(self) -> bytes:
        """32 bytes over everything in the file that has a meaning."""
        parts = (self.registry.encode(), self.parameters.encode(), self.state.encode())
        return bytes(keccak(_DOMAIN + b"".join(len(part).to_bytes(4, "big") + part for part in parts)))


def require_listed(market: Market, file: str, positions: Iterable[str], collateral: Iterable[str]) -> None:
    """Raise FileInvalid, naming `file`, for an id that the market does not list, or that has expired there."""
    living = {entry.id for entry in market.grid.instruments}
    listings = (
        ("positions", positions, market.registry.instruments),
        ("collateral", collateral, market.registry.collateral),
    )
    for group, names, listing in listings:
        listed = {entry.id for entry in listing}
        for name in sorted(names):
            if name not in listed:
                raise FileInvalid(file, f"{group}.{name}", "is not listed in the market file")
            if name not in living:
                raise FileInvalid(file, f"{group}.{name}", "has expired at the market's time")


def _pair(fields: Fields) -> CorrelatedPair:
    first, second = fields.text("first"), fields.text("second")
    fields.end()
    return CorrelatedPair(first, second)


def _field_and_reason(error: MarketError) -> tuple[str, str]:
    match error:
        case InvalidParameters(field, reason):
            return f"parameters.{field}", reason
        case InvalidInstrument(instrument, field, reason):
            return f"{instrument}.{field}", reason
        case ExpiredInstrument(instrument):
            return f"{instrument}.expiry", str(error)
    return "", str(error)


@dataclass(frozen=True, slots=True)
class _Underlying:
    parameters: UnderlyingParameters
    state: UnderlyingState

    @classmethod
    def read(cls, fields: Fields, time: int) -> "_Underlying":
        symbol = fields.text("symbol")
        fields.about(symbol)
        price = fields.integer("price_e8_usd", 1, MAXIMUM_PRICE - 1)
        sigma = fields.integer("volatility_ppm", *_VOLATILITIES)
        confidence = fields.integer("confidence_ppm", 0, PPM)
        tolerance = fields.integer("funding_tolerance_micro_usd", 1, FUNDING_TOLERANCE_LIMIT)
        fields.end()
        volatility = VolatilityState(sigma**2, sigma**2, sigma, 0)
        # The lattice of nodes starts at the price itself: there are no earlier rounds to share nodes with.
        return cls(
            UnderlyingParameters(symbol, price, tolerance), UnderlyingState(symbol, price, confidence, time, volatility)
        )


def _instrument(fields: Fields) -> Instrument:
    kind, underlying = fields.text("kind"), fields.text("underlying")
    fields.about(f"a {kind} on {underlying}")
    lots = fields.integer("lots_per_unit", 1, _MOST_SCALE)
    made: Instrument
    match kind:
        case "perpetual":
            made = Perpetual(underlying, lots)
        case "future":
            made = Future(underlying, lots, fields.integer("expiry", 1, _LAST_TIME))
        case _ if kind.removeprefix("digital_").removeprefix("barrier_") in ("call", "put"):
            made = _option(fields, kind, underlying, lots)
        case _:
            fields.refuse("kind", "is none of perpetual, future, call, put, digital_call … barrier_put")
    fields.end()
    return made


def _option(fields: Fields, kind: str, underlying: str, lots: int) -> Instrument:
    side = OptionKind.CALL if kind.endswith("call") else OptionKind.PUT
    expiry = fields.integer("expiry", 1, _LAST_TIME)
    strike = fields.integer("strike_e8_usd", 1, MAXIMUM_PRICE - 1)
    if kind.startswith("digital"):
        return Digital(underlying, lots, expiry, strike, side, fields.integer("payout_e8_usd", 1, MAXIMUM_PRICE - 1))
    if kind.startswith("barrier"):
        barrier, crossing = fields.integer("barrier_e8_usd", 1, MAXIMUM_PRICE - 1), fields.text("barrier_kind")
        if crossing not in _BARRIER_KINDS:
            fields.refuse("barrier_kind", f"is none of {', '.join(_BARRIER_KINDS)}")
        return Barrier(underlying, lots, expiry, strike, side, barrier, _BARRIER_KINDS[crossing])
    return Option(underlying, lots, expiry, strike, side)


def _asset(fields: Fields) -> CollateralAsset:
    asset = CollateralAsset(
        chain_id=fields.integer("chain_id", 0, 2**63),
        token=_NO_TOKEN,
        symbol=fields.text("symbol"),
        underlying=fields.text("underlying"),
        decimals=fields.integer("decimals", 0, 36),
        unit_scale=fields.integer("units_per_token", 1, _MOST_SCALE),
        haircut_ppm=fields.integer("haircut_ppm", 0, PPM - 1),
    )
    fields.end()
    return asset
