"""The executor that measures what it runs."""

import asyncio
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event

from devnet.timing import MeasuringExecutor


async def test_whoever_stops_waiting_for_a_measured_call_does_not_spoil_its_end():
    go, failures = Event(), []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: failures.append(context))
    with ThreadPoolExecutor(1) as pool:
        executor = MeasuringExecutor(pool)
        call: Future[bool] = executor.submit(go.wait)
        waiting = asyncio.wrap_future(call)
        waiting.cancel()
        await asyncio.sleep(0)
        go.set()
        assert await asyncio.to_thread(call.result, 30)
    assert len(executor.milliseconds) == 1
    assert failures == []
