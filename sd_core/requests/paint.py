"""What the objects of a mesh are painted with, each by its name."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..errors import RequestError
from ..passes.frame_passes import Camera
from ..values import About, Value, field, positional
from ..values.checks import choice, instance, integer, name, number, optional, text, tuple_of
from .choices import SurfaceKind
from .generation import MAX_SEED
from .parts import Mesh

TEXTURE_SIZE = integer(64, 16384)
"""Sides of textures of meshes, px."""


@positional
class ObjectPaint(Value):
    """What one object of a mesh is painted with.

    Examples:
        >>> ObjectPaint("ground", "grey gravel", surface="tile", tile_size=2).surface
        <SurfaceKind.TILE: 'tile'>
    """

    name: str = field(about=About(label="Object", help="Name of the object in the mesh"), converter=name)
    prompt: str | None = field(
        about=About(label="Prompt", help="What the object shows", unset="the request's prompt"),
        converter=optional(text),
        default=None,
    )
    surface: SurfaceKind = field(
        about=About(
            label="Surface",
            help="Painted from views into its UVs; a tiling texture (tile); or left as it is (keep)",
        ),
        converter=choice(SurfaceKind),
        default=SurfaceKind.VIEWS,
    )
    texture_size: int | None = field(
        about=About(label="Texture Size", help="Side of its textures", unit="px", unset="the request's"),
        converter=optional(TEXTURE_SIZE),
        default=None,
    )
    tile_size: float | None = field(
        about=About(
            label="Tile Size",
            help="Length that one repeat of the tiling texture covers",
            unit="scene units",
            unset="chosen from the size of the object",
        ),
        converter=optional(number(0, 1e9, above=True)),
        default=None,
    )
    seed: int | None = field(
        about=About(
            label="Seed", help="The same seed and settings give the same surface", unset="the request's", preset=False
        ),
        converter=optional(integer(0, MAX_SEED)),
        default=None,
    )
    views: tuple[Camera, ...] = field(
        about=About(
            label="Views",
            help="Cameras that see it, painted from first; more are chosen for what they do not see",
            preset=False,
        ),
        converter=tuple_of(instance(Camera)),
        default=(),
    )

    def _check(self) -> None:
        if self.tile_size is not None and self.surface is not SurfaceKind.TILE:
            raise RequestError("tile_size", f"is for a tiling texture, {self.name} has none", hint="set surface='tile'")
        if self.views and self.surface is not SurfaceKind.VIEWS:
            raise RequestError(
                "views", f"do not paint {self.name}, whose surface is {self.surface}", hint="leave them out"
            )
        if self.surface is SurfaceKind.KEEP and (self.prompt, self.texture_size, self.seed) != (None, None, None):
            raise RequestError(
                "surface", f"keeps {self.name}, but it has a prompt, size or seed", hint="leave them out"
            )


def check_names(objects: Iterable[ObjectPaint], known: Sequence[str]) -> None:
    """Check that every object named is one of the mesh's.

    Raises:
        RequestError: the mesh has no such object.
    """
    for index, paint in enumerate(objects):
        if paint.name not in known:
            shown = ", ".join(known[:20]) + (" ..." if len(known) > 20 else "")
            raise RequestError(
                f"objects[{index}].name", f"is no object of the mesh: {paint.name!r}", hint=f"it has {shown}"
            )


def check_numbers(mesh: Mesh) -> None:
    """Check that the objects of a mesh can be named: unnamed ones by numbers without large gaps.

    Raises:
        RequestError: they cannot.
    """
    highest = 0 if mesh.object_id is None else int(mesh.object_id.max())
    if mesh.object_names is None and highest >= len(mesh.faces):
        message = f"numbers its objects up to {highest}, with {len(mesh.faces)} faces"
        raise RequestError("mesh", message, hint="number them from 0, or give their object_names")


def check_twice(objects: Sequence[ObjectPaint]) -> None:
    """Check that no object is named twice.

    Raises:
        RequestError: one is.
    """
    names = [paint.name for paint in objects]
    for index, each in enumerate(names):
        if each in names[:index]:
            raise RequestError(f"objects[{index}].name", f"names {each!r} twice", hint="name each object once")


def check_any_painted(objects: Sequence[ObjectPaint], known: Iterable[str]) -> None:
    """Check that there is something to paint: objects that are not named are painted.

    Raises:
        RequestError: every object is kept.
    """
    kept = {paint.name for paint in objects if paint.surface is SurfaceKind.KEEP}
    if all(each in kept for each in known):
        raise RequestError("objects", "keep every object of the mesh", hint="leave one of them to be painted")
