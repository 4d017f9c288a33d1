"""What can go wrong in the circuits: one family, each member with the data a caller needs to act on it."""

from dataclasses import dataclass


class CircuitError(Exception):
    """Root of every error that `circuits` raises on purpose."""


@dataclass
class DecodingError(CircuitError):
    """Bytes that are not the one canonical encoding of a `kind` (point, scalar, proof …)."""

    kind: str
    reason: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.reason}"


@dataclass
class LengthMismatch(CircuitError):
    """Two vectors that must pair up do not; the native multiplication would silently truncate."""

    left: int
    right: int

    def __str__(self) -> str:
        return f"{self.left} points for {self.right} scalars"


@dataclass
class ProofRejected(CircuitError):
    """A proof that does not verify, with the relation that failed."""

    relation: str

    def __str__(self) -> str:
        return f"rejected: {self.relation}"


@dataclass
class StatementUnsound(CircuitError):
    """A public statement that could wrap around the group order, or whose shape contradicts itself."""

    reason: str

    def __str__(self) -> str:
        return self.reason


@dataclass
class WitnessInvalid(CircuitError):
    """The prover's own data does not satisfy the statement. Only ever raised on the owner's side."""

    reason: str

    def __str__(self) -> str:
        return self.reason


@dataclass
class Insolvent(WitnessInvalid):
    """The owner's account fails its window by `shortfall` row units of 1e-9 USD."""

    shortfall: int

    def __str__(self) -> str:
        return f"{self.reason}: short of {self.shortfall}e-9 USD"


@dataclass
class ClaimsRejected(CircuitError):
    """The positions, in the batch that was handed in, of every claim that does not verify."""

    indices: tuple[int, ...]

    def __str__(self) -> str:
        return f"rejected claims {self.indices}"


@dataclass
class ShareUnavailable(CircuitError):
    """A member that ends a ceremony without a share: the key stands without it."""

    reason: str

    def __str__(self) -> str:
        return self.reason
