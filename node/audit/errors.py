"""What can go wrong on the auditor's side: one family, each member with its data. None carries a secret."""

from dataclasses import dataclass


class AuditError(Exception):
    """Root of every error that `node.audit` raises on purpose."""


@dataclass
class NotAudited(AuditError):
    """The account has no auditor: `account` is its id."""

    account: bytes

    def __str__(self) -> str:
        return f"account 0x{self.account.hex()} has no auditor"


@dataclass
class WrongKey(AuditError):
    """The account's auditor is another: the key in the file is not the one that its owner named."""

    account: bytes
    named: bytes
    """48 bytes: the key that the owner named."""
    own: bytes
    """48 bytes: the public half of the key in the file."""

    def __str__(self) -> str:
        names = f"0x{self.named.hex()}, and this key is 0x{self.own.hex()}"
        return f"account 0x{self.account.hex()} is read by {names}"


@dataclass
class Unreadable(AuditError):
    """An amount whose commitment and handle do not give a number that the ledger allows. `entry` is its name."""

    entry: str

    def __str__(self) -> str:
        return f"{self.entry}: commitment and handle hold no amount"


@dataclass
class LeafInvalid(AuditError):
    """What a node or a file shows is not what the house certified. `part` says what does not fit."""

    part: str
    reason: str

    def __str__(self) -> str:
        return f"{self.part}: {self.reason}"


@dataclass
class FileInvalid(AuditError):
    """A file that is not what it should be."""

    name: str
    reason: str

    def __str__(self) -> str:
        return f"{self.name}: {self.reason}"


@dataclass
class ArgumentInvalid(AuditError):
    """An argument of a command that cannot be used."""

    argument: str
    reason: str

    def __str__(self) -> str:
        return f"{self.argument}: {self.reason}"
