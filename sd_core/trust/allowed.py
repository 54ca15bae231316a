"""The one rule for every request from elsewhere."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..catalogue import known_hub_ids
from ..errors import NotAllowed
from ..values import Role
from .approvals import approved
from .named import Named
from .places import Kind, Place, place_of, printable

_OWN_FOLDERS = ("models", "loras")
"""In `SD_CORE_HOME`: whoever can put files there is the user."""

_SENT_FOLDERS = ("blobs", "jobs")
"""In `SD_CORE_HOME`: what clients send lies there, so that no approval makes a model of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowed:
    """What requests from elsewhere may name: the catalogue, its repositories on the hub, `home`'s own folders, and more.

    home: `SD_CORE_HOME` of whoever will run the request; its approvals count as they are at each check.
    more: hub ids, files, and folders with everything below them, which the person who runs the program has named.
    beside: folder of the picture; files (render passes, videos, meshes) in it and below may be named, hidden ones not.
    """

    home: Path
    more: tuple[str, ...] = ()
    beside: Path | None = None

    def check(self, named: Iterable[Named], *, hint: str = "") -> None:
        """Raises `NotAllowed` with all that is not allowed, or `SDError` where the approvals cannot be read.

        `hint`: in place of how to allow it on this machine.
        """
        refused = self.refused(named)
        if not refused:
            return
        names = [
            {"place": each.place, "role": str(each.role), "name": printable(each.name), "shown": printable(place.text)}
            for each, place in refused
        ]
        listed = ", ".join(f"{each['shown']} ({each['role']} at {each['place']})" for each in names)
        raise NotAllowed(
            names[0]["place"],
            f"is not allowed to a request from elsewhere: {listed}",
            names=names,
            hint=hint or _remedy(refused, names),
        )

    def refused(self, named: Iterable[Named]) -> list[tuple[Named, Place]]:
        """What is not allowed, with what it means on this machine.

        Raises:
            SDError: the approvals cannot be read; not looked at where nothing asks for them.
        """
        places = [(each, place_of(each.role, each.name, self.home)) for each in named]
        doubtful = [pair for pair in places if not self._is_known(*pair)]
        extra = approved(self.home) if doubtful else ()
        return [(each, place) for each, place in doubtful if not self._is_listed(place, extra)]

    def _is_known(self, named: Named, place: Place) -> bool:
        if place.kind is Kind.HUB:
            return place.text in known_hub_ids() or self._is_listed(place, self.more)
        if place.kind is not Kind.PATH:
            return place.kind is Kind.CATALOGUE or self._is_listed(place, self.more)
        if named.role is Role.FILE and self.beside is not None and _is_beside(place.text, self.beside):
            return True
        own = [os.path.realpath(self.home / name) for name in _OWN_FOLDERS]
        return self._is_listed(place, (*own, *self.more))

    def _is_listed(self, place: Place, names: Sequence[str]) -> bool:
        if place.kind is not Kind.PATH:
            return place.text in names and place.kind is not Kind.NOTHING
        path = Path(place.text)
        if any(path.is_relative_to(os.path.realpath(self.home / sent)) for sent in _SENT_FOLDERS):
            return False
        # They were made whole when they were approved: a link put in their place later does not count.
        return any(path.is_relative_to(name) for name in names if Path(name).is_absolute())


def by_user(names: Iterable[str]) -> tuple[str, ...]:
    """Names from a command line, for `Allowed.more`: relative paths become whole, so that they mean the same anywhere."""
    kept = []
    for name in names:
        place = place_of(Role.CONTROLNET, name, Path())
        kept.append(place.text if place.kind is Kind.PATH else name)
    return tuple(kept)


def allow_command(names: Iterable[Mapping[str, str]]) -> str:
    """What to type so as to allow them, see `NotAllowed.names`."""
    return shlex.join(["sd-core", "models", "allow", *dict.fromkeys(each["shown"] for each in names)])


def _remedy(refused: Sequence[tuple[Named, Place]], names: Sequence[Mapping[str, str]]) -> str:
    here = [each for each, (_, place) in zip(names, refused, strict=True) if place.kind is not Kind.NOTHING]
    if not here:
        return "there is nothing of this name here: put it into the folder models or loras in SD_CORE_HOME"
    return f"if you trust it: {allow_command(here)}"


def _is_beside(path: str, folder: Path) -> bool:
    """Whether a file, or all files of a "####" pattern, lie in a folder or below, and none is hidden on the way."""
    base, real = Path(os.path.realpath(folder)), Path(path)
    if not real.is_relative_to(base) or any(part.startswith(".") for part in real.relative_to(base).parts):
        return False
    return "#" not in real.name or all(_is_beside(os.path.realpath(link), folder) for link in _links(real))


def _links(pattern: Path) -> list[str]:
    """The links among the files that a "####" pattern may stand for."""
    before, after = pattern.name.split("#", 1)[0], pattern.name.rsplit("#", 1)[1]
    try:
        with os.scandir(pattern.parent) as found:
            links = [each for each in found if each.is_symlink()]
    except OSError:
        return []  # what cannot be listed here cannot be found by its pattern later
    return [each.path for each in links if each.name.startswith(before) and each.name.endswith(after)]
