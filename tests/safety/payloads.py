"""Payloads that do no more than make an empty file, in every container that weights come in."""

from __future__ import annotations

import io
import json
import pickle
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)


class Touch:
    """When it is unpickled, the file `marker` is there."""

    def __init__(self, marker: Path) -> None:
        self._marker = str(marker)

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return open, (self._marker, "a")


def source_code(marker: Path) -> str:
    """A Python module that makes the marker when it is imported and has every class that one might ask it for."""
    return (
        f"open({str(marker)!r}, 'a').close()\n\n\n"
        "class Evil:\n"
        "    @classmethod\n"
        "    def from_pretrained(cls, *names, **options):\n"
        "        return cls()\n\n\n"
        "def __getattr__(name):\n"
        "    return Evil\n"
    )


def raw_pickle(marker: Path, protocol: int) -> bytes:
    """A bare pickle of a state dict."""
    return pickle.dumps({"state_dict": {"lora.weight": Touch(marker)}}, protocol)


def torch_zip(marker: Path) -> bytes:
    """What `torch.save` writes today."""
    stream = io.BytesIO()
    torch.save({"state_dict": {"w": torch.zeros(2), "evil": Touch(marker)}}, stream)
    return stream.getvalue()


def torch_legacy(marker: Path) -> bytes:
    """What `torch.save` wrote before 2020."""
    stream = io.BytesIO()
    state = {"w": torch.zeros(2), "evil": Touch(marker)}
    torch.save(state, stream, _use_new_zipfile_serialization=False)
    return stream.getvalue()


def torch_script(marker: Path) -> bytes:
    """A zip that looks like TorchScript: its pickle is called constants.pkl too."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name in ("data.pkl", "constants.pkl"):
            archive.writestr(f"archive/{name}", raw_pickle(marker, 2))
        archive.writestr("archive/version", "3\n")
        archive.writestr("archive/code/__torch__.py", source_code(marker))
    return stream.getvalue()


def zip_bomb(marker: Path) -> bytes:
    """A torch zip whose one storage of 256 MiB takes 256 KiB, which `torch.save` never does."""
    stream = io.BytesIO()
    size = 256 * 1024**2
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", raw_pickle(marker, 2))
        archive.writestr("archive/byteorder", "little")
        archive.writestr("archive/version", "3\n")
        with archive.open("archive/data/0", "w") as storage:
            for _ in range(size // 1024**2):
                storage.write(bytes(1024**2))
    return stream.getvalue()


def png(width: int = 8, height: int = 8, text: tuple[str, str] | None = None) -> bytes:
    """A valid grey picture, with one text chunk if wanted."""
    rows = b"".join(b"\0" + bytes([128] * width) for _ in range(height))
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))]
    if text is not None:
        chunks.append((b"iTXt", text[0].encode("latin-1") + b"\0\0\0\0\0" + text[1].encode()))
    chunks += [(b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in chunks
    )


def safetensors(header: dict[str, Any], data: bytes = b"") -> bytes:
    """A safetensors file with any header."""
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def one_tensor() -> dict[str, Any]:
    """The header of one float32 number."""
    return {"w": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}


def polyglots(marker: Path) -> dict[str, bytes]:
    """Files of two formats at once, by what they are."""
    good = safetensors(one_tensor(), bytes(4))
    head = pickle.dumps({"__": 1}, 2)
    # a pickle whose first eight bytes read as the length of a safetensors header, and whose ninth is the brace
    disguised = b'\x80\x02X\x05\0\0\0\0{"__0' + pickle.dumps({"w": Touch(marker)}, 2)[2:]
    return {
        "picture-then-pickle": png() + raw_pickle(marker, 2),
        "picture-then-zip": png() + torch_zip(marker),
        "safetensors-then-pickle": good + raw_pickle(marker, 2),
        "safetensors-then-zip": good + torch_zip(marker),
        "pickle-with-safetensors-head": disguised,
        "pickle-then-safetensors": head + raw_pickle(marker, 2) + good,
        "gguf-then-pickle": b"GGUF" + struct.pack("<IQQ", 3, 0, 0) + raw_pickle(marker, 2),
        "safetensors-with-pickled-tensor": _pickled_tensor(marker),
    }


def _pickled_tensor(marker: Path) -> bytes:
    body = raw_pickle(marker, 4)
    header = {"w": {"dtype": "U8", "shape": [len(body)], "data_offsets": [0, len(body)]}}
    return safetensors(header, body)


def damaged() -> dict[str, bytes]:
    """Files that hold no code and no weights, by what they are."""
    return {
        "empty": b"",
        "page": b"<!DOCTYPE html><html><body>404</body></html>",
        "lfs-pointer": b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 4265146304\n",
        "json": b'{"model": "sd15"}',
        "nested": b"[" * 200_000,
        "header-too-long": struct.pack("<Q", 2**63) + b"{}",
        "offsets-outside": safetensors({"w": {"dtype": "F32", "shape": [9], "data_offsets": [0, 36]}}),
        "header-of-lists": safetensors({"w": ["F32"]}, bytes(4)),
        "header-nested": struct.pack("<Q", 200_001) + b"{" + b"[" * 200_000,
        "gguf": b"GGUF" + struct.pack("<IQQ", 3, 0, 0),
    }


def numpy_files(marker: Path) -> dict[str, bytes]:
    """Arrays of objects, which NumPy pickles, by suffix."""
    array, archive = io.BytesIO(), io.BytesIO()
    objects = np.array([Touch(marker)], dtype=object)
    np.save(array, objects, allow_pickle=True)
    np.savez(archive, objects, image=objects)
    return {".npy": array.getvalue(), ".npz": archive.getvalue()}
