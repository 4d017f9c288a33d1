"""How validators' quotes of one underlying become the surface of a round, or none.

Of each expiry and figure the median, over at least a quorum of usable quotes: those whose price counts, that lie near
the round's, and that by themselves make a surface without arbitrage. A median figure by figure then has none either, as
long as all quote the same expiries (`surface.py`), and lies between two honest quotes; whatever it comes to is checked
again. A validator that quotes nonsense is left out and changes nothing. Expiries that are not listed are left out too.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from node.market.errors import MarketError, SurfaceUnquoted
from node.market.oracle_rules import Observation, Price, fresh_observations, within_deviation
from node.market.parameters import MarketParameters
from node.market.surface import Slice, Surface, check_surface

_FIGURES: Final = ("basis_ppb", "call_wing", "put_wing")


@dataclass(frozen=True, slots=True)
class SurfaceRefused:
    """What was quoted makes no surface; the last good one stays."""

    reason: MarketError


SurfaceResult: TypeAlias = Surface | SurfaceRefused | None
"""None where nobody quoted anything."""


@dataclass(frozen=True, slots=True)
class _Judged:
    """Of one observation: the listed part of its quote, or why that is none."""

    quote: Surface | None
    refusal: MarketError | None


def aggregate_surface(
    observations: Sequence[Observation],
    price: Price,
    expiries: Collection[int],
    parameters: MarketParameters,
    block_time: int,
) -> SurfaceResult:
    """The surface that the quotes in `observations`, all of one feed and round, make at `block_time`.

    Args:
        price: what the same observations made.
        expiries: the listed ones of this underlying, unix seconds.
    """
    fresh = sorted(fresh_observations(observations, parameters, block_time), key=lambda entry: entry.validator)
    quoting = [entry for entry in fresh if entry.slices]
    if not quoting:
        return None
    near = [e for e in quoting if within_deviation(e.price, price.price, parameters.oracle_deviation_ppm)]
    judged = [_judge(entry, expiries, block_time) for entry in near]
    quotes = _alike([entry.quote for entry in judged if entry.quote is not None])
    required = parameters.oracle_quorum
    if len(quotes) < required:
        refusals = [entry.refusal for entry in judged if entry.refusal is not None]
        return SurfaceRefused(refusals[0] if refusals else SurfaceUnquoted(quoting[0].feed, len(quotes), required))
    surface = Surface(quoting[0].feed, block_time, price.price, _medians(quotes))
    try:
        check_surface(surface)
    except MarketError as refusal:
        return SurfaceRefused(refusal)
    return surface


def _judge(entry: Observation, expiries: Collection[int], block_time: int) -> _Judged:
    """Every figure of the whole quote has to be possible; only what is listed and yet to come has to count."""
    try:
        check_surface(Surface(entry.feed, 0, entry.price, entry.slices))
    except MarketError as refusal:
        return _Judged(None, refusal)
    listed = tuple(made for made in entry.slices if made.expiry in expiries and made.expiry > block_time)
    return _Judged(Surface(entry.feed, block_time, entry.price, listed) if listed else None, None)


def _alike(quotes: Sequence[Surface]) -> list[Surface]:
    """Those that quote the same expiries as most do; of equally common sets the one with more, then later expiries."""
    sets = [tuple(entry.expiry for entry in quote.slices) for quote in quotes]
    usual = max(sets, key=lambda found: (sets.count(found), len(found), found), default=())
    return [quote for quote, found in zip(quotes, sets, strict=True) if found == usual]


def _medians(quotes: Sequence[Surface]) -> tuple[Slice, ...]:
    return tuple(_median(entries) for entries in zip(*(quote.slices for quote in quotes), strict=True))


def _median(entries: Sequence[Slice]) -> Slice:
    """Means of two middle figures go down, of the bend up: so a wing within its bend stays there."""
    figures = {name: sum(_middle(entries, name)) // 2 for name in _FIGURES}
    return replace(entries[0], **figures, bend=-(-sum(_middle(entries, "bend")) // 2))


def _middle(entries: Sequence[Slice], name: str) -> tuple[int, int]:
    ordered = sorted(getattr(entry, name) for entry in entries)
    return ordered[(len(ordered) - 1) // 2], ordered[len(ordered) // 2]
