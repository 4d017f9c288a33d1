"""What a portfolio holds, in three forms with the same entries: amounts, openings, commitments.

    portfolio     {"version": "zkclear/portfolio/1", "cash_micro_usd": amount, "positions": {id: lots},
                   "collateral": {id: units}}
    openings      {"version": "zkclear/openings/1", "cash": {"amount", "blinding"}, "positions": {id: {…}},
                   "collateral": {id: {…}}}
    commitments   {"version": "zkclear/commitments/1", "cash": hex, "positions": {id: hex}, "collateral": {id: hex}}

The first two are secret, and no repr shows them; only commitments leave the owner. A commitment is the 96-byte pair
(C, D) of `circuits.pedersen`. Openings add as commitments do, entry by entry; an entry that one side lacks is zero.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeVar

from eth_hash.auto import keccak

from circuits.errors import DecodingError
from circuits.group import SCALAR_BYTES, ZERO, decode_scalar, encode_scalar
from circuits.pedersen import COMMITMENT_BYTES, Commitment, CommitmentKey, Opening
from circuits.solvency_terms import CASH_OFFSET, POSITION_OFFSET, QUANTITY_BITS
from node.margin.documents import Fields, parse, read, render, write, write_secret
from node.margin.errors import FileInvalid

PORTFOLIO: Final = "zkclear/portfolio/1"
OPENINGS: Final = "zkclear/openings/1"
COMMITMENTS: Final = "zkclear/commitments/1"
_POSITION_RANGE: Final = (1 - POSITION_OFFSET, POSITION_OFFSET - 1)
_COLLATERAL_RANGE: Final = (0, (1 << QUANTITY_BITS) - 1)
_DOMAIN: Final = b"zkclear/margin/commitments/1\0"
_A = TypeVar("_A")


@dataclass(frozen=True)
class Portfolio:
    """Cash in µUSD, positions in signed lots by instrument, collateral in units by asset. Secret."""

    cash: int = field(repr=False)
    positions: Mapping[str, int] = field(repr=False)
    collateral: Mapping[str, int] = field(repr=False)

    @classmethod
    def load(cls, path: Path) -> "Portfolio":
        """From a portfolio file. Raises FileInvalid."""
        return cls.parse(path.name, read(path))

    @classmethod
    def parse(cls, file: str, data: bytes) -> "Portfolio":
        """From the text of a portfolio file that errors call `file`. Raises FileInvalid."""
        fields = parse(file, data)
        fields.version(PORTFOLIO)
        cash = fields.integer("cash_micro_usd", -CASH_OFFSET, CASH_OFFSET - 1)
        positions, collateral = fields.object("positions"), fields.object("collateral")
        fields.end()
        return cls(
            cash,
            {name: positions.integer(name, *_POSITION_RANGE) for name in positions.members()},
            {name: collateral.integer(name, *_COLLATERAL_RANGE) for name in collateral.members()},
        )

    def check(self, file: str) -> None:
        """Raise FileInvalid, naming `file`, for an amount that is no integer or beyond what a proof can bear."""
        amounts = {"cash": self.cash, "positions": dict(self.positions), "collateral": dict(self.collateral)}
        fields = Fields(file, "", amounts)
        fields.integer("cash", -CASH_OFFSET, CASH_OFFSET - 1)
        for group, bounds in (("positions", _POSITION_RANGE), ("collateral", _COLLATERAL_RANGE)):
            members = fields.object(group)
            for name in members.members():
                members.integer(name, *bounds)


@dataclass(frozen=True)
class Openings:
    """The amounts with their blindings. Secret: whoever has them can open the commitments, and prove for the owner."""

    cash: Opening
    positions: Mapping[str, Opening]
    collateral: Mapping[str, Opening]

    @classmethod
    def of(cls, portfolio: Portfolio, reuse: "Openings | None" = None) -> "Openings":
        """Fresh blindings; with `reuse`, its opening stands wherever the amount is still the same.

        A changed amount never keeps its blinding: the difference of the commitments would be that of the amounts
        times G, which anyone can search.
        """

        def opened(amount: int, before: Opening | None) -> Opening:
            return before if before is not None and before.value == amount else Opening.fresh(amount)

        positions = reuse.positions if reuse is not None else {}
        collateral = reuse.collateral if reuse is not None else {}
        return cls(
            opened(portfolio.cash, reuse.cash if reuse is not None else None),
            {name: opened(amount, positions.get(name)) for name, amount in portfolio.positions.items()},
            {name: opened(amount, collateral.get(name)) for name, amount in portfolio.collateral.items()},
        )

    @classmethod
    def load(cls, path: Path) -> "Openings":
        """From a file that only its owner can read. Raises FileInvalid."""
        fields = parse(path.name, read(path, secret=True))
        fields.version(OPENINGS)
        cash, positions, collateral = (fields.object(name) for name in ("cash", "positions", "collateral"))
        fields.end()
        return cls(
            _opening(path.name, cash, -CASH_OFFSET, CASH_OFFSET - 1),
            {n: _opening(path.name, positions.object(n), *_POSITION_RANGE) for n in positions.members()},
            {n: _opening(path.name, collateral.object(n), *_COLLATERAL_RANGE) for n in collateral.members()},
        )

    def save(self, path: Path) -> None:
        """Write a file of mode 0600. Raises FileExists, FileInvalid."""
        write_secret(
            path, render({"version": OPENINGS, **_document(self.cash, self.positions, self.collateral, _secret_member)})
        )

    def portfolio(self) -> Portfolio:
        """The amounts."""
        cash, positions, collateral = self.cash, self.positions, self.collateral
        return Portfolio(
            cash.value,
            {name: opening.value for name, opening in positions.items()},
            {name: opening.value for name, opening in collateral.items()},
        )

    def __add__(self, other: "Openings") -> "Openings":
        """The openings of the sum of the commitments."""
        return Openings(
            self.cash + other.cash,
            _sum(self.positions, other.positions, lambda a, b: a + b),
            _sum(self.collateral, other.collateral, lambda a, b: a + b),
        )


@dataclass(frozen=True)
class Commitments:
    """What others get to see: which instruments and assets, and a commitment for each and for cash."""

    cash: Commitment
    positions: Mapping[str, Commitment]
    collateral: Mapping[str, Commitment]

    @classmethod
    def to(cls, openings: Openings, key: CommitmentKey) -> "Commitments":
        """The commitments that `openings` open."""
        return cls(
            key.commit(openings.cash),
            {name: key.commit(opening) for name, opening in openings.positions.items()},
            {name: key.commit(opening) for name, opening in openings.collateral.items()},
        )

    @classmethod
    def load(cls, path: Path) -> "Commitments":
        """From a commitments file. Raises FileInvalid."""
        return cls.parse(path.name, read(path))

    @classmethod
    def parse(cls, file: str, data: bytes) -> "Commitments":
        """From the text of a commitments file that errors call `file`. Raises FileInvalid."""
        fields = parse(file, data)
        fields.version(COMMITMENTS)
        cash = _commitment(file, fields, "cash")
        positions, collateral = fields.object("positions"), fields.object("collateral")
        fields.end()
        return cls(
            cash,
            {name: _commitment(file, positions, name) for name in positions.members()},
            {name: _commitment(file, collateral, name) for name in collateral.members()},
        )

    def save(self, path: Path) -> None:
        """Write the file. Raises FileInvalid."""
        write(
            path,
            render(
                {
                    "version": COMMITMENTS,
                    **_document(self.cash, self.positions, self.collateral, lambda entry: entry.encode().hex()),
                }
            ),
        )

    @property
    def digest(self) -> bytes:
        """32 bytes that name them all: two proofs with equal digests are of one portfolio."""
        parts = [b"cash", self.cash.encode()]
        for kind, entries in ((b"position", self.positions), (b"collateral", self.collateral)):
            for name, commitment in sorted(entries.items()):
                parts += [kind, name.encode(), commitment.encode()]
        return bytes(keccak(_DOMAIN + b"".join(len(part).to_bytes(4, "big") + part for part in parts)))

    def __add__(self, other: "Commitments") -> "Commitments":
        """The commitments to the sums."""
        return Commitments(
            self.cash + other.cash,
            _sum(self.positions, other.positions, lambda a, b: a + b),
            _sum(self.collateral, other.collateral, lambda a, b: a + b),
        )


def in_order(cash: _A, positions: Mapping[str, _A], collateral: Mapping[str, _A]) -> tuple[_A, ...]:
    """Cash, positions by id, collateral by id: the order of the statement."""
    held = (entry for entries in (positions, collateral) for _, entry in sorted(entries.items()))
    return (cash, *held)


def entry_names(positions: Iterable[str], collateral: Iterable[str]) -> tuple[str, ...]:
    """What errors call the entries, in the order of the statement."""
    return ("cash", *(f"positions.{n}" for n in sorted(positions)), *(f"collateral.{n}" for n in sorted(collateral)))


def _sum(left: Mapping[str, _A], right: Mapping[str, _A], add: Callable[[_A, _A], _A]) -> dict[str, _A]:
    total = dict(left)
    for name, entry in right.items():
        total[name] = add(total[name], entry) if name in total else entry
    return total


def _document(
    cash: _A, positions: Mapping[str, _A], collateral: Mapping[str, _A], member: Callable[[_A], object]
) -> dict[str, object]:
    held = {"positions": positions, "collateral": collateral}
    groups = {key: {name: member(entry) for name, entry in sorted(group.items())} for key, group in held.items()}
    return {"cash": member(cash), **groups}


def _secret_member(opening: Opening) -> dict[str, object]:
    return {"amount": opening.value, "blinding": encode_scalar(opening.blinding).hex()}


def _opening(file: str, fields: Fields, least: int, most: int) -> Opening:
    amount, blinding = fields.integer("amount", least, most), fields.data("blinding", SCALAR_BYTES)
    fields.end()
    try:
        found = decode_scalar(blinding)
    except DecodingError as error:
        raise FileInvalid(file, fields.name("blinding"), error.reason) from error
    if found == ZERO:
        raise FileInvalid(file, fields.name("blinding"), "is zero, which hides nothing")
    return Opening(amount, found)


def _commitment(file: str, fields: Fields, name: str) -> Commitment:
    try:
        return Commitment.decode(fields.data(name, COMMITMENT_BYTES))
    except DecodingError as error:
        raise FileInvalid(file, fields.name(name), error.reason) from error
