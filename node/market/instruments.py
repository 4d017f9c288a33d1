"""What is listed: perpetuals, dated futures, European options, digitals, barrier options, collateral assets, and the
registry that holds them.

Units, here and in the whole package: prices and strikes are *feed units*, 1e-8 USD per whole unit of the
underlying (eight decimals, as Chainlink's USD feeds have them); marks, settlement prices and funding are
whole µUSD per lot; values in margin rows are *row units*, 1e-9 USD per lot or per ledger unit of an asset;
volatilities and fractions are ppm; times are unix seconds.
"""

from collections import Counter
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


class BarrierKind(Enum):
    """On which side of the price the barrier lies when listed, and what crossing it does."""

    DOWN_OUT = "DO"
    DOWN_IN = "DI"
    UP_OUT = "UO"
    UP_IN = "UI"

    @property
    def is_down(self) -> bool:
        """Whether the price starts above the barrier."""
        return self in (BarrierKind.DOWN_OUT, BarrierKind.DOWN_IN)

    @property
    def is_in(self) -> bool:
        """Whether crossing brings the option to life, rather than to an end."""
        return self in (BarrierKind.DOWN_IN, BarrierKind.UP_IN)


def _check_contract(entry: "Instrument") -> None:
    if not entry.underlying:
        raise InvalidInstrument(entry.id, "underlying", "is empty")
    if entry.lot_scale <= 0:
        raise InvalidInstrument(entry.id, "lot_scale", f"{entry.lot_scale} is not positive")
    if entry.tick <= 0:
        raise InvalidInstrument(entry.id, "tick", f"{entry.tick} is not positive")


def _check_price(instrument: str, field_name: str, price: int) -> None:
    if not 0 < price < MAXIMUM_PRICE:
        raise InvalidInstrument(instrument, field_name, f"{price} is not a price")


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

    `lot_scale` is the number of lots in one whole unit of the underlying; prices of trades are multiples of `tick`
    (µUSD per lot). Both mean the same in every instrument.
    """

    underlying: str
    lot_scale: int
    tick: int = 1

    def __post_init__(self) -> None:
        _check_contract(self)

    @property
    def id(self) -> str:
        """`BTC-PERP`."""
        return f"{self.underlying}-PERP"


@dataclass(frozen=True, slots=True)
class Future:
    """A dated future, cash-settled at `expiry` to the oracle's average price."""

    underlying: str
    lot_scale: int
    expiry: int
    tick: int = 1

    def __post_init__(self) -> None:
        _check_expiry(f"{self.underlying}-FUTURE", self.expiry)
        _check_contract(self)

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
    tick: int = 1

    def __post_init__(self) -> None:
        name = f"{self.underlying}-OPTION"
        _check_expiry(name, self.expiry)
        _check_price(name, "strike", self.strike)
        _check_contract(self)

    @property
    def id(self) -> str:
        """`BTC-20200327-8000-C`; the strike in USD, without trailing zeros."""
        return _option_id(self)


@dataclass(frozen=True, slots=True)
class Digital:
    """A European cash-or-nothing option: a call pays at or above the strike, a put below it.

    `payout` is what one whole unit (`lot_scale` lots) pays, in feed units.
    """

    underlying: str
    lot_scale: int
    expiry: int
    strike: int
    kind: OptionKind
    payout: int
    tick: int = 1

    def __post_init__(self) -> None:
        name = f"{self.underlying}-DIGITAL"
        _check_expiry(name, self.expiry)
        _check_price(name, "strike", self.strike)
        _check_price(name, "payout", self.payout)
        _check_contract(self)

    @property
    def id(self) -> str:
        """`BTC-20200327-8000-C-PAYS-1000`."""
        return f"{_option_id(self)}-PAYS-{_dollars(self.payout)}"


@dataclass(frozen=True, slots=True)
class Barrier:
    """A European option that ends (out), or only comes to life (in), when the price crosses `barrier` (feed units).

    The barrier is watched until expiry, in oracle rounds: it is crossed by the first round whose price is at or beyond
    it. Without rebate. A strike for which the barrier could not matter is refused: an out would never pay, and an in
    would be the plain option.
    """

    underlying: str
    lot_scale: int
    expiry: int
    strike: int
    kind: OptionKind
    barrier: int
    barrier_kind: BarrierKind
    tick: int = 1

    def __post_init__(self) -> None:
        name = f"{self.underlying}-BARRIER"
        _check_expiry(name, self.expiry)
        _check_price(name, "strike", self.strike)
        _check_price(name, "barrier", self.barrier)
        _check_contract(self)
        is_call = self.kind is OptionKind.CALL
        pays_beyond = self.strike <= self.barrier if self.barrier_kind.is_down else self.strike >= self.barrier
        if pays_beyond and is_call is not self.barrier_kind.is_down:
            raise InvalidInstrument(self.id, "barrier", "lies before every price at which the option pays")

    @property
    def id(self) -> str:
        """`BTC-20200327-8000-C-DO-6000`."""
        return f"{_option_id(self)}-{self.barrier_kind.value}-{_dollars(self.barrier)}"

    def is_crossed(self, price: int) -> bool:
        """Whether a price (feed units) is at or beyond the barrier."""
        return price <= self.barrier if self.barrier_kind.is_down else price >= self.barrier


Curved: TypeAlias = Option | Digital | Barrier
"""What is not a multiple of its underlying's price: valued at every node and volatility."""
Dated: TypeAlias = Future | Option | Digital | Barrier
"""What settles at an expiry."""
Instrument: TypeAlias = Perpetual | Future | Option | Digital | Barrier
"""Anything that has positions."""


def _dollars(price: int) -> str:
    """A price in USD, without trailing zeros."""
    return format((Decimal(price) / FEED_UNITS).normalize(), "f")


def _option_id(entry: Curved) -> str:
    return f"{entry.underlying}-{_expiry_text(entry.expiry)}-{_dollars(entry.strike)}-{entry.kind.value}"


@dataclass(frozen=True, slots=True, order=True)
class Expiry:
    """A moment at which instruments on an underlying settle."""

    underlying: str
    time: int


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
    expiries: tuple[Expiry, ...] = field(init=False, repr=False, compare=False)
    """When something settles, in order of underlying and time."""
    barriers: tuple[Barrier, ...] = field(init=False, repr=False, compare=False)
    """The barrier options among the instruments."""
    _instruments: Mapping[str, Instrument] = field(init=False, repr=False, compare=False)
    _collateral: Mapping[str, CollateralAsset] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "underlyings", tuple(sorted(self.underlyings)))
        object.__setattr__(self, "instruments", tuple(sorted(self.instruments, key=lambda entry: entry.id)))
        object.__setattr__(self, "collateral", tuple(sorted(self.collateral, key=lambda entry: entry.id)))
        object.__setattr__(self, "_instruments", {entry.id: entry for entry in self.instruments})
        object.__setattr__(self, "_collateral", {entry.id: entry for entry in self.collateral})
        listed = Counter(entry.id for entry in (*self.instruments, *self.collateral))
        for name, count in listed.items():
            if count > 1:
                raise InvalidInstrument(name, "id", "is listed twice")
        dated = [entry for entry in self.instruments if not isinstance(entry, Perpetual)]
        expiries = sorted({Expiry(entry.underlying, entry.expiry) for entry in dated})
        object.__setattr__(self, "expiries", tuple(expiries))
        object.__setattr__(self, "barriers", tuple(entry for entry in dated if isinstance(entry, Barrier)))
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

    def expiring(self, time: int) -> tuple[Dated, ...]:
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
