"""The base of every request."""

from __future__ import annotations

import os

from ..values import Value, abstract_value
from ..values.codec import to_json
from ..values.source import to_python

Size = tuple[int, int]
"""(height, width) in px."""


@abstract_value
class Request(Value):
    """Anything that an engine runs: a frozen value, equal and hashed by content."""

    @property
    def size(self) -> Size | None:
        """(height, width) of the result in px, where the request fixes both."""
        return None

    def to_json(self, *, indent: int | None = None) -> str:
        """`{"type": "ImageToImage", ...}`; an array is `{"blob": sha256, "dtype", "shape"}`, found in `arrays()`."""
        return to_json(self, indent=indent)

    def to_python(self, folder: str | os.PathLike[str] = "inputs") -> str:
        """Python source that makes an equal request and names it `request`.

        Args:
            folder: where the source looks for the arrays, `<sha256>.npy` each: the `<stem>.inputs` folder that
                `Result.save` writes, or wherever `save_arrays(request, folder)` put them.
        """
        return to_python(self, os.fspath(folder))
