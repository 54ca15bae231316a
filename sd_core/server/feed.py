"""The live events of a job, read by any number of slow or fast readers."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from weakref import WeakValueDictionary

from ..events import LAST_KINDS, EventKind
from .journal import StoredEvent

_KEPT = 64
"""Feeds of ended jobs."""


class Feed:
    """What a job has told in its current run. Readers pull, so that a slow one costs nothing but its own delay.

    Previews are dropped from all steps but the newest: whoever comes late reads the steps without them.
    """

    def __init__(self) -> None:
        self._events: list[StoredEvent] = []
        self._changed = asyncio.Event()

    def publish(self, event: StoredEvent) -> None:
        """Append an event."""
        if self._events and self._events[-1].data["kind"] == EventKind.STEP:
            last = self._events[-1]
            self._events[-1] = StoredEvent(last.id, last.data | {"preview": None})
        self._events.append(event)
        self._changed.set()
        self._changed = asyncio.Event()

    def clear(self) -> None:
        """Forget the run that was interrupted; what was written down of it is in the journal."""
        self._events.clear()

    @property
    def events(self) -> list[StoredEvent]:
        """What has been told so far in this run."""
        return list(self._events)

    async def after(self, last: int) -> AsyncIterator[StoredEvent]:
        """Events with ids greater than `last`, and those to come, up to the one that ends the job."""
        while True:
            changed = self._changed
            for event in [held for held in self._events if held.id > last]:
                yield event
                last = event.id
                if event.data["kind"] in LAST_KINDS:
                    return
            if changed is self._changed:
                await changed.wait()


class Feeds:
    """The feed of each job that runs or is read, and of those that ended last: somebody may just be connecting again."""

    def __init__(self) -> None:
        self._feeds: WeakValueDictionary[str, Feed] = WeakValueDictionary()
        self._ended: deque[Feed] = deque(maxlen=_KEPT)

    def of(self, job_id: str) -> Feed:
        """The one feed of this job; it lives as long as somebody holds it."""
        feed = self._feeds.get(job_id)
        if feed is None:
            feed = self._feeds[job_id] = Feed()
        return feed

    def keep(self, feed: Feed) -> None:
        """Hold the feed of a job that has ended for a while."""
        self._ended.append(feed)
