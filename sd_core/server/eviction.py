"""Which blobs go first where there is no room: what was sent and no job needs, before results; one's own, before others'."""

from __future__ import annotations

import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator

_RECENT = 600.0
"""Seconds for which an upload waits for its job and those sent with it; else the second array would push the first out."""

_SHARE = 4
"""Fresh uploads of one sender are kept up to one part in so many of the space, as `quotas.upload_bound` lets users send."""


class EvictionOrder:
    """Whose each blob is, and whether a job has made it. Of what was here at the start, the journal tells (`store.recover`)."""

    def __init__(self, space: int) -> None:
        self._share = space // _SHARE
        self._owners: dict[str, str | None] = {}
        self._job_outputs: set[str] = set()
        self._uploads: OrderedDict[str, tuple[str, int, float]] = OrderedDict()

    def note_sent(self, digest: str, owner: str, size: int) -> None:
        """Somebody has sent this."""
        self._note_owner(digest, owner)
        self._uploads[digest] = (owner, size, time.monotonic())
        self._uploads.move_to_end(digest)

    def note_made(self, digest: str, owner: str) -> None:
        """A job of somebody has made this."""
        self._note_owner(digest, owner)
        self._job_outputs.add(digest)

    def forget(self, digest: str) -> None:
        """It is not here any more."""
        self._owners.pop(digest, None)
        self._uploads.pop(digest, None)
        self._job_outputs.discard(digest)

    def steps(self, owner: str | None) -> Iterator[Callable[[str], bool]]:
        """What may go to make room for something of `owner`: each step is for where the one before was not enough."""
        kept = self._job_outputs | self._recent_uploads()
        yield lambda digest: digest not in kept and self._is_of(digest, owner)
        yield lambda digest: digest not in kept
        yield lambda digest: digest not in kept or (digest in self._job_outputs and self._is_of(digest, owner))
        yield lambda digest: True

    def _note_owner(self, digest: str, owner: str) -> None:
        """None stands for several owners."""
        self._owners[digest] = owner if self._owners.get(digest, owner) == owner else None

    def _is_of(self, digest: str, owner: str | None) -> bool:
        return owner is not None and self._owners.get(digest) == owner

    def _recent_uploads(self) -> set[str]:
        found, sizes, since = set[str](), Counter[str](), time.monotonic() - _RECENT
        for digest, (sender, size, moment) in reversed(self._uploads.items()):
            if moment < since:
                break
            sizes[sender] += size
            if sizes[sender] <= self._share:
                found.add(digest)
        return found
