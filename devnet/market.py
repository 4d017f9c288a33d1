"""The market that a devnet replays: one price per underlying and tick, from a file of candles."""

from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise

from devnet.errors import SettingsInvalid
from devnet.settings import TICK_SECONDS, DevnetSettings
from node.oracle.candles import load_history

TICKS_AN_HOUR = 4


@dataclass(frozen=True, slots=True)
class PriceTick:
    """Prices (feed units, 1e-8 USD) of both underlyings from market time `time` (unix seconds) on."""

    time: int
    btc: int
    eth: int


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
    return MarketReplay(tuple(wanted))
