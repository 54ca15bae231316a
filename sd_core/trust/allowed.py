"""The one rule for every request from elsewhere."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from ..catalogue import known_hub_ids
from ..errors import NotAllowed
from ..values import Role
from .approvals import approvals
from .named import ExternalName
from .places import Kind, ResolvedName, printable, resolve_name

_OWN_FOLDERS = ("models", "loras")
"""In `SD_CORE_HOME`: whoever can put files there is the user."""

_SENT_FOLDERS = ("blobs", "jobs")
"""In `SD_CORE_HOME`: what clients send lies there, so that no approval makes a model of it."""


_MOST_SHOWN = 5
"""Names in a message, which has to be read; all of them are in `NotAllowed.names`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowed:
    """What requests from elsewhere may name: the catalogue, its repositories on the hub, `home`'s own folders, and more.

    home: `SD_CORE_HOME` of whoever will run the request; its approvals count as they are at each check.
    more: hub ids, files, and folders with everything below them, which the person who runs the program has named.
    input_folder: folder of the picture; files (render passes, videos, meshes) in it and below may be named, hidden ones not.
    """

    home: Path
    more: tuple[str, ...] = ()
    input_folder: Path | None = None

    def check(self, named: Iterable[ExternalName], *, hint: str = "") -> None:
        """Raises `NotAllowed` with all that is not allowed, or `SDError` where the approvals cannot be read.

        `hint`: in place of how to allow it on this machine.
        """
        refused = self.refusals(named)
        if not refused:
            return
        names = [
            {
                "place": each.field_path,
                "role": str(each.role),
                "name": printable(each.name),
                "shown": printable(target.text),
            }
            for each, target in refused
        ]
        listed = ", ".join(f"{each['shown']} ({each['role']} at {each['place']})" for each in names[:_MOST_SHOWN])
        listed += f" and {len(names) - _MOST_SHOWN} more" if len(names) > _MOST_SHOWN else ""
        raise NotAllowed(
            names[0]["place"],
            f"is not allowed to a request from elsewhere: {listed}",
            names=names,
            hint=hint or _remedy(refused, names),
        )

    def refusals(self, named: Iterable[ExternalName]) -> list[tuple[ExternalName, ResolvedName]]:
        """What is not allowed, with what it means on this machine.

        Raises:
            SDError: the approvals cannot be read; not looked at where nothing asks for them.
        """
        places = [(each, resolve_name(each.role, each.name, self.home)) for each in named]
        rule = _Rule(self)
        doubtful = [pair for pair in places if not rule.is_known(*pair)]
        extra = _Names(approvals(self.home) if doubtful else ())
        return [(each, target) for each, target in doubtful if not rule.is_listed(target, extra)]


class _Names:
    """Hub ids and whole paths, found in one step each.

    Paths were made whole when they were approved: a link put in their place later does not count.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self.texts = frozenset(names)
        self._paths = frozenset(path for path in map(Path, self.texts) if path.is_absolute())

    def contains(self, path: Path) -> bool:
        """Whether it, or a folder above it, is among them."""
        return path in self._paths or not self._paths.isdisjoint(path.parents)


class _Rule:
    """`Allowed` during one check: each folder is looked at once, however many names lie in it."""

    def __init__(self, allowed: Allowed) -> None:
        home = allowed.home
        self._catalogue_ids = known_hub_ids()
        own = [os.path.realpath(home / name) for name in _OWN_FOLDERS]
        self._sent = _Names(os.path.realpath(home / name) for name in _SENT_FOLDERS)
        self._more = _Names(allowed.more)
        self._home_names = _Names((*own, *allowed.more))
        self._input_folder = None if allowed.input_folder is None else os.path.realpath(allowed.input_folder)
        self._links_in = cache(_links_in)

    def is_known(self, named: ExternalName, target: ResolvedName) -> bool:
        """Whether it may be named without anybody's approval."""
        if target.kind is Kind.HUB:
            return target.text in self._catalogue_ids or self.is_listed(target, self._more)
        if target.kind is not Kind.PATH:
            return target.kind is Kind.CATALOGUE or self.is_listed(target, self._more)
        return (named.role is Role.FILE and self._is_input(target.text)) or self.is_listed(target, self._home_names)

    def is_listed(self, target: ResolvedName, names: _Names) -> bool:
        """Whether it is among `names`, or in a folder that is."""
        if target.kind is not Kind.PATH:
            return target.text in names.texts and target.kind is not Kind.NOTHING
        path = Path(target.text)
        return names.contains(path) and not self._sent.contains(path)

    def _is_input(self, path: str) -> bool:
        """Whether a file, or all files of a "####" pattern, lie in `input_folder` or below, and none is hidden on the way."""
        base, real = self._input_folder, Path(path)
        if base is None or not real.is_relative_to(base):
            return False
        if any(part.startswith(".") for part in real.relative_to(base).parts):
            return False
        return "#" not in real.name or all(self._is_input(os.path.realpath(link)) for link in self._links(real))

    def _links(self, pattern: Path) -> list[str]:
        """The links among the files that a "####" pattern may stand for."""
        before, after = pattern.name.split("#", 1)[0], pattern.name.rsplit("#", 1)[1]
        links = self._links_in(pattern.parent)
        return [path for name, path in links if name.startswith(before) and name.endswith(after)]


def absolute_names(names: Iterable[str]) -> tuple[str, ...]:
    """Names from a command line, for `Allowed.more`: relative paths become whole, so that they mean the same anywhere."""
    kept = []
    for name in names:
        target = resolve_name(Role.CONTROLNET, name, Path())
        kept.append(target.text if target.kind is Kind.PATH else name)
    return tuple(kept)


def allow_command(names: Iterable[Mapping[str, str]]) -> str:
    """What to type so as to allow them, see `NotAllowed.names`."""
    return shlex.join(["sd-core", "models", "allow", *dict.fromkeys(each["shown"] for each in names)])


def _remedy(refused: Sequence[tuple[ExternalName, ResolvedName]], names: Sequence[Mapping[str, str]]) -> str:
    here = [
        each
        for each, (named, target) in zip(names, refused, strict=True)
        if target.kind is not Kind.NOTHING and not (target.kind is Kind.ELSEWHERE and named.role is Role.FILE)
    ]
    if not here and any(target.kind is Kind.ELSEWHERE for _, target in refused):
        return "nothing is read from addresses: save it as a file on this machine, and name that"
    if not here:
        return "there is nothing of this name here: put it into the folder models or loras in SD_CORE_HOME"
    return f"if you trust it: {allow_command(here[:_MOST_SHOWN])}{' and so on' if len(here) > _MOST_SHOWN else ''}"


def _links_in(folder: Path) -> list[tuple[str, str]]:
    """Names and paths of the links in a folder."""
    try:
        with os.scandir(folder) as found:
            return [(each.name, each.path) for each in found if each.is_symlink()]
    except OSError:
        return []  # what cannot be listed here cannot be found by its pattern later
