"""What can go wrong while a devnet runs."""

from dataclasses import dataclass
from pathlib import Path


class DevnetError(Exception):
    """Root of every error that the devnet raises on purpose."""


@dataclass
class SettingsInvalid(DevnetError):
    """A setting that makes no run."""

    setting: str
    reason: str

    def __str__(self) -> str:
        return f"{self.setting}: {self.reason}"


@dataclass
class NodeFailed(DevnetError):
    """A node process ended or never answered."""

    node: str
    reason: str
    log: Path

    def __str__(self) -> str:
        return f"{self.node}: {self.reason}; see {self.log}"


@dataclass
class ScenarioStalled(DevnetError):
    """The scenario waited for something that did not come in time."""

    awaited: str
    seconds: float

    def __str__(self) -> str:
        return f"waited {self.seconds:.0f} s for {self.awaited}"


@dataclass
class ChainDown(DevnetError):
    """Something was asked of a chain that is down."""

    chain: str

    def __str__(self) -> str:
        return f"the chain {self.chain} is down"
