"""The pace of the devnet's blocks."""

from devnet.clock import LONGEST_INTERVAL, SLOWED_INTERVAL, Pace


def test_blocks_take_longer_and_longer_while_the_machine_does_not_keep_up():
    pace = Pace(0.25)
    slowed = [pace.interval(slowed=True) for _ in range(12)]
    assert (slowed[0], slowed[-1]) == (SLOWED_INTERVAL, LONGEST_INTERVAL)
    assert slowed == sorted(slowed)
    assert [pace.interval(slowed=False), pace.interval(slowed=True)] == [0.25, SLOWED_INTERVAL]
    assert Pace(9.0).interval(slowed=True) == 9.0, "never faster than usual"
