"""Measures what runs in a pool of workers: the milliseconds of each call inside its worker, queueing left out."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from statistics import quantiles
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Quantiles:
    """Median and 99th percentile of some samples, in their unit."""

    p50: float
    p99: float

    @classmethod
    def of(cls, samples: Sequence[float]) -> "Quantiles | None":
        """None without samples."""
        if len(samples) < 2:
            return cls(samples[0], samples[0]) if samples else None
        cuts = quantiles(samples, n=100, method="inclusive")
        return cls(cuts[49], cuts[98])


@dataclass(frozen=True, slots=True)
class _Timed:
    value: Any
    milliseconds: float


def _timed(function: Callable[..., Any], arguments: tuple[Any, ...], named: dict[str, Any]) -> _Timed:
    start = time.perf_counter()
    value = function(*arguments, **named)
    return _Timed(value, (time.perf_counter() - start) * 1000)


class MeasuringExecutor(Executor):
    """Hands work to `pool` and keeps how long each call took in `milliseconds`."""

    def __init__(self, pool: Executor) -> None:
        self._pool = pool
        self.milliseconds: list[float] = []
        self._started: dict[int, float] = {}
        self._calls = 0

    @property
    def longest_wait(self) -> float:
        """Seconds since the oldest call that is not done was handed over; 0 without one."""
        started = list(self._started.values())
        return time.monotonic() - min(started) if started else 0.0

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> "Future[T]":
        """See `Executor.submit`."""
        outer: Future[T] = Future()
        # As of a call that runs: whoever stops waiting for it does not end it, and its end finds nothing cancelled.
        outer.set_running_or_notify_cancel()
        inner = self._pool.submit(_timed, fn, args, kwargs)
        self._calls += 1
        number = self._calls
        self._started[number] = time.monotonic()

        def finish(done: "Future[_Timed]") -> None:
            del self._started[number]
            error = done.exception()
            if error is not None:
                outer.set_exception(error)
                return
            timed = done.result()
            self.milliseconds.append(timed.milliseconds)
            outer.set_result(timed.value)

        inner.add_done_callback(finish)
        return outer
