"""A house listed at 8,000 and 200 dollars, and its market moved at will."""

from dataclasses import dataclass, replace

import pytest

from node.market.grid import RiskGrid, compute_grid
from node.market.instruments import Instrument, Registry
from node.market.listing import standard_asset, standard_registry
from node.market.oracle_rules import Price, PriceResult
from node.market.parameters import MarketParameters
from node.market.state import MarketState, advance, genesis_state
from node.market.surface import Slice, Surface

START = 1_583_020_800
USD = 10**8


@dataclass(frozen=True)
class House:
    """Listings, parameters and the state after the first round."""

    registry: Registry
    parameters: MarketParameters
    state: MarketState

    def at(self, seconds: int = 60, **prices: float) -> MarketState:
        """The next round's state, `seconds` later, with some prices moved (USD)."""
        results: dict[str, PriceResult] = {
            entry.symbol: Price(int(prices.get(entry.symbol, entry.price / USD) * USD), 500, 4)
            for entry in self.state.underlyings
        }
        time = self.state.time + seconds
        return advance(self.state, results, self.state.height + 4, time, self.registry, self.parameters)

    def listing(self, *entries: Instrument) -> "House":
        """The same house with more instruments listed."""
        registry = replace(self.registry, instruments=(*self.registry.instruments, *entries))
        return replace(self, registry=registry)

    def after(self, seconds: int, **prices: float) -> "House":
        """The same house one round later."""
        return replace(self, state=self.at(seconds, **prices))

    def quoting(self, *slices: Slice, underlying: str = "BTC", age: int = 0) -> "House":
        """The same house with a surface in force, quoted at the price of the moment `age` seconds ago."""
        others = [entry for entry in self.state.surfaces if entry.underlying != underlying]
        quoted = Surface(underlying, self.state.time - age, self.state.price(underlying), slices)
        surfaces = tuple(sorted([*others, quoted], key=lambda entry: entry.underlying))
        return replace(self, state=replace(self.state, surfaces=surfaces))

    def grid(self, state: MarketState | None = None) -> RiskGrid:
        """The grid of a state; of the first round by default."""
        return compute_grid(self.registry, self.parameters, state or self.state)


def open_house(btc: int = 8_000, eth: int = 200, expires_in: int | None = None, future_in: int | None = None) -> House:
    """A house after its first round; expiries may be set as seconds after the start."""
    listing = standard_registry(
        btc * USD,
        eth * USD,
        START,
        [
            standard_asset(1, b"\x01" * 20, "USD"),
            standard_asset(1, b"\x02" * 20, "WETH"),
            standard_asset(2, b"\x03" * 20, "WBTC"),
        ],
        future_expiry=START + future_in if future_in else None,
        option_expiry=START + expires_in if expires_in else None,
    )
    genesis = genesis_state(listing.registry, listing.parameters, 100, START)
    prices: dict[str, PriceResult] = {"BTC": Price(btc * USD, 500, 4), "ETH": Price(eth * USD, 500, 4)}
    state = advance(genesis, prices, 104, START, listing.registry, listing.parameters)
    return House(listing.registry, listing.parameters, state)


@pytest.fixture(scope="session")
def house() -> House:
    return open_house()


@pytest.fixture(scope="session")
def house_opener():
    """The function that opens a house with other prices or expiries."""
    return open_house
