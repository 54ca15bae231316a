"""Checked values, such as requests, as Python source."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from pathlib import PurePath

import numpy as np

from .arrays import array_digest
from .base import Value


def to_python(request: Value, folder: str) -> str:
    """Source that makes an equal value and names it `request`; its arrays are looked for in `folder`, as `<sha256>.npy`."""
    names = sorted(set(_names(request)), key=lambda name: (name.islower(), name))
    return f"from sd_core import {', '.join(names)}\n\nrequest = {_expression(request, PurePath(folder).as_posix())}\n"


def _names(content: object) -> Iterator[str]:
    """What the source has to import."""
    if isinstance(content, np.ndarray):
        yield "load_array"
    elif isinstance(content, Value):
        yield type(content).__name__
        for inner in content.changed_fields().values():
            yield from _names(inner)
    elif isinstance(content, tuple):
        for inner in content:
            yield from _names(inner)


def _expression(content: object, folder: str) -> str:
    if isinstance(content, np.ndarray):
        return f"load_array({f'{folder}/{array_digest(content)}.npy'!r})"
    if isinstance(content, Value):
        pairs = content.changed_fields().items()
        lines = (f"{name}={_expression(inner, folder)}" for name, inner in pairs)
        return f"{type(content).__name__}({_block(lines)})"
    if isinstance(content, tuple):
        return f"({_block(_expression(inner, folder) for inner in content)})" if content else "()"
    return repr(str(content)) if isinstance(content, str) else repr(content)


def _block(lines: Iterator[str]) -> str:
    body = "".join(f"{line},\n" for line in lines)
    return f"\n{textwrap.indent(body, '    ')}" if body else ""
