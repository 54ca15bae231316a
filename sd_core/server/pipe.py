"""Messages between the server and an engine process: a JSON header and raw `.npy` bytes, never pickle.

A message is its header's length (4 bytes, big endian), the header, and the blobs one after another; the header's "sizes"
has their sizes by digest.
"""

from __future__ import annotations

import asyncio
import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, BinaryIO

_LENGTH = struct.Struct(">I")

_LONGEST = 1 << 28
"""Bytes of a header: what a report of ten thousand frames takes, many times over. More is no header."""


class MessageKind(StrEnum):
    """To the engine: run, cancel, free, models, loras. From it: ready, alive, event, freed, models, loras."""

    RUN = "run"
    CANCEL = "cancel"
    FREE = "free"
    MODELS = "models"
    LORAS = "loras"
    READY = "ready"
    ALIVE = "alive"
    EVENT = "event"
    FREED = "freed"


@dataclass(frozen=True, slots=True)
class Order:
    """Which run of which job a message is about, and which engine process was given it."""

    job: str
    run: int
    engine: str

    def __str__(self) -> str:
        return f"run {self.run} of job {self.job}"

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Order:
        """The order that a message names; one that names none is no order of anybody."""
        return cls(str(data.get("job", "")), int(data.get("run", -1)), str(data.get("engine", "")))

    def to_dict(self) -> dict[str, Any]:
        """What a message names it by."""
        return {"job": self.job, "run": self.run, "engine": self.engine}


@dataclass(frozen=True, slots=True)
class Message:
    """One message; `blobs` are `.npy` bytes by digest."""

    kind: MessageKind
    data: Mapping[str, Any] = field(default_factory=dict)
    blobs: Mapping[str, bytes] = field(default_factory=dict)

    def parts(self) -> list[bytes]:
        """The bytes to be sent, in order."""
        sizes = {digest: len(raw) for digest, raw in self.blobs.items()}
        header = json.dumps({"kind": self.kind, "data": dict(self.data), "sizes": sizes}).encode()
        return [_LENGTH.pack(len(header)), header, *self.blobs.values()]


def read_message(stream: BinaryIO) -> Message | None:
    """The next message of a blocking stream; None at its end."""
    length = stream.read(_LENGTH.size)
    if len(length) < _LENGTH.size:
        return None
    header = json.loads(stream.read(*_LENGTH.unpack(length)))
    blobs = {digest: stream.read(size) for digest, size in header["sizes"].items()}
    return Message(MessageKind(header["kind"]), header["data"], blobs)


async def receive_message(stream: asyncio.StreamReader) -> Message:
    """The next message of an asyncio stream.

    Raises:
        asyncio.IncompleteReadError: the stream has ended.
        ValueError: no message.
    """
    (length,) = _LENGTH.unpack(await stream.readexactly(_LENGTH.size))
    if length > _LONGEST:
        raise ValueError(f"a header of {length} bytes")
    header = json.loads(await stream.readexactly(length))
    blobs = {digest: await stream.readexactly(size) for digest, size in header["sizes"].items()}
    return Message(MessageKind(header["kind"]), header["data"], blobs)
