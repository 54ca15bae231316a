"""The live events of a job, read by any number of slow or fast readers."""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from collections import deque
from collections.abc import AsyncIterator
from operator import attrgetter
from weakref import WeakValueDictionary

from ..events import LAST_KINDS, EventKind
from .stored_events import StoredEvent

_ENDED_FEEDS = 64
"""Feeds of ended jobs."""


class Feed:
    """The events of a job in its current run. Readers pull, so that a slow one costs nothing but its own delay.

    Previews are dropped from all steps but the newest: whoever comes late reads the steps without them. Events are only ever
    appended, so that a reader keeps its place and costs as much as it reads; a run that was interrupted is another list.
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
        self._events = []

    def events_after(self, last: int) -> list[StoredEvent]:
        """The events so far in this run, with ids greater than `last`."""
        return self._events[_index_after(self._events, last) :]

    async def after(self, last: int) -> AsyncIterator[StoredEvent]:
        """Events with ids greater than `last`, and those to come, up to the one that ends the job."""
        read, index = self._events, _index_after(self._events, last)
        while True:
            if read is not self._events:
                read, index = self._events, _index_after(self._events, last)
            if index == len(read):
                await self._changed.wait()
                continue
            event = read[index]
            index, last = index + 1, event.id
            yield event
            if event.data["kind"] in LAST_KINDS:
                return


class Feeds:
    """The feed of each job that runs or is read, and of those that ended last: somebody may just be connecting again."""

    def __init__(self) -> None:
        self._feeds: WeakValueDictionary[str, Feed] = WeakValueDictionary()
        self._ended: deque[Feed] = deque(maxlen=_ENDED_FEEDS)

    def of(self, job_id: str) -> Feed:
        """The one feed of this job; it lives as long as somebody holds it."""
        feed = self._feeds.get(job_id)
        if feed is None:
            feed = self._feeds[job_id] = Feed()
        return feed

    def keep(self, feed: Feed) -> None:
        """Hold the feed of a job that has ended for a while."""
        self._ended.append(feed)


def _index_after(events: list[StoredEvent], last: int) -> int:
    return bisect_right(events, last, key=attrgetter("id"))
