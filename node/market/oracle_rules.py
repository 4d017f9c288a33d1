"""How validators' observations of one feed become the price of a round, or no price at all.

A feed is named by its underlying ("BTC"). The price is the median of at least a quorum of fresh observations;
those too far from the median are dropped and named. With at most f of 3f+1 validators at fault and a quorum
of 2f+1, the median lies between two honest observations.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final, TypeAlias

from eth_hash.auto import keccak

from node.market.errors import InvalidInput
from node.market.instruments import MAXIMUM_PRICE, PPM
from node.market.parameters import MarketParameters
from node.market.surface import Slice

_SLICE_TYPE: Final = b"Slice(uint256 expiry,int256 basisPpb,uint256 callWing,uint256 putWing,uint256 bend)"
_TYPE_HASH: Final = bytes(
    keccak(
        b"Observation(bytes32 deployment,address validator,uint256 round,string feed,"
        b"uint256 price,uint256 confidencePpm,uint256 observedAt,Slice[] slices)" + _SLICE_TYPE
    )
)
_SLICE_HASH: Final = bytes(keccak(_SLICE_TYPE))


@dataclass(frozen=True, slots=True)
class Observation:
    """What one validator (20-byte address) read of one feed for one round.

    `price` in feed units, `confidence_ppm` the half-width of the feed's own uncertainty, `observed_at` the
    feed's time of its last update, `slices` the forwards and smiles that it quotes over that price, if any.
    """

    validator: bytes
    round: int
    feed: str
    price: int
    confidence_ppm: int
    observed_at: int
    slices: tuple[Slice, ...] = ()


@dataclass(frozen=True, slots=True)
class Price:
    """A feed's price in a round: median (feed units), confidence (ppm), how many made it, who was dropped."""

    price: int
    confidence: int
    n: int
    dropped: tuple[bytes, ...] = ()


class RefusalReason(Enum):
    """Why a feed has no price this round."""

    NO_QUORUM = "too few fresh observations"
    NO_AGREEMENT = "too few observations near their median"


@dataclass(frozen=True, slots=True)
class Refused:
    """A feed without a price this round: `usable` of the `required` observations remained."""

    reason: RefusalReason
    usable: int
    required: int
    dropped: tuple[bytes, ...] = ()


PriceResult: TypeAlias = Price | Refused


def observation_digest(deployment_digest: bytes, observation: Observation) -> bytes:
    """The 32 bytes that a validator signs: keccak of the abi-encoded fields, after an EIP-712 type hash.

    Raises:
        InvalidInput: a digest or address of the wrong length, or a number that is negative.
    """
    if len(deployment_digest) != 32:
        raise InvalidInput(observation.feed, "deployment digest", f"{len(deployment_digest)} bytes")
    if len(observation.validator) != 20:
        raise InvalidInput(observation.feed, "validator", f"{len(observation.validator)} bytes")
    words = [_TYPE_HASH, deployment_digest, bytes(12) + observation.validator]
    words.append(_word(observation, "round"))
    words.append(bytes(keccak(observation.feed.encode())))
    words.extend(_word(observation, name) for name in ("price", "confidence_ppm", "observed_at"))
    words.append(bytes(keccak(b"".join(_slice_hash(observation.feed, entry) for entry in observation.slices))))
    return bytes(keccak(b"".join(words)))


def _word(observation: Observation, name: str) -> bytes:
    value: int = getattr(observation, name)
    return _checked(observation.feed, name, value, 0)


def _slice_hash(feed: str, entry: Slice) -> bytes:
    signed = _checked(feed, "basis_ppb", entry.basis_ppb, -(2**128))
    figures = ("call_wing", "put_wing", "bend")
    words = [_SLICE_HASH, _checked(feed, "expiry", entry.expiry, 0), signed]
    words.extend(_checked(feed, name, getattr(entry, name), 0) for name in figures)
    return bytes(keccak(b"".join(words)))


def _checked(feed: str, name: str, value: int, least: int) -> bytes:
    if not least <= value < 2**128:
        raise InvalidInput(feed, name, str(value))
    return value.to_bytes(32, "big", signed=least < 0)


def aggregate(observations: Sequence[Observation], parameters: MarketParameters, block_time: int) -> PriceResult:
    """The price that `observations`, all of one feed and round, make at `block_time`; their order does not
    matter.

    Dropped and named: validators that contradict themselves, stale or future readings, prices that are none,
    readings less certain than the limit, and prices further from the median than the deviation rule allows.

    Raises:
        InvalidInput: observations of several feeds or rounds.
    """
    if len({(entry.feed, entry.round) for entry in observations}) > 1:
        raise InvalidInput(observations[0].feed, "observations", "of several feeds or rounds")
    required = parameters.oracle_quorum
    fresh = fresh_observations(observations, parameters, block_time)
    if len(fresh) < required:
        return Refused(RefusalReason.NO_QUORUM, len(fresh), required, _missing(observations, fresh))
    centre = _median(fresh, lambda entry: entry.price)
    limit = parameters.oracle_deviation_ppm
    near = [entry for entry in fresh if within_deviation(entry.price, centre, limit)]
    dropped = _missing(observations, near)
    if len(near) < required:
        return Refused(RefusalReason.NO_AGREEMENT, len(near), required, dropped)
    price = _median(near, lambda entry: entry.price)
    spread = max(entry.price for entry in near) - min(entry.price for entry in near)
    stated = _median(near, lambda entry: entry.confidence_ppm)
    return Price(price, max(stated, -(-spread * PPM // (2 * price))), len(near), dropped)


def fresh_observations(
    observations: Sequence[Observation], parameters: MarketParameters, block_time: int
) -> list[Observation]:
    """The observations that count at `block_time`: one a validator, of a price, neither stale nor uncertain."""
    return [entry for entry in _single(observations) if _usable(entry, parameters, block_time)]


def within_deviation(price: int, reference: int, deviation_ppm: int) -> bool:
    """Whether `price` is no further from `reference` than `deviation_ppm` of it."""
    return abs(price - reference) * PPM <= deviation_ppm * reference


def _single(observations: Sequence[Observation]) -> list[Observation]:
    """One observation per validator; a validator that signed two different ones has none."""
    distinct = set(observations)
    authors = [entry.validator for entry in distinct]
    return [entry for entry in distinct if authors.count(entry.validator) == 1]


def _usable(entry: Observation, parameters: MarketParameters, block_time: int) -> bool:
    age = block_time - entry.observed_at
    return (
        0 < entry.price < MAXIMUM_PRICE
        and 0 <= age <= parameters.oracle_staleness_seconds
        and 0 <= entry.confidence_ppm <= parameters.oracle_confidence_limit_ppm
    )


def _median(entries: Sequence[Observation], figure: Callable[[Observation], int]) -> int:
    """The middle figure, or the mean of the two middle ones, rounded down."""
    ordered = sorted(figure(entry) for entry in entries)
    return (ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) // 2


def _missing(observations: Sequence[Observation], kept: Sequence[Observation]) -> tuple[bytes, ...]:
    """The validators, sorted, that spoke but are not among `kept`."""
    return tuple(sorted({entry.validator for entry in observations} - {entry.validator for entry in kept}))
