"""The market that a devnet replays: one price per underlying and tick, from a file of candles."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import pairwise

from devnet.errors import SettingsInvalid
from devnet.settings import TICK_SECONDS, DevnetSettings
from node.market.parameters import MarketParameters
from node.market.volatility import initial_volatility, update
from node.oracle.candles import load_history

TICKS_AN_HOUR = 4


@dataclass(frozen=True, slots=True)
class PriceTick:
    """Prices (feed units, 1e-8 USD) of both underlyings from market time `time` (unix seconds) on, and the realised
    volatilities by then (ppm; 0 where nothing is known of earlier prices)."""

    time: int
    btc: int
    eth: int
    btc_volatility: int = 0
    eth_volatility: int = 0


@dataclass(frozen=True, slots=True)
class MarketReplay:
    """The ticks of a run, in order; after the last one the market stands still."""

    ticks: tuple[PriceTick, ...]

    @property
    def start(self) -> int:
        """Unix seconds of the first tick."""
        return self.ticks[0].time

    def tick(self, index: int) -> PriceTick:
        """The tick in force, the last one for any later index."""
        return self.ticks[min(index, len(self.ticks) - 1)]


def load_replay(settings: DevnetSettings) -> MarketReplay:
    """The ticks that the settings name.

    Raises:
        CandlesInvalid, FeedUnknown: the file's fault.
        SettingsInvalid: the file does not cover the hours asked for.
    """
    history = load_history(settings.replay)
    btc, eth = history.ticks("BTC"), history.ticks("ETH")
    ticks = [PriceTick(b.time, b.price, e.price) for b, e in zip(btc, eth, strict=True)]
    first = settings.first_candle
    begin = int(first.timestamp()) if first is not None else ticks[0].time
    wanted = [tick for tick in ticks if begin <= tick.time < begin + settings.hours * 3600]
    if len(wanted) != settings.hours * TICKS_AN_HOUR:
        asked = datetime.fromtimestamp(begin, UTC).isoformat(timespec="minutes")
        raise SettingsInvalid("replay", f"{settings.replay.name} does not hold {settings.hours} hours from {asked}")
    if any(later.time - earlier.time != TICK_SECONDS for earlier, later in pairwise(wanted)):
        raise SettingsInvalid("replay", f"{settings.replay.name} has gaps in the hours asked for")
    return MarketReplay(_with_volatility(wanted))


def _with_volatility(ticks: Sequence[PriceTick]) -> tuple[PriceTick, ...]:
    """As the house reckons it (`node.market.volatility`), from the first of these prices on."""
    parameters = MarketParameters(())
    btc = eth = initial_volatility(parameters)
    made = [replace(ticks[0], btc_volatility=btc.sigma_ppm, eth_volatility=eth.sigma_ppm)]
    for before, now in pairwise(ticks):
        btc = update(btc, before.btc, now.btc, TICK_SECONDS, parameters)
        eth = update(eth, before.eth, now.eth, TICK_SECONDS, parameters)
        made.append(replace(now, btc_volatility=btc.sigma_ppm, eth_volatility=eth.sigma_ppm))
    return tuple(made)
