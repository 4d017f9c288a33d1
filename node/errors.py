"""What stops a node before it runs."""

from dataclasses import dataclass


class NodeError(Exception):
    """Root of the errors that the daemon raises on purpose."""


@dataclass
class GenesisInvalid(NodeError):
    """A genesis document that cannot be used, with the part at fault."""

    part: str
    reason: str

    def __str__(self) -> str:
        return f"genesis {self.part}: {self.reason}"


@dataclass
class CeremonyInvalid(NodeError):
    """A ceremony that this node cannot take part in, with the part at fault."""

    part: str
    reason: str

    def __str__(self) -> str:
        return f"ceremony {self.part}: {self.reason}"


@dataclass
class HandOverInvalid(NodeError):
    """A rotation of the validators that this node cannot sign or follow, with the part at fault."""

    part: str
    reason: str

    def __str__(self) -> str:
        return f"rotation {self.part}: {self.reason}"


@dataclass
class OrderInvalid(NodeError):
    """An order of the validators that cannot be signed or sent, with the part at fault."""

    part: str
    reason: str

    def __str__(self) -> str:
        return f"order {self.part}: {self.reason}"


@dataclass
class ConfigInvalid(NodeError):
    """A node's configuration that cannot be used, with the setting at fault."""

    setting: str
    reason: str

    def __str__(self) -> str:
        return f"configuration {self.setting}: {self.reason}"
