"""Who trades in the laboratory: drawn once for each seed, alike for every policy. All sums are ledger integers."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final, TypeAlias

import numpy as np

from devnet.stress.errors import ExperimentInvalid
from devnet.stress.house import lot_scale
from node.ledger.types import MicroUsd
from node.market.instruments import PPM
from node.market.state import spot_per_lot

_Required: TypeAlias = Callable[[str, int], MicroUsd]
MIN_ACCOUNTS: Final = 20
MAX_ACCOUNTS: Final = 20_000
MARGIN_FACTOR: Final = 2.0
"""How far the equity of the average owner exceeds the least with which it can hold its position."""
_TAIL: Final = 1.3
"""Of the sizes' Pareto distribution."""
_MEAN_USD: Final = 200_000
_LONG_SHARE: Final = 0.6
_SHORTS_OF_LONGS: Final = 0.7
_ABSENT: Final = 0.08
_WITHOUT_RESERVE: Final = 0.5
_MEAN_DELAY: Final = 4.0
_MAKERS_OF_INTEREST: Final = 8
INSURANCE_PPM: Final = 50_000
"""Of open interest, in the insurance fund at the start."""
BACKSTOP_PPM: Final = 250_000
"""Of open interest: what the backstop may take over, and what it has."""


class Role(Enum):
    """How an account behaves."""

    OWNER = "owner"
    """Holds its position, and answers calls and warnings as it can."""
    MOMENTUM = "momentum"
    """Sells into a fall and buys back when it is over."""
    LIQUIDATOR = "liquidator"
    """Bids for portfolios at a discount, and sells off what it bought."""
    MAKER = "maker"
    """The counterparty of every trade: deep pockets, wider quotes in a fall."""
    BACKSTOP = "backstop"
    """Takes what nobody bid for, and sells it off like a liquidator."""


@dataclass(frozen=True, slots=True)
class Character:
    """One account as the run begins. Micro-dollars and lots; `delay` is in rounds, None for an owner who is away."""

    role: Role
    symbol: str
    lots: int
    equity: MicroUsd
    reserve: MicroUsd = MicroUsd(0)
    """What the owner could still deposit."""
    delay: int | None = 1


@dataclass(frozen=True, slots=True)
class Population:
    """Everybody, and the open interest of each symbol (micro-dollars of all long positions)."""

    characters: tuple[Character, ...]
    open_interest: Mapping[str, MicroUsd]
    insurance: MicroUsd

    @property
    def total_open_interest(self) -> MicroUsd:
        """Over all symbols."""
        return MicroUsd(sum(self.open_interest.values()))


def draw_population(prices: Mapping[str, int], accounts: int, seed: int, required: _Required) -> Population:
    """`accounts` accounts over all symbols (prices in feed units), with positions that add up to nothing.

    `required` is the least equity for a symbol and signed lots.

    Raises:
        ExperimentInvalid: too few accounts to make a market, or more than a batch could serve.
    """
    if not MIN_ACCOUNTS * len(prices) <= accounts <= MAX_ACCOUNTS:
        raise ExperimentInvalid("accounts", f"{accounts} is not from {MIN_ACCOUNTS * len(prices)} to {MAX_ACCOUNTS}")
    rng = np.random.default_rng(seed)
    characters: list[Character] = []
    interest: dict[str, MicroUsd] = {}
    for place, (symbol, price) in enumerate(sorted(prices.items())):
        count = accounts // len(prices) + (place < accounts % len(prices))
        drawn = _SymbolDraw(symbol, spot_per_lot(price, lot_scale(price)), count, required, rng)
        characters += drawn.characters()
        interest[symbol] = drawn.open_interest
    total = sum(interest.values())
    backstop = Character(Role.BACKSTOP, "", 0, MicroUsd(total * BACKSTOP_PPM // PPM))
    return Population((*characters, backstop), interest, MicroUsd(total * INSURANCE_PPM // PPM))


class _SymbolDraw:
    """The accounts of one symbol."""

    def __init__(
        self, symbol: str, per_lot: int, count: int, required: Callable[[str, int], MicroUsd], rng: np.random.Generator
    ) -> None:
        self._symbol, self._required, self._rng = symbol, required, rng
        self._makers = max(2, count // 50)
        self._momentum = max(2, count // 100)
        self._liquidators = max(2, count // 100)
        owners = count - self._makers - self._momentum - self._liquidators
        longs = max(int(owners * _LONG_SHARE), 1)
        dollars = _MEAN_USD * (rng.pareto(_TAIL + 1, owners) + 0.05)
        sizes = [max(int(usd * PPM) // per_lot, 1) for usd in dollars]
        self._longs = sizes[:longs]
        room = int(sum(self._longs) * _SHORTS_OF_LONGS)
        scale = room / max(sum(sizes[longs:]), 1)
        self._shorts = [int(size * scale) for size in sizes[longs:]]
        self.open_interest = MicroUsd(sum(self._longs) * per_lot)

    def characters(self) -> list[Character]:
        """Owners, then momentum sellers, liquidators and makers."""
        made = [self._owner(lots) for lots in self._longs] + [self._owner(-lots) for lots in self._shorts if lots]
        whole = self.open_interest
        seller = MicroUsd(whole * 3 // (100 * self._momentum))
        buyer = MicroUsd(whole * 10 // (100 * self._liquidators))
        made += [Character(Role.MOMENTUM, self._symbol, 0, seller) for _ in range(self._momentum)]
        made += [Character(Role.LIQUIDATOR, self._symbol, 0, buyer) for _ in range(self._liquidators)]
        net = -sum(character.lots for character in made)
        for place in range(self._makers):
            share = net // self._makers + (place < net % self._makers)
            made.append(
                Character(Role.MAKER, self._symbol, share, MicroUsd(_MAKERS_OF_INTEREST * whole // self._makers))
            )
        return made

    def _owner(self, lots: int) -> Character:
        rng = self._rng
        factor = 1.02 + rng.exponential(MARGIN_FACTOR - 1.02)
        equity = int(self._required(self._symbol, lots) * factor) + PPM
        reserve = 0 if rng.random() < _WITHOUT_RESERVE else int(equity * rng.uniform(0.1, 1.0))
        absent = rng.random() < _ABSENT
        delay = 1 + int(rng.exponential(_MEAN_DELAY))
        return Character(Role.OWNER, self._symbol, lots, MicroUsd(equity), MicroUsd(reserve), None if absent else delay)
