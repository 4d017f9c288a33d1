"""What can go wrong in the stress laboratory."""

from dataclasses import dataclass

from devnet.errors import DevnetError


@dataclass
class ExperimentInvalid(DevnetError):
    """A setting that makes no experiment."""

    setting: str
    reason: str

    def __str__(self) -> str:
        return f"{self.setting}: {self.reason}"


@dataclass
class BooksBroken(DevnetError):
    """The ledger's books, or the agents' own, did not add up: the run is void."""

    policy: str
    round: int
    reason: str

    def __str__(self) -> str:
        return f"{self.policy}, round {self.round}: {self.reason}"


@dataclass
class MessageRefused(DevnetError):
    """The ledger refused what an agent sent, which its own books had told it would be accepted."""

    policy: str
    round: int
    reason: str

    def __str__(self) -> str:
        return f"{self.policy}, round {self.round}: {self.reason}"
