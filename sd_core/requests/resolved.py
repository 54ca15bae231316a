"""What an engine fills in where a request leaves it open, read from a request that went through one (`Result.request`).

Each raises `AssertionError` for a request that is still open: a defect of the caller, not of the request.
"""

from __future__ import annotations

from typing import TypeVar

from .generation import Generation
from .request import Size

T = TypeVar("T")


def size_of(request: Generation) -> Size:
    """(height, width) of its pictures in px."""
    return _filled(request.height, "height"), _filled(request.width, "width")


def steps_of(request: Generation) -> int:
    """Denoising steps of a whole run."""
    return _filled(request.num_inference_steps, "steps")


def guidance_of(request: Generation) -> float:
    """Its guidance scale."""
    return _filled(request.guidance_scale, "guidance scale")


def seed_of(request: Generation) -> int:
    """The seed of its first picture."""
    return _filled(request.seed, "seed")


def _filled(value: T | None, name: str) -> T:
    assert value is not None, f"a resolved request names its {name}"
    return value
