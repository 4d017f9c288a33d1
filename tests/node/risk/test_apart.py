"""How far two symbols went apart: by hand, and what the command says of it."""

from dataclasses import replace

from node.market.parameters import CorrelatedPair
from node.risk.apart import apart
from node.risk.candles import HOUR, Tape, Tick
from node.risk.replay import Replay, house_parameters, replay

PAIR = CorrelatedPair("BTC", "ETH")


def replayed(btc: list[float], eth: list[float]) -> Replay:
    """Prices a quarter of an hour apart, in dollars."""
    tapes = tuple(
        Tape(symbol, 900, tuple(Tick(900 * n, *[round(price * 10**8)] * 3) for n, price in enumerate(prices)))
        for symbol, prices in (("BTC", btc), ("ETH", eth))
    )
    return replay(tapes, house_parameters(tapes))


def test_the_distance_is_the_smaller_of_two_opposite_moves_in_maintenance_widths() -> None:
    """At a width of 9.5 %: two per cent down against one up is 1 / 9.5 apart."""
    found = apart(replayed([8_000] * 4 + [7_840], [200] * 4 + [202]), PAIR, HOUR)
    assert (found.pair, found.moves) == ("BTC/ETH", 1)
    assert found.furthest_ppm == found.quantile_ppm == round(0.01 / 0.095 * 10**6)
    assert found.beyond == 0


def test_moves_of_one_direction_are_not_apart_however_different() -> None:
    assert apart(replayed([8_000] * 4 + [7_000], [200] * 4 + [199]), PAIR, HOUR).furthest_ppm == 0


def test_only_one_moment_counts() -> None:
    """One falls and comes back before the other rises."""
    assert apart(replayed([8_000, 7_600, 8_000, 8_000, 8_000], [200, 200, 200, 210, 210]), PAIR, HOUR).furthest_ppm == 0


def test_beyond_counts_what_exceeds_the_near_range() -> None:
    wide = replayed([8_000] * 4 + [7_600], [200] * 4 + [209])
    assert apart(wide, PAIR, HOUR).beyond == 1
    roomy = replace(wide, parameters=replace(wide.parameters, near_ppm=500_000))
    assert apart(roomy, PAIR, HOUR).beyond == 0
