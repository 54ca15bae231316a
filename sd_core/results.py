"""What a job gives back, and how it is written to disk."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from .requests import Request
from .values import to_pillow

if TYPE_CHECKING:
    from PIL.Image import Image


R = TypeVar("R", bound=Request)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Result:
    """The images of a request and how they came about.

    images: (h, w, 3|4) uint8 each; a lazy sequence for an animation.
    request: with every `None` that the engine decided filled in.
    timings: seconds by name.
    latents: (n, c, lh, lw) float32, where the engine was asked to keep them.
    maps: (h, w) or (h, w, 3) float32 in [0, 1] as stored, by name (textures).
    mesh: the textured mesh of a `MeshTexture`.
    report: figures of an animation, or of a texture.
    warnings: what the user should know.
    decisions: what the engine chose, and why: device, dtype, model revision ...
    """

    images: Sequence[np.ndarray]
    request: Request
    timings: Mapping[str, float] = field(default_factory=dict)
    latents: np.ndarray | None = None
    maps: Mapping[str, np.ndarray] = field(default_factory=dict)
    mesh: Any = None
    report: Any = None
    warnings: tuple[str, ...] = ()
    decisions: Mapping[str, str] = field(default_factory=dict)

    def request_as(self, kind: type[R]) -> R:
        """The request, of the kind that was submitted: an engine fills in its fields and never changes its kind."""
        assert isinstance(self.request, kind), f"the result of a {kind.__name__} is expected"
        return self.request

    @property
    def image(self) -> Image:
        """The first image as a Pillow image."""
        return to_pillow(self.images[0])

    def __repr__(self) -> str:
        from .display import summary

        return summary(self)

    def _repr_mimebundle_(
        self, include: object = None, exclude: object = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """What a notebook shows."""
        from .display import mimebundle

        return mimebundle(self)

    def save(self, path: str | os.PathLike[str], overwrite: bool = True) -> list[Path]:
        """Write the images, and next to them the arrays that the request needs; all of it or nothing.

        Args:
            path: `.png` (carries the request), `.jpg` or `.webp` (carry the A1111 parameters as EXIF). With several
                images "-0", "-1" ... comes before the suffix. Inputs go to the folder `<stem>.inputs`. A `Texture` may
                also be given a folder: all files of the material go there (see `sd_core.material`); a `MeshTexture` a
                folder or a `.glb`.
            overwrite: False: a file that is there is an error. A picture that this was made from is never overwritten.

        Returns:
            The paths written, images first.

        Raises:
            RequestError: a suffix that cannot be written; or the file is what this was made from.
            OutputError: full disk, missing or read-only folder, or `<stem>.inputs` is a link to elsewhere; whatever was
                there before is unchanged.
        """
        from .saving import save_result

        return save_result(self, Path(path), overwrite=overwrite)
