"""Checksums of our own for what the journal holds: SQLite notices a broken page, but not a flipped bit inside a text."""

from __future__ import annotations

import zlib
from collections.abc import Iterable


def seal_of(values: Iterable[object]) -> int:
    """CRC-32 over values of SQLite (None, int, float, str), which depends on their order and their types."""
    return zlib.crc32(repr(tuple(values)).encode("utf-8", "surrogatepass"))


def readable(raw: bytes) -> str:
    """Text of the journal; bytes that are no UTF-8 any more become escapes, so that the seal tells of them and not SQLite."""
    return raw.decode("utf-8", "backslashreplace")
