"""What was made in this session, newest last: each entry restores its request."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from sd_core.requests import Generation, Request
from sd_core.requests.registry import kind_of
from sd_core.results import Result
from sd_core.saving import free_path, image_request, stem_of
from sd_core.values import Array

from .pictures import thumbnail_bytes


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Entry:
    """One image of a result.

    picture: (h, w, 3|4) uint8, kept here: an animation's frames are read again each time, from where they may be gone one day.
    request: gives this image alone. form_request: as the form described it.
    """

    id: str
    result: Result
    picture: Array = field(repr=False)
    request: Request
    form_request: Request
    thumbnail: bytes = field(repr=False)

    @property
    def caption(self) -> str:
        """Kind and seed."""
        seed = self.request.seed if isinstance(self.request, Generation) else None
        return kind_of(self.request).title if seed is None else f"seed {seed}"

    @property
    def title(self) -> str:
        """The tooltip."""
        prompt = self.request.prompt if isinstance(self.request, Generation) else kind_of(self.request).title
        height, width = self.picture.shape[:2]
        return f"{prompt} ({width} x {height} px)"

    def save(self, path: str | Path | None = None) -> list[Path]:
        """Write this image without loss, with its request inside and what it was made from next to it.

        Args:
            path: as for `Result.save`; None: a free name after the prompt, in the working folder.

        Raises:
            OutputError: it cannot be written.
        """
        alone = replace(self.result, images=[self.picture], request=self.request)
        if path is None:
            path = free_path(stem_of(self.request, type(self.request).__name__.lower()), ".png")
        return alone.save(path)


class History:
    """The entries, at most `limit` of them: the oldest go first."""

    def __init__(self, limit: int = 200) -> None:
        self._limit = limit
        self._entries: dict[str, Entry] = {}
        self._count = 0

    def add(self, result: Result, form_request: Request) -> list[Entry]:
        """An entry for each image of a result; only the first for an animation, whose frames belong together."""
        single = not isinstance(result.request, Generation) or result.request.num_images == 1
        added = [self._new_entry(result, index, form_request) for index in range(1 if single else len(result.images))]
        for entry in added:
            self._entries[entry.id] = entry
        while len(self._entries) > self._limit:
            del self._entries[next(iter(self._entries))]
        return added

    def __getitem__(self, entry_id: str) -> Entry:
        return self._entries[entry_id]

    def __contains__(self, entry_id: object) -> bool:
        return entry_id in self._entries

    def __iter__(self) -> Iterator[Entry]:
        return iter(tuple(self._entries.values()))

    def __len__(self) -> int:
        return len(self._entries)

    def _new_entry(self, result: Result, index: int, form_request: Request) -> Entry:
        self._count += 1
        picture = result.images[index]
        return Entry(
            id=f"image-{self._count}",
            result=result,
            picture=picture,
            request=image_request(result.request, index),
            form_request=form_request,
            thumbnail=thumbnail_bytes(picture),
        )
