"""What a devnet run is made of: folder, market replay, cadence, and the house's rules on it."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from devnet.errors import SettingsInvalid

TICK_SECONDS: Final = 900
"""Market time between two prices of a replay."""
CRASH_OF_2020: Final = Path(__file__).parent / "data" / "candles_1h_2020-03-11_13.csv"


@dataclass(frozen=True, slots=True)
class ChainPlan:
    """One of the devnet's chains."""

    name: str
    chain_id: int


CHAINS: Final = (
    ChainPlan("hub", 31337),
    ChainPlan("north", 31338),
    ChainPlan("east", 31339),
    ChainPlan("west", 31340),
)
"""The hub orders the batches, and has a vault like every other."""


EXIT_AFTER: Final = 12 * 3600
"""Market seconds without a checkpoint after which owners may leave a vault by force: 48 seconds at full speed."""
CHALLENGE: Final = 3 * 3600
"""Market seconds in which a newer checkpoint voids a request to leave."""
CHECKPOINT_INTERVAL: Final = 2.0
"""Real seconds between two looks of a node at each vault's newest checkpoint."""


@dataclass(frozen=True, slots=True)
class Cadence:
    """How market time maps to blocks and blocks to real time.

    Every `round_spacing` blocks one tick of fifteen market minutes passes and one oracle round is due. `block_interval`
    is the least real time between blocks, in seconds; the chains slow down when the nodes fall behind.
    """

    block_interval: float = 0.25
    round_spacing: int = 4

    @property
    def seconds_per_block(self) -> int:
        """Market seconds between two blocks."""
        return TICK_SECONDS // self.round_spacing

    def __post_init__(self) -> None:
        if self.round_spacing < 4 or TICK_SECONDS % self.round_spacing:
            raise SettingsInvalid("round spacing", "must be at least 4 blocks and divide 900 seconds")


@dataclass(frozen=True, slots=True)
class DevnetSettings:
    """One run. `start` is the first candle's time, None for the default of the file."""

    folder: Path
    replay: Path = CRASH_OF_2020
    start: datetime | None = None
    hours: int = 36
    cadence: Cadence = field(default_factory=Cadence)

    @property
    def first_candle(self) -> datetime | None:
        """Where the replay begins: 12 March 2020 in the file that comes with the devnet."""
        if self.start is None and self.replay == CRASH_OF_2020:
            return datetime(2020, 3, 12, tzinfo=UTC)
        return self.start

    def __post_init__(self) -> None:
        if self.hours < 1:
            raise SettingsInvalid("hours", f"{self.hours} is not a positive number of hours")
