"""The description of a field of a request; front ends, help texts and documentation are made of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Scope(StrEnum):
    """What a request over many pictures does with a field.

    PICTURE: each frame of an animation, and each view of a mesh, takes it over. WHOLE: it holds for the request as a whole.
    """

    PICTURE = "picture"
    WHOLE = "whole"


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """The description of a field.

    Attributes:
        label: name that is shown to people, in title case: "Guidance".
        help: one line without a full stop at its end; tooltips and `--help` show it.
        unit: "px", "degrees", "stops"; empty where a value has none.
        unset: what None stands for; needed where a field may be None.
        basic: whether a form shows it at once, and not behind "Advanced".
        preset: whether a preset keeps it; what belongs to one picture, such as its prompt, is left out.
        scope: what animations and mesh textures do with it.
        position: its place among the arguments of a command; None: it is an option.
        metavar: how `--help` writes its value, where the type does not tell.
    """

    label: str
    help: str
    unit: str = ""
    unset: str = ""
    basic: bool = False
    preset: bool = True
    scope: Scope = Scope.PICTURE
    position: int | None = None
    metavar: str = ""
