"""Surfaces with their texels and rays, each made once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import pytest

from sd_core.mesh.rays import Rays
from sd_core.mesh.surface import Surface
from sd_core.mesh.texels import Texels, find_texels
from sd_core.mesh.views import ViewPlan, plan_views
from tests.mesh import shapes

SIZE = 512


@dataclass(frozen=True)
class Body:
    """A surface, all that is needed to paint it, and eight views of it."""

    surface: Surface
    texels: Texels
    rays: Rays
    plan: ViewPlan


@pytest.fixture(scope="session")
def body() -> Callable[[str], Body]:
    """`body("torus")`: by the names in `shapes`."""

    @cache
    def make(name: str) -> Body:
        surface = shapes.surface_of(getattr(shapes, name)(), SIZE)
        texels, rays = find_texels(surface, SIZE), Rays(surface)
        return Body(surface, texels, rays, plan_views(surface, texels, rays, 8, (SIZE, SIZE)))

    return make
