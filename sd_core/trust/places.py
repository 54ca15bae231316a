"""What a name in a request means on this machine, found as the loaders find it but without opening anything."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from ..catalogue import CATALOGUE, known_hub_ids
from ..requests.choices import MapEstimator
from ..values import Role

_ELSEWHERE = re.compile(r"[\\/]{2}|[A-Za-z][A-Za-z0-9+.-]+:")
r"""UNC and `\\?\` paths, and URLs. They are never resolved: to ask for a UNC path already sends the user's name to its host."""

_HUB_ID = re.compile(
    r"([A-Za-z0-9][A-Za-z0-9_.-]*/(?![A-Za-z0-9_.-]*\.(?:safetensors|ckpt|pt|pth|bin)$)[A-Za-z0-9_.-]+)"
    r"((?:/[A-Za-z0-9_. -]+)*)"
)
"""What ends like a file of weights is a path that is not there: nobody means a repository, and one of that name is a stranger's."""

_OF_THE_HUB = (Role.MODEL, Role.CONTROLNET)
"""Roles whose loaders look for a repository of the catalogue on the hub alone."""


class Kind(StrEnum):
    """Of what a name means.

    CATALOGUE: an entry of the catalogue. HUB: a repository of the hub. PATH: a file or folder of this machine. ELSEWHERE: a
    network path or a URL. NOTHING: there is nothing of this name here.
    """

    CATALOGUE = "catalogue"
    HUB = "hub"
    PATH = "path"
    ELSEWHERE = "elsewhere"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class ResolvedName:
    """kind: see `Kind`. text: a name of the catalogue, "owner/repository", or a whole path without links in it."""

    kind: Kind
    text: str


def resolve_name(role: Role, name: str, home: Path) -> ResolvedName:
    """What `name` means to the loader of its role.

    A name that lies in the working folder is a path, as it is to the loaders, also where it looks like a hub id; but for the
    models and ControlNets of the catalogue, which are the hub's alone.

    Args:
        role: of the field.
        name: as a request has it.
        home: the folder whose `loras` are known by name.
    """
    if role is Role.MODEL and name in CATALOGUE:
        return ResolvedName(Kind.CATALOGUE, name)
    if role is Role.ESTIMATOR and name in tuple(MapEstimator):
        return ResolvedName(Kind.CATALOGUE, name)
    if role in _OF_THE_HUB and name in known_hub_ids():
        return ResolvedName(Kind.HUB, name)
    if _ELSEWHERE.match(name):
        return ResolvedName(Kind.ELSEWHERE, name)
    try:
        return _local(role, name, home)
    except (OSError, ValueError, RuntimeError):
        # a null character, half a surrogate pair, a home of no user, links in a circle
        return ResolvedName(Kind.NOTHING, name)


def printable(text: str) -> str:
    """Text without what would move the cursor, hide a part or turn its direction."""
    return "".join(mark if mark.isprintable() else mark.encode("unicode_escape").decode() for mark in text)


def _local(role: Role, name: str, home: Path) -> ResolvedName:
    if role is Role.FILE:
        return ResolvedName(Kind.PATH, os.path.realpath(name))  # "~" is no home to who opens frames and meshes
    path = Path(name).expanduser()
    if _is_path(name, path) or os.path.lexists(path):
        return ResolvedName(Kind.PATH, os.path.realpath(path))
    lora = home / "loras" / name
    # a plain file name is looked for there alone, and missed there by name
    if role is Role.LORA and (os.path.lexists(lora) or (len(path.parts) == 1 and path.suffix == ".safetensors")):
        return ResolvedName(Kind.PATH, os.path.realpath(lora))
    match = _HUB_ID.fullmatch(name)
    if match and (not match[2] or role in (Role.LORA, Role.IMAGE_PROMPT)):
        return ResolvedName(Kind.HUB, match[1])
    return ResolvedName(Kind.NOTHING, os.path.abspath(path))  # noqa: PTH100 - without following links


def _is_path(name: str, path: Path) -> bool:
    """Whether a name can be nothing but a path, be it there or not."""
    return path.is_absolute() or bool(path.drive) or "\\" in name or ".." in path.parts or name.startswith(("./", "~"))
