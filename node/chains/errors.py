"""What can go wrong between a node and a chain: one family, each member with the data a caller needs."""

from dataclasses import dataclass


class ChainError(Exception):
    """Root of every error that `node.chains` raises on purpose."""


class CertificateError(ChainError):
    """Root of the reasons for which a quorum certificate, or one signature of it, is no good."""


@dataclass
class InsufficientQuorum(CertificateError):
    """Fewer signatures than the quorum asks for."""

    have: int
    need: int

    def __str__(self) -> str:
        return f"{self.have} signatures of the {self.need} needed"


@dataclass
class UnknownSigner(CertificateError):
    """A signature of somebody outside the signer set."""

    address: bytes

    def __str__(self) -> str:
        return f"0x{self.address.hex()} is not in the signer set"


@dataclass
class BadSignature(CertificateError):
    """A signature that is not `address`'s over the digest (malformed, high s, or another key's)."""

    address: bytes
    reason: str

    def __str__(self) -> str:
        return f"signature of 0x{self.address.hex()}: {self.reason}"


@dataclass
class MalformedCertificate(CertificateError):
    """A certificate whose bitmap and signatures contradict each other, or bytes that encode none."""

    reason: str

    def __str__(self) -> str:
        return self.reason


@dataclass
class RpcUnavailable(ChainError):
    """The RPC endpoint did not answer: connection refused, timeout, not JSON. Worth trying again."""

    method: str
    cause: str

    def __str__(self) -> str:
        return f"{self.method}: {self.cause}"


@dataclass
class RpcRefused(ChainError):
    """The endpoint answered with a JSON-RPC error. `data` is the revert data where it gave some."""

    method: str
    code: int
    message: str
    data: str

    def __str__(self) -> str:
        return f"{self.method}: {self.message} ({self.code})"


@dataclass
class WrongChain(ChainError):
    """The endpoint serves another chain than the configuration says."""

    expected: int
    actual: int

    def __str__(self) -> str:
        return f"chain id {self.actual} where {self.expected} was configured"


@dataclass
class FinalityReverted(ChainError):
    """A block that the chain called final was replaced: nothing built on it can be trusted any more."""

    chain_id: int
    number: int
    expected: bytes
    actual: bytes

    def __str__(self) -> str:
        was, now = self.expected.hex(), self.actual.hex()
        return f"chain {self.chain_id}: final block {self.number} was 0x{was}, now 0x{now}"


@dataclass
class BlockNotFinal(ChainError):
    """A block that is not final yet, as far as this node has seen."""

    chain_id: int
    number: int
    final: int

    def __str__(self) -> str:
        return f"chain {self.chain_id}: block {self.number} is above the final block {self.final}"


@dataclass
class BlockBeforeStart(ChainError):
    """A block (or a time) from before the block at which the watcher began."""

    chain_id: int
    requested: int
    start: int

    def __str__(self) -> str:
        return f"chain {self.chain_id}: {self.requested} lies before the first watched block, {self.start}"


@dataclass
class WatcherStopped(ChainError):
    """The watcher was stopped while somebody waited for a block."""

    chain_id: int

    def __str__(self) -> str:
        return f"the watcher of chain {self.chain_id} has stopped"


@dataclass
class MalformedLog(ChainError):
    """A log of one of the house's contracts that fits none of their events."""

    chain_id: int
    block_number: int
    log_index: int
    reason: str

    def __str__(self) -> str:
        return f"chain {self.chain_id}, block {self.block_number}, log {self.log_index}: {self.reason}"


@dataclass
class TransactionReverted(ChainError):
    """A transaction that reverted, in simulation (`transaction_hash` empty) or in a block."""

    reason: str
    transaction_hash: bytes

    def __str__(self) -> str:
        return self.reason


@dataclass
class TransactionReplaced(ChainError):
    """Another transaction took the nonce, so this one can no longer be mined."""

    nonce: int
    transaction_hash: bytes

    def __str__(self) -> str:
        return f"nonce {self.nonce} was used by another transaction"


@dataclass
class ReceiptTimeout(ChainError):
    """A transaction that was accepted but did not reach a block in time; it may still."""

    transaction_hash: bytes
    seconds: float

    def __str__(self) -> str:
        return f"0x{self.transaction_hash.hex()} reached no block within {self.seconds:g} s"


@dataclass
class StatementTooLarge(ChainError):
    """A statement that SolvencyVerifier does not take: it has more of `what` than `limit`."""

    what: str
    have: int
    limit: int

    def __str__(self) -> str:
        return f"{self.have} {self.what} where the contract takes {self.limit}"
