"""What is listed: perpetuals, dated futures, European options, collateral assets, and the registry that holds
them.

Units, here and in the whole package: prices and strikes are *feed units*, 1e-8 USD per whole unit of the
underlying (eight decimals, as Chainlink's USD feeds have them); marks, settlement prices and funding are
whole µUSD per lot; values in margin rows are *row units*, 1e-9 USD per lot or per ledger unit of an asset;
volatilities and fractions are ppm; times are unix seconds.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum
from typing import Final, TypeAlias

from node.market import canonical
from node.market.errors import InvalidInstrument, UnknownInstrument

FEED_UNITS: Final = 10**8
"""Feed units in one USD."""
ROW_UNITS: Final = 10**9
"""Row units in one USD."""
ROW_UNITS_PER_FEED_UNIT: Final = ROW_UNITS // FEED_UNITS
PPM: Final = 10**6
MAXIMUM_PRICE: Final = 10**17
"""A billion USD: prices and strikes stay below it, so that no product of this package leaves 128 bits."""
_ADDRESS_BYTES: Final = 20
_EXPIRY_HOUR: Final = 8
_LAST_EXPIRY: Final = 253_402_300_799
"""The end of the year 9999: later moments have no date."""


class OptionKind(Enum):
    """Right to buy or to sell."""

    CALL = "C"
    PUT = "P"


def _check_contract(instrument: str, underlying: str, lot_scale: int) -> None:
    if not underlying:
        raise InvalidInstrument(instrument, "underlying", "is empty")
    if lot_scale <= 0:
        raise InvalidInstrument(instrument, "lot_scale", f"{lot_scale} is not positive")


def _check_expiry(instrument: str, expiry: int) -> None:
    if not 0 < expiry <= _LAST_EXPIRY:
        raise InvalidInstrument(instrument, "expiry", f"{expiry} is no date after 1970")


def _expiry_text(expiry: int) -> str:
    """`20200327` for an expiry at 08:00 UTC, the customary hour; `20200327T143000` for any other."""
    moment = datetime.fromtimestamp(expiry, UTC)
    customary = moment.hour == _EXPIRY_HOUR and moment.minute == 0 and moment.second == 0
    return moment.strftime("%Y%m%d" if customary else "%Y%m%dT%H%M%S")


@dataclass(frozen=True, slots=True)
class Perpetual:
    """A perpetual future: worth the spot price, never expires, pays or earns the listed funding rate.

    `lot_scale` is the number of lots in one whole unit of the underlying.
    """

    underlying: str
    lot_scale: int

    def __post_init__(self) -> None:
        _check_contract(self.id, self.underlying, self.lot_scale)

    @property
    def id(self) -> str:
        """`BTC-PERP`."""
        return f"{self.underlying}-PERP"


@dataclass(frozen=True, slots=True)
class Future:
    """A dated future, cash-settled at `expiry` to the oracle's price."""

    underlying: str
    lot_scale: int
    expiry: int

    def __post_init__(self) -> None:
        _check_expiry(f"{self.underlying}-FUTURE", self.expiry)
        _check_contract(self.id, self.underlying, self.lot_scale)

    @property
    def id(self) -> str:
        """`BTC-20200327`."""
        return f"{self.underlying}-{_expiry_text(self.expiry)}"


@dataclass(frozen=True, slots=True)
class Option:
    """A European option, cash-settled at `expiry`; `strike` in feed units."""

    underlying: str
    lot_scale: int
    expiry: int
    strike: int
    kind: OptionKind

    def __post_init__(self) -> None:
        name = f"{self.underlying}-OPTION"
        _check_expiry(name, self.expiry)
        if not 0 < self.strike < MAXIMUM_PRICE:
            raise InvalidInstrument(name, "strike", f"{self.strike} is not a price")
        _check_contract(self.id, self.underlying, self.lot_scale)

    @property
    def id(self) -> str:
        """`BTC-20200327-8000-C`; the strike in USD, without trailing zeros."""
        strike = format((Decimal(self.strike) / FEED_UNITS).normalize(), "f")
        return f"{self.underlying}-{_expiry_text(self.expiry)}-{strike}-{self.kind.value}"


Instrument: TypeAlias = Perpetual | Future | Option
"""Anything that has positions."""


