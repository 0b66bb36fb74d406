"""Brings what native calls return to the event loop that awaits it.

The native runtime never enters the interpreter: it puts results into a queue and writes one byte into a pipe, which the
loop watches. So many results cost one visit, and a loop that is closed, or an interpreter that exits, is never called.
"""

from __future__ import annotations

import asyncio
import contextvars
import itertools
import os
import threading
import weakref
from typing import TYPE_CHECKING, Any

from bizkithub import _native

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    Stopping: TypeAlias = tuple[Callable[[], None], Callable[[Any], object]]


_TICK = 0.1
"""How often a loop with calls in flight wakes, in seconds."""


class EventLoop:
    """The calls in flight of one event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._completions = _native.Completions()
        self._numbers = itertools.count()
        self._calls: dict[int, tuple[asyncio.Future[Any], Callable[[int, str], object] | None]] = {}
        self._is_ticking = False
        try:
            # In a context of its own: the loop would keep the caller's variables alive as long as it watches.
            contextvars.Context().run(loop.add_reader, self._completions.fileno(), self._visit)
            # A loop that runs inside itself may visit twice for one arrival.
            os.set_blocking(self._completions.fileno(), False)
        except (AttributeError, NotImplementedError):
            # On Windows, loops watch sockets only: a thread of Python's watches the pipe until the loop is gone.
            weakref.finalize(loop, self._completions.wake)
            threading.Thread(target=self._watch, args=(weakref.ref(loop),), name="bizkithub-loop", daemon=True).start()

    async def call(
        self,
        loop: asyncio.AbstractEventLoop,
        start: Callable[..., _native.Task],
        arguments: tuple[object, ...],
        on_event: Callable[[int, str], object] | None,
        stopping: Stopping | None,
    ) -> Any:
        """Start a native call and wait for its result; any other end cancels the call.

        Cancelling first stops a call that can be stopped and hands its result over; cancelling again does not wait.
        """
        number = next(self._numbers)
        future = loop.create_future()
        self._calls[number] = (future, on_event)
        if not self._is_ticking:
            self._tick(loop)
        try:
            task = start(self._completions, number, *arguments)
            try:
                return await (future if stopping is None else _stoppable(future, *stopping))
            finally:
                task.cancel()
        finally:
            del self._calls[number]

    def _tick(self, loop: asyncio.AbstractEventLoop) -> None:
        # A loop that waits in silence does not notice the interruption of a notebook's kernel.
        self._is_ticking = bool(self._calls)
        if self._is_ticking:
            contextvars.Context().run(loop.call_later, _TICK, self._tick, loop)

    def _visit(self) -> None:
        self._completions.wait()
        self._take()

    def _take(self) -> None:
        for number, value, error in self._completions.take():
            future, on_event = self._calls.get(number, (None, None))
            if future is None or future.done():
                continue
            if error is not None:
                future.set_exception(error)
            elif on_event is None or not isinstance(value, tuple):
                future.set_result(value)
            else:
                _tell(future, on_event, value)

    def _watch(self, loop_reference: weakref.ref[asyncio.AbstractEventLoop]) -> None:
        while True:
            self._completions.wait()
            loop = loop_reference()
            if loop is None or loop.is_closed():
                return
            loop.call_soon_threadsafe(self._take)
            del loop


async def _stoppable(future: asyncio.Future[Any], stop: Callable[[], None], keep: Callable[[Any], object]) -> Any:
    try:
        # Unlike `await future`, this does not cancel the future with the task.
        await asyncio.wait((future,))
    except asyncio.CancelledError:
        stop()
        await asyncio.wait((future,))
        if future.exception() is None:
            keep(future.result())
        raise
    return future.result()


def _tell(future: asyncio.Future[Any], on_event: Callable[[int, str], object], event: tuple[int, str]) -> None:
    try:
        on_event(*event)
    except StopIteration as failure:
        # No coroutine can raise it.
        error = RuntimeError("progress raised StopIteration")
        error.__cause__ = failure
        future.set_exception(error)
    except BaseException as failure:  # noqa: BLE001 - the awaiting caller gets it, and other calls get their results
        future.set_exception(failure)


_event_loops: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, EventLoop] = weakref.WeakKeyDictionary()


async def call(
    start: Callable[..., _native.Task],
    *arguments: object,
    on_event: Callable[[int, str], object] | None = None,
    stopping: Stopping | None = None,
) -> Any:
    """Start a native call on the running loop and wait for its result.

    Args:
        start: Starts the call.
        *arguments: Its arguments.
        on_event: Takes what arrives before the result.
        stopping: How a cancelled call is stopped, and what takes the result that it still brings.

    """
    loop = asyncio.get_running_loop()
    event_loop = _event_loops.get(loop)
    if event_loop is None:
        event_loop = _event_loops[loop] = EventLoop(loop)
    return await event_loop.call(loop, start, arguments, on_event, stopping)
