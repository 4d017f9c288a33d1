"""What the coordinator refuses."""

from dataclasses import dataclass


class CoordinatorError(Exception):
    """Root of every error that `node.coordinator` raises on purpose."""


@dataclass
class ActionNotFinal(CoordinatorError):
    """An action whose batch is not final on the hub as far as this node has seen: nothing is signed."""

    action_id: bytes
    batch: int
    final: int

    def __str__(self) -> str:
        return f"action {self.action_id.hex()} of batch {self.batch}, final is {self.final}"


@dataclass
class SharesRejected(CoordinatorError):
    """A member's decryption shares that do not fit the default, or are not proven."""

    member: int
    reason: str

    def __str__(self) -> str:
        return f"member {self.member}: {self.reason}"
