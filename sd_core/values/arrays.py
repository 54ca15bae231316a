"""Read-only arrays that know the SHA-256 of their `.npy` bytes.

A frozen array is a plain `numpy.ndarray` laid over the bytes of its own `.npy` file. The bytes cannot change, so
neither can the array; its digest is computed once, however many requests hold it; and saving it is writing those bytes.
"""

from __future__ import annotations

import hashlib
import io
import os
from functools import cached_property
from pathlib import Path
from typing import TypeAlias

import numpy as np

from ..errors import RequestError
from ..files import open_regular

Array: TypeAlias = np.ndarray

_KINDS = "buif"
"""Kinds of dtype that travel: bool, signed, unsigned, float."""

_LONGEST_HEADER = 1 << 16
"""Bytes; NumPy itself parses no header of more than 10,000 characters."""

_Layout: TypeAlias = tuple[tuple[int, ...], bool, np.dtype, int, int]
"""Shape, whether in Fortran's order, kind of numbers, how many, and the byte where they begin."""


class _NpyBytes(bytes):
    """The bytes of one `.npy` file."""

    @cached_property
    def sha256(self) -> str:
        return hashlib.sha256(self).hexdigest()


def freeze(array: Array) -> Array:
    """A read-only, C-ordered, little-endian copy of `array`; a frozen array is returned as it is."""
    if isinstance(array.base, _NpyBytes):
        return array
    plain = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<")).reshape(array.shape)
    raw = _NpyBytes(b"".join((_header(plain), plain.data.cast("B") if plain.size else b"")))
    return np.ndarray(plain.shape, plain.dtype, buffer=raw, offset=len(raw) - plain.nbytes)


def _header(plain: Array) -> bytes:
    """What precedes the values in a `.npy` file."""
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(stream, np.lib.format.header_data_from_array_1_0(plain))
    return stream.getvalue()


def npy_bytes(array: Array) -> bytes:
    """The `.npy` file of `array`; no copy is made of a frozen one."""
    base = freeze(array).base
    assert isinstance(base, _NpyBytes)
    return base


def array_digest(array: Array) -> str:
    """SHA-256 of the `.npy` bytes of `array`, 64 hex digits; computed once for a frozen array."""
    base = freeze(array).base
    assert isinstance(base, _NpyBytes)
    return base.sha256


def from_npy(raw: bytes, field: str = "array") -> Array:
    """The frozen array in the bytes of a `.npy` file.

    Raises:
        RequestError: not such a file, truncated, or holding anything but numbers (nothing is ever unpickled).
    """
    shape, fortran, dtype, count, start = _layout(raw[:_LONGEST_HEADER], len(raw), field)
    flat = np.frombuffer(raw, dtype, count, start) if count else np.empty(0, dtype)
    array = flat.reshape(shape, order="F" if fortran else "C")
    if fortran or dtype != dtype.newbyteorder("<") or raw[:start] != _header(array):
        return freeze(array)
    # As `freeze` would write it: these bytes need not be put together again.
    return np.ndarray(shape, dtype, buffer=_NpyBytes(raw), offset=start)


def _layout(head: bytes, size: int, field: str) -> _Layout:
    """What the begin of a `.npy` file of `size` bytes says, which must be that size."""
    try:
        stream = io.BytesIO(head)
        readers = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
        shape, fortran, dtype = readers[np.lib.format.read_magic(stream)](stream)
        count = int(np.prod(shape, dtype=object)) if shape else 1
    except Exception as error:  # NumPy parses headers as Python source
        raise RequestError(field, "is no .npy file", hint="write it with numpy.save") from error
    if dtype.kind not in _KINDS or dtype.hasobject:
        raise RequestError(field, f"holds {dtype}, not numbers", hint="save a bool, integer or float array")
    if min(shape, default=0) < 0 or count * dtype.itemsize != size - stream.tell():
        raise RequestError(field, "is a truncated or damaged .npy file", hint="write it again")
    return shape, fortran, dtype, count, stream.tell()


def load_array(path: str | os.PathLike[str]) -> Array:
    """The frozen array in a `.npy` file.

    Raises:
        RequestError: missing, damaged, no regular file, or larger than the memory; also where the file is named after a digest
            that its content does not have.
    """
    where = Path(path)
    try:
        raw = _read(where)
        array = from_npy(raw, str(where))
    except OSError as error:
        raise RequestError(str(where), f"cannot be read ({error.strerror})", hint="keep the .inputs folder") from error
    except MemoryError as error:
        raise RequestError(str(where), "is larger than the free memory", hint="use smaller pictures") from error
    # The digest of the array stays with it; a file of another layout has one of its own.
    if len(where.stem) == 64 and where.stem != array_digest(array) and where.stem != hashlib.sha256(raw).hexdigest():
        raise RequestError(str(where), "was changed since it was saved", hint="its name is the SHA-256 of its bytes")
    return array


def _read(path: Path) -> bytes:
    """All of a file, once its begin has shown that this is the size of the array."""
    with open_regular(path) as stream:
        size = os.fstat(stream.fileno()).st_size
        _layout(stream.read(_LONGEST_HEADER), size, str(path))
        stream.seek(0)
        return stream.read(size)
