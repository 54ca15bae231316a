"""Which blobs a user may read and use: those that it has sent itself, and those that its own jobs name.

Blobs are found by their digest, whoever sent them. Without this, a digest alone would tell whether somebody else has sent
something, and then give it away. What a user does not hold is answered as if it were not there; sent again, it is its own too.
"""

from __future__ import annotations

import time
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterable

from .database import Connection
from .identity import Identity

_MOST = 200_000
"""Digests remembered for each identity; some 30 MB. Those of jobs are found in the journal as well."""

_RECENT = 3600.0
"""Seconds for which an upload counts that no unfinished job needs."""


class Holdings:
    """What is known since the start of the server; used in the event loop only."""

    def __init__(self) -> None:
        self._known: defaultdict[str, OrderedDict[str, None]] = defaultdict(OrderedDict)
        self._sent: defaultdict[str, OrderedDict[str, tuple[int, float]]] = defaultdict(OrderedDict)

    def tell(self, identity: Identity, digests: Iterable[str]) -> None:
        """Its job names these."""
        if identity.is_admin:
            return
        known = self._known[identity.owner]
        for digest in digests:
            known[digest] = None
            known.move_to_end(digest)
        while len(known) > _MOST:
            known.popitem(last=False)

    def send(self, identity: Identity, digest: str, size: int) -> None:
        """It has sent this, whole."""
        self.tell(identity, (digest,))
        sent = self._sent[identity.owner]
        sent[digest] = (size, time.monotonic())
        sent.move_to_end(digest)

    def has(self, identity: Identity, digest: str) -> bool:
        """Whether it is known, without a look at the journal, that it may read this."""
        return identity.is_admin or digest in self._known[identity.owner]

    def sent_bytes(self, identity: Identity, is_needed: Callable[[str], bool]) -> int:
        """Bytes that count towards its quota; the others are forgotten."""
        sent, now = self._sent[identity.owner], time.monotonic()
        for digest, (_, moment) in list(sent.items()):
            if now - moment > _RECENT and not is_needed(digest):
                del sent[digest]
        return sum(size for size, _ in sent.values())


def foreign(connection: Connection, owner: str, digests: Iterable[str]) -> list[str]:
    """Those of the digests that no job of this owner was sent with, has made, or has told of."""
    query = """
        SELECT 1 FROM blobs JOIN jobs ON jobs.number = blobs.job WHERE sha256 = :digest AND owner = :owner
        UNION ALL
        SELECT 1 FROM outputs JOIN jobs ON jobs.number = outputs.job WHERE sha256 = :digest AND owner = :owner
        LIMIT 1
    """
    return [
        digest for digest in digests if connection.execute(query, {"digest": digest, "owner": owner}).fetchone() is None
    ]
