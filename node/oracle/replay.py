"""A feed that plays recorded prices back."""

from bisect import bisect_right
from collections.abc import Sequence
from typing import Final

from node.oracle.candles import TICK_SECONDS, Tick
from node.oracle.errors import FeedUnavailable
from node.oracle.feed import FeedReading

REPLAY_CONFIDENCE_PPM: Final = 500


class ReplayFeed:
    """Plays the ticks of a recorded market on the chain's clock.

    Recorded time `ticks[0].time` falls on chain time `origin`; one tick's fifteen minutes take `tick_seconds`
    of chain time, so that a market is replayed at its own pace or faster. After the last tick the feed has
    run dry.
    """

    def __init__(
        self,
        name: str,
        ticks: Sequence[Tick],
        origin: int | None = None,
        tick_seconds: int = TICK_SECONDS,
        confidence_ppm: int = REPLAY_CONFIDENCE_PPM,
    ) -> None:
        """`origin` defaults to the first tick's own time.

        Raises:
            FeedUnavailable: no ticks.
        """
        if not ticks:
            raise FeedUnavailable(name, "nothing recorded")
        start = ticks[0].time if origin is None else origin
        self._name = name
        self._confidence_ppm = confidence_ppm
        self._tick_seconds = tick_seconds
        self._prices = [tick.price for tick in ticks]
        self._times = [start + (tick.time - ticks[0].time) * tick_seconds // TICK_SECONDS for tick in ticks]

    @property
    def name(self) -> str:
        """The underlying's symbol."""
        return self._name

    async def read(self, not_after: int) -> FeedReading:
        """The last tick at or before `not_after`. Raises FeedUnavailable before the first and after the last."""
        place = bisect_right(self._times, not_after) - 1
        if place < 0:
            raise FeedUnavailable(self._name, f"nothing recorded until {self._times[0]}")
        if not_after >= self._times[-1] + self._tick_seconds:
            raise FeedUnavailable(self._name, f"nothing recorded after {self._times[-1]}")
        return FeedReading(self._prices[place], self._confidence_ppm, self._times[place])
