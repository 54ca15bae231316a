"""Bringing work home: from a worker thread to the thread in which the user's cells run."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Callable

_log = logging.getLogger(__name__)

Task = Callable[[], None]


class MainThread:
    """Runs tasks in the thread where it was made, in order: between cells, or while that thread waits in `wait_until`.

    In a kernel that thread's event loop is used; where there is no loop (a script), tasks wait for `wait_until` or `run_tasks`.
    """

    def __init__(self) -> None:
        self._tasks: deque[Task] = deque()
        self._changed = threading.Condition()
        try:
            self._loop: asyncio.AbstractEventLoop | None = asyncio.get_running_loop()
        except RuntimeError:
            self._loop = None

    def post(self, task: Task) -> None:
        """Have `task` run at home, soon; may be called from any thread."""
        with self._changed:
            self._tasks.append(task)
            self._changed.notify_all()
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self.run_tasks)

    def run_tasks(self) -> None:
        """Run what waits. Called at home."""
        while True:
            with self._changed:
                if not self._tasks:
                    return
                task = self._tasks.popleft()
            try:
                task()
            except Exception:  # noqa: BLE001 - an observer of the user's may fail; the tasks of others must still run
                _log.exception("an observer failed")

    def wait_until(self, is_reached: Callable[[], bool], timeout: float | None = None) -> bool:
        """Wait at home, running tasks meanwhile, until `is_reached()` after a task; whether it was before `timeout` seconds."""
        with self._changed:
            came = self._changed.wait_for(lambda: bool(self._tasks) or is_reached(), timeout)
        while came:
            self.run_tasks()
            if is_reached():
                return True
            with self._changed:
                came = self._changed.wait_for(lambda: bool(self._tasks) or is_reached(), timeout)
        return is_reached()
