import pytest

from node.liquidation.breaker import STOPPED, Level
from node.liquidation.validity import Action


def test_the_levels():
    """Written out, so that whoever changes it sees what it stops."""
    marks = {level: "".join("." if action in STOPPED[level] else "x" for action in Action) for level in Level}
    assert [action.name for action in Action] == [
        "TRADE", "WITHDRAW", "DEADLINE", "CALL", "FREEZE", "OPEN", "BID", "BACKSTOP", "SETTLE", "OFFER", "CLOSE",
    ]  # fmt: skip
    assert marks == {
        Level.OPEN: "xxxxxxxxxxx",
        Level.NO_OFFER: "xxxxxxxxx.x",
        Level.NO_BID: "xxxxxx..x.x",
        Level.HALTED: "x.......x..",
    }


@pytest.mark.parametrize("level", list(Level)[1:])
def test_a_higher_level_stops_what_the_one_below_does_and_more(level: Level):
    assert STOPPED[level] > STOPPED[Level(level - 1)]
