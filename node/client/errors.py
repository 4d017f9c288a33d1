"""What can go wrong on the owner's side: one family, each member with the data a caller needs."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal


class ClientError(Exception):
    """Root of every error that `node.client` raises on purpose. None ever carries a secret."""


@dataclass
class AuditorInvalid(ClientError):
    """What was given as an auditor does not decode, or its key is not proven for this house."""

    reason: str

    def __str__(self) -> str:
        return f"no auditor of this house: {self.reason}"


class KeystoreError(ClientError):
    """Root of the reasons for which a keystore file gives no secrets."""


@dataclass
class WrongPassword(KeystoreError):
    """The password does not open the file, or the file was changed: the cipher cannot tell the two apart."""

    path: str

    def __str__(self) -> str:
        return f"{self.path}: the password is wrong, or the file was changed"


@dataclass
class MalformedKeystore(KeystoreError):
    """The file is not a keystore of a version and cost that this program reads."""

    path: str
    reason: str

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}"


@dataclass
class KeystoreExists(KeystoreError):
    """A file is there already; overwriting it could destroy the only copy of a wallet."""

    path: str

    def __str__(self) -> str:
        return f"{self.path} exists already"


@dataclass
class MalformedSecret(ClientError):
    """Bytes that cannot be the `kind` of key, seed, identifier or nonce they are given as."""

    kind: str
    reason: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.reason}"


class SealingError(ClientError):
    """Root of the reasons for which a box cannot be sealed or opened."""


@dataclass
class BoxRefused(SealingError):
    """A box that is not for this key and this associated data, or was changed, or is no box at all."""

    reason: str

    def __str__(self) -> str:
        return f"sealed box: {self.reason}"


@dataclass
class RecipientInvalid(SealingError):
    """A recipient's key that no secret can be shared with (wrong length or low order)."""

    reason: str

    def __str__(self) -> str:
        return f"recipient's sealing key: {self.reason}"


@dataclass
class ValueTooLarge(SealingError):
    """An opening whose value has no fixed-width encoding. The value itself stays out of the error."""

    bits: int

    def __str__(self) -> str:
        return f"the value does not fit in {self.bits} bits"


class OpeningMismatch(SealingError):
    """The opening in a box is not that of the commitment it came with: sign nothing."""

    def __str__(self) -> str:
        return "the sealed opening does not belong to the commitment"


@dataclass
class PostingInvalid(ClientError):
    """A posting that cannot follow the history before it, or a trade whose size this owner cannot know."""

    kind: str
    reason: str

    def __str__(self) -> str:
        return f"posting {self.kind}: {self.reason}"


@dataclass
class WalletDiverged(ClientError):
    """The ledger's commitment to `subject` is not the one that this wallet's openings make. Sign nothing."""

    subject: str

    def __str__(self) -> str:
        return f"the wallet's opening of {self.subject} is not the ledger's commitment"


@dataclass
class TicketInvalid(ClientError):
    """An exit ticket that is not this wallet's, not whole, or of no use for what is asked."""

    reason: str

    def __str__(self) -> str:
        return f"exit ticket: {self.reason}"


@dataclass
class ExitFailed(ClientError):
    """A chain did not take a step of a forced exit; the ticket stays good."""

    chain_id: int
    reason: str

    def __str__(self) -> str:
        return f"exit on chain {self.chain_id}: {self.reason}"


@dataclass
class ProposalRejected(ClientError):
    """A proposal whose `field` is not what was shown, agreed or signed: the maker signs nothing."""

    field: str
    reason: str

    def __str__(self) -> str:
        return f"proposal: {self.field} {self.reason}"


@dataclass
class ProposalLapsed(ClientError):
    """Nobody accepted the proposal in time. It locked nothing, and can no longer be accepted."""

    proposal_id: bytes

    def __str__(self) -> str:
        return f"proposal 0x{self.proposal_id.hex()} was not accepted in time"


@dataclass
class ShortOfMargin(ClientError):
    """The owner's account would not survive `scenario`, by `shortfall` US dollars.

    Both say something about the hidden book, so that only the attributes show them, not the texts that logs keep.
    """

    scenario: str = field(repr=False)
    shortfall: Decimal = field(repr=False)

    def __str__(self) -> str:
        return "the account would be short of initial margin"


@dataclass
class AmountInvalid(ClientError):
    """An amount that has no whole number of `unit`."""

    unit: str
    reason: str

    def __str__(self) -> str:
        return f"{self.unit}: {self.reason}"


@dataclass
class DepositFailed(ClientError):
    """A deposit that did not get into the vault of `chain_id`."""

    chain_id: int
    reason: str

    def __str__(self) -> str:
        return f"deposit on chain {self.chain_id}: {self.reason}"


@dataclass
class SubmissionFailed(ClientError):
    """A message that was to go through the hub on `chain_id`, and did not get there."""

    chain_id: int
    reason: str

    def __str__(self) -> str:
        return f"submission on chain {self.chain_id}: {self.reason}"


@dataclass
class HouseRefused(ClientError):
    """The house's refusal: `reason` in UPPER_SNAKE as in google.rpc.ErrorInfo, with its metadata.

    `code` is the gRPC code's name, and the reason too where the house gave no ErrorInfo.
    """

    reason: str
    detail: str
    metadata: Mapping[str, str] = field(default_factory=dict)
    code: str = "FAILED_PRECONDITION"

    def __str__(self) -> str:
        return f"{self.reason}: {self.detail}"


@dataclass
class HouseUnavailable(ClientError):
    """The node did not answer in time, or not at all; `code` is the gRPC code's name."""

    method: str
    code: str
    detail: str

    def __str__(self) -> str:
        return f"{self.method}: {self.code}: {self.detail}"


@dataclass
class HouseUntrusted(ClientError):
    """What the node says of `subject` contradicts itself, or the deployment that the owner asked for."""

    subject: str
    reason: str

    def __str__(self) -> str:
        return f"{self.subject}: {self.reason}"


@dataclass
class MessageDropped(ClientError):
    """The house no longer knows a message that it took, and its expiry has passed: it had no effect."""

    message_id: bytes

    def __str__(self) -> str:
        return f"message 0x{self.message_id.hex()} expired without effect"


@dataclass
class VaultsShort(ClientError):
    """All vaults together hold `available` of the `asked` micro-dollars."""

    asked: int
    available: int

    def __str__(self) -> str:
        return f"the vaults hold {self.available} of {self.asked} micro-dollars"


@dataclass
class WithdrawalIncomplete(ClientError):
    """A withdrawal over several chains: `withdrawn` of the `asked` micro-dollars are on their way, and no more."""

    withdrawn: int
    asked: int

    def __str__(self) -> str:
        return f"{self.withdrawn} of {self.asked} micro-dollars are withdrawn"