@dataclass(frozen=True, slots=True)
class CollateralAsset:
    """A token that a vault on one chain accepts.

    `underlying` is None for the USD token, which is cash; any other token is valued at its underlying's
    price. `unit_scale` is the number of ledger units in one whole token (one ledger unit is worth at least
    10⁶ row units at listing, or flooring would take a noticeable part of it); `haircut_ppm` is taken off the
    value in margin rows.
    """

    chain_id: int
    token: bytes
    symbol: str
    underlying: str | None
    decimals: int
    unit_scale: int
    haircut_ppm: int

    def __post_init__(self) -> None:
        if len(self.token) != _ADDRESS_BYTES:
            raise InvalidInstrument(self.id, "token", f"{len(self.token)} bytes, not {_ADDRESS_BYTES}")
        if not 0 <= self.decimals <= 36:
            raise InvalidInstrument(self.id, "decimals", f"{self.decimals} is not between 0 and 36")
        if self.unit_scale <= 0 or 10**self.decimals % self.unit_scale:
            raise InvalidInstrument(self.id, "unit_scale", "a ledger unit is not a whole number of base units")
        if not 0 <= self.haircut_ppm < PPM:
            raise InvalidInstrument(self.id, "haircut_ppm", f"{self.haircut_ppm} is not a fraction")
        if self.underlying is None and (self.unit_scale != PPM or self.haircut_ppm):
            raise InvalidInstrument(self.id, "unit_scale", "cash is counted in µUSD, without a haircut")

    @property
    def id(self) -> str:
        """`WETH@31338`."""
        return f"{self.symbol}@{self.chain_id}"

    @property
    def is_cash(self) -> bool:
        """Whether this is the USD token of its chain."""
        return self.underlying is None

    @property
    def base_units(self) -> int:
        """Base units (wei, satoshi …) of the token in one ledger unit."""
        return int(10**self.decimals // self.unit_scale)


@dataclass(frozen=True, slots=True)
class Registry:
    """Everything listed, kept sorted, so that one set of listings has one encoding and one digest."""

    underlyings: tuple[str, ...]
    instruments: tuple[Instrument, ...]
    collateral: tuple[CollateralAsset, ...]
    _instruments: Mapping[str, Instrument] = field(init=False, repr=False, compare=False)
    _collateral: Mapping[str, CollateralAsset] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "underlyings", tuple(sorted(self.underlyings)))
        object.__setattr__(self, "instruments", tuple(sorted(self.instruments, key=lambda entry: entry.id)))
        object.__setattr__(self, "collateral", tuple(sorted(self.collateral, key=lambda entry: entry.id)))
        object.__setattr__(self, "_instruments", {entry.id: entry for entry in self.instruments})
        object.__setattr__(self, "_collateral", {entry.id: entry for entry in self.collateral})
        listed = [entry.id for entry in (*self.instruments, *self.collateral)]
        for name in listed:
            if listed.count(name) > 1:
                raise InvalidInstrument(name, "id", "is listed twice")
        if len(set(self.underlyings)) != len(self.underlyings):
            raise InvalidInstrument(self.underlyings[0], "underlyings", "one is listed twice")
        for entry in (*self.instruments, *self.collateral):
            if entry.underlying is not None and entry.underlying not in self.underlyings:
                raise InvalidInstrument(entry.id, "underlying", f"{entry.underlying} is not listed")

    def instrument(self, name: str) -> Instrument:
        """The instrument of this id. Raises UnknownInstrument."""
        if name not in self._instruments:
            raise UnknownInstrument(name)
        return self._instruments[name]

    def asset(self, name: str) -> CollateralAsset:
        """The collateral asset of this id. Raises UnknownInstrument."""
        if name not in self._collateral:
            raise UnknownInstrument(name)
        return self._collateral[name]

    def asset_at(self, chain_id: int, token: bytes) -> CollateralAsset:
        """The asset that a token contract of a chain stands for. Raises UnknownInstrument."""
        for asset in self.collateral:
            if asset.chain_id == chain_id and asset.token == token:
                return asset
        raise UnknownInstrument(f"0x{token.hex()}@{chain_id}")

    def underlying_of(self, name: str) -> str | None:
        """The underlying of an instrument or asset; None for cash. Raises UnknownInstrument."""
        entry = self._instruments.get(name) or self._collateral.get(name)
        if entry is None:
            raise UnknownInstrument(name)
        return entry.underlying

    def expiring(self, time: int) -> tuple[Future | Option, ...]:
        """The instruments whose expiry is at or before `time`."""
        return tuple(entry for entry in self.instruments if not isinstance(entry, Perpetual) and entry.expiry <= time)

    def encode(self) -> bytes:
        """Canonical bytes."""
        return canonical.encode(self)

    @staticmethod
    def decode(data: bytes) -> "Registry":
        """The registry that `data` encodes. Raises EncodingInvalid, InvalidInstrument."""
        return canonical.decode(Registry, data)

    @property
    def digest(self) -> bytes:
        """32 bytes, over the encoding."""
        return canonical.digest(self)
