"""The pictures of an animation as a sequence that holds none of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import overload

from sd_core.values import Array


class FramePictures(Sequence[Array]):
    """Pictures on disk: (h, w, 3|4) uint8 each, read when asked for and not kept."""

    def __init__(self, picture: Callable[[int], Array], indices: range) -> None:
        self._picture = picture
        self._indices = indices

    def __len__(self) -> int:
        return len(self._indices)

    @overload
    def __getitem__(self, index: int) -> Array: ...
    @overload
    def __getitem__(self, index: slice) -> FramePictures: ...
    def __getitem__(self, index: int | slice) -> Array | FramePictures:
        if isinstance(index, slice):
            return FramePictures(self._picture, self._indices[index])
        return self._picture(self._indices[index])

    def __iter__(self) -> Iterator[Array]:
        return (self[index] for index in range(len(self)))
