"""What finished results were made from, as the journal keeps it: 32 bytes for each digest, so that a start parses no request."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from ..wire.results import blobs_named
from .blob_references import ResultBlobs, result_blobs

_BYTES = 32
"""Of a SHA-256."""


def write_result_blobs(
    connection: sqlite3.Connection, number: int, request: Mapping[str, Any], event: Mapping[str, Any]
) -> ResultBlobs | None:
    """Keep what the result of a job was made from; None where its last event is no result that needs anything."""
    blobs = result_blobs(request, event)
    if blobs is None or not (blobs.outputs and blobs.inputs):
        return None
    values = (number, _pack(blobs.outputs), _pack(blobs.inputs))
    connection.execute("INSERT OR REPLACE INTO descents VALUES (?, ?, ?)", values)
    return blobs


def write_outputs(connection: sqlite3.Connection, number: int, event: Mapping[str, Any]) -> None:
    """Note the pictures and arrays that an event of a job names, but for those of its request."""
    result = event.get("result", {})
    made = blobs_named([value for name, value in result.items() if name != "request"] + [event.get("image")])
    rows = [(number, digest) for digest in made]
    connection.executemany("INSERT OR IGNORE INTO outputs VALUES (?, ?)", rows)


def read_result_blobs(connection: sqlite3.Connection) -> Iterator[ResultBlobs]:
    """All of them, in order of arrival."""
    for row in connection.execute("SELECT made, source FROM descents ORDER BY job"):
        yield ResultBlobs(_unpack(row["made"]), _unpack(row["source"]))


def _pack(digests: Collection[str]) -> bytes:
    return b"".join(bytes.fromhex(digest) for digest in sorted(digests))


def _unpack(raw: bytes) -> frozenset[str]:
    return frozenset(raw[start : start + _BYTES].hex() for start in range(0, len(raw), _BYTES))
