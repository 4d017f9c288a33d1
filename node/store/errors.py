"""What can go wrong in the store: one family, each member with the data a caller needs to act on it."""

from dataclasses import dataclass


class StoreError(Exception):
    """Root of every error that the store raises on purpose."""


@dataclass
class WrongDeployment(StoreError):
    """The database belongs to another clearing house."""

    stored: bytes
    expected: bytes

    def __str__(self) -> str:
        return f"the store holds deployment {self.stored.hex()}, not {self.expected.hex()}"


@dataclass
class WrongSchema(StoreError):
    """The database was written by another version of the schema."""

    stored: int
    expected: int

    def __str__(self) -> str:
        return f"the store has schema {self.stored}, not {self.expected}"


@dataclass
class BatchGap(StoreError):
    """A batch that does not follow the last stored one."""

    expected: int
    number: int

    def __str__(self) -> str:
        return f"batch {self.number} where {self.expected} is next"


@dataclass
class BrokenChain(StoreError):
    """A batch with the right number that builds on another root."""

    number: int
    expected: bytes
    previous_root: bytes

    def __str__(self) -> str:
        return f"batch {self.number} builds on {self.previous_root.hex()}, not {self.expected.hex()}"


@dataclass
class DoubleVote(StoreError):
    """This validator already signed another batch for the same number and attempt."""

    number: int
    attempt: int
    voted: bytes
    refused: bytes

    def __str__(self) -> str:
        place = f"batch {self.number}, attempt {self.attempt}"
        return f"voted {self.voted.hex()} for {place}, not {self.refused.hex()}"


@dataclass
class UnknownEntry(StoreError):
    """No outbox entry has this id."""

    id: bytes

    def __str__(self) -> str:
        return f"no outbox entry {self.id.hex()}"


@dataclass
class ConflictingEntry(StoreError):
    """An outbox id that stands for another action already: ids are meant to be unique."""

    id: bytes

    def __str__(self) -> str:
        return f"outbox entry {self.id.hex()} exists with another content"
