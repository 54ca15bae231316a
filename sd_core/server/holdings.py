"""Which blobs a user may read and use: those that it has sent itself, and those that its own jobs name.

Blobs are found by their digest, whoever sent them. Without this, a digest alone would tell whether somebody else has sent
something, and then give it away. What a user does not hold is answered as if it were not there; sent again, it is its own too.
"""

from __future__ import annotations

import time
from collections import Counter, OrderedDict, defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from ..errors import OutputError
from .database import Connection
from .identity import Identity

_MOST = 200_000
"""Digests remembered for each identity; some 30 MB. Those of jobs are found in the journal as well."""

_RECENT = 3600
"""Seconds for which an upload counts that no unfinished job needs."""

_STEP = 60
"""Seconds; refused uploads are added up for each such time, so that their number costs no memory."""


class Holdings:
    """What is known since the start of the server; used in the event loop only."""

    def __init__(self) -> None:
        self._readable_blobs: defaultdict[str, OrderedDict[str, None]] = defaultdict(OrderedDict)
        self._sent: defaultdict[str, OrderedDict[str, tuple[int, float]]] = defaultdict(OrderedDict)
        self._totals: Counter[str] = Counter()
        self._refused: defaultdict[str, Counter[int]] = defaultdict(Counter)
        self._bytes_under_way: Counter[str] = Counter()

    def grant(self, identity: Identity, digests: Iterable[str]) -> None:
        """Its job names these."""
        if identity.is_admin:
            return
        known = self._readable_blobs[identity.owner]
        for digest in digests:
            known[digest] = None
            known.move_to_end(digest)
        while len(known) > _MOST:
            known.popitem(last=False)

    @contextmanager
    def track_upload(self, identity: Identity) -> Iterator[Callable[[int], int]]:
        """One upload of its own: tell how many bytes have come; gives what all that are under way have by now.

        What comes to nothing counts for the hour too, unless it was for want of space here.
        """
        owner, size = identity.owner, 0

        def arrive(more: int) -> int:
            nonlocal size
            size += more
            self._bytes_under_way[owner] += more
            return self._bytes_under_way[owner]

        try:
            yield arrive
        except OutputError:
            raise
        except BaseException:  # a client that has gone cancels the task
            self._refused[owner][int(time.monotonic()) // _STEP] += size
            raise
        finally:
            self._bytes_under_way[owner] -= size

    def note_sent(self, identity: Identity, digest: str, size: int) -> None:
        """It has sent this, whole."""
        self.grant(identity, (digest,))
        sent = self._sent[identity.owner]
        self._totals[identity.owner] += size - sent.get(digest, (0, 0.0))[0]
        sent[digest] = (size, time.monotonic())
        sent.move_to_end(digest)

    def revoke(self, owner: str, digests: Iterable[str]) -> None:
        """A job of its that named these was forgotten: from now on the journal alone tells, and what was sent is sent again."""
        known = self._readable_blobs[owner]
        for digest in digests:
            known.pop(digest, None)

    def can_read(self, identity: Identity, digest: str) -> bool:
        """Whether it is known, without a look at the journal, that it may read this."""
        return identity.is_admin or digest in self._readable_blobs[identity.owner]

    def forget_old_uploads(self, identity: Identity, is_needed: Callable[[str], bool]) -> None:
        """Forget the uploads that count no more."""
        owner, now = identity.owner, time.monotonic()
        for digest, (size, moment) in list(self._sent[owner].items()):
            if now - moment > _RECENT and not is_needed(digest):
                self._totals[owner] -= size
                del self._sent[owner][digest]
        refused = self._refused[owner]
        for step in [step for step in refused if now - step * _STEP > _RECENT + _STEP]:
            del refused[step]

    def sent_bytes(self, identity: Identity, needed: int) -> int:
        """Bytes that count towards its quota, where its unfinished jobs need so many, but for what is under way."""
        return max(needed, self._totals[identity.owner]) + self._refused[identity.owner].total()


def unreadable_blobs(connection: Connection, owner: str, digests: Iterable[str]) -> list[str]:
    """Those of the digests that belong to no job of this owner: not to its inputs, outputs or events."""
    query = """
        SELECT 1 FROM blobs JOIN jobs ON jobs.number = blobs.job WHERE sha256 = :digest AND owner = :owner
        UNION ALL
        SELECT 1 FROM outputs JOIN jobs ON jobs.number = outputs.job WHERE sha256 = :digest AND owner = :owner
        LIMIT 1
    """
    return [
        digest for digest in digests if connection.execute(query, {"digest": digest, "owner": owner}).fetchone() is None
    ]
