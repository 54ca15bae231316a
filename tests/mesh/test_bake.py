"""Perfect views give the perfect texture: everything is seen, nothing comes from the wrong place."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from sd_core.mesh.fill import fill_gutters, fill_unseen
from sd_core.mesh.gather import ViewColours, blend, harmonise, look_up
from sd_core.mesh.rays import Rays
from sd_core.mesh.render import render
from sd_core.mesh.surface import Surface
from sd_core.mesh.texels import Texels, find_texels
from sd_core.mesh.views import coverage, plan_views
from tests.mesh import shapes
from tests.mesh.conftest import SIZE, Body

Bodies = Callable[[str], Body]
PICTURE = (SIZE, SIZE)


def solid(points: np.ndarray) -> np.ndarray:
    """A smooth colour for every point in space."""
    x, y, z = (points[..., i] for i in range(3))
    waves = (np.sin(2.1 * x + 0.3), np.sin(2.3 * y + z), np.cos(1.9 * z + 0.7 * x))
    return np.stack([0.5 + 0.4 * wave for wave in waves], axis=-1).astype(np.float32)


def looks(body: Body, **options: float) -> list[ViewColours]:
    views = [render(body.surface, body.rays, camera, PICTURE) for camera in body.plan.cameras]
    return [look_up(solid(v.position), v, body.surface, body.texels, body.rays, **options) for v in views]


def psnr(error: np.ndarray) -> float:
    return float(-10 * np.log10((error**2).mean()))


@pytest.mark.parametrize("name", ["torus", "knot", "chair"])
def test_eight_views_see_all_that_can_be_seen(body: Bodies, name: str) -> None:
    made = body(name)
    assert len(made.plan.cameras) <= 8
    assert made.plan.coverage >= 0.995
    seen = coverage(made.surface, made.texels, made.rays, made.plan.cameras, PICTURE) > 0
    assert seen.mean() >= 0.995 * made.plan.reachable


@pytest.mark.parametrize(("name", "least"), [("knot", 60.0), ("chair", 44.0)])
def test_perfect_views_bake_to_the_perfect_texture(body: Bodies, name: str, least: float) -> None:
    made = body(name)
    colours, weight = blend(looks(made), len(made.texels))
    truth = solid(made.texels.positions(made.surface))
    assert psnr((colours - truth)[weight > 0]) >= least
    assert psnr(fill_unseen(colours, weight > 0, made.surface, made.texels) - truth) >= least


def test_without_erosion_colours_of_what_lies_behind_leak(body: Bodies) -> None:
    made = body("knot")
    truth = solid(made.texels.positions(made.surface))
    careful, careless = (
        np.abs(blend(looks(made, erosion=erosion), len(made.texels))[0] - truth).max(axis=1) for erosion in (2.0, -50.0)
    )
    assert np.quantile(careful, 0.999) <= np.quantile(careless, 0.999)


def test_views_agree_after_their_colours_were_shifted(body: Bodies) -> None:
    made = body("knot")
    rng = np.random.default_rng(5)
    truth = solid(made.texels.positions(made.surface)) * 0.6 + 0.2
    clean = [ViewColours(g.index, truth[g.index], g.weight) for g in looks(made)]
    shifts = rng.normal(0, 0.05, (len(clean), 3)).astype(np.float32)
    raw = [ViewColours(g.index, np.clip(g.colour + s, 0, 1), g.weight) for g, s in zip(clean, shifts, strict=True)]
    assert overlap_psnr(raw, len(made.texels)) < 32
    assert overlap_psnr(harmonise(raw, len(made.texels)), len(made.texels)) >= 40


def test_harmonising_what_agrees_changes_nothing(body: Bodies) -> None:
    made = body("torus")
    truth = solid(made.texels.positions(made.surface))
    clean = [ViewColours(g.index, truth[g.index], g.weight) for g in looks(made)]
    for before, after in zip(clean, harmonise(clean, len(made.texels)), strict=True):
        assert np.abs(before.colour - after.colour).max() < 1e-6


@pytest.mark.parametrize("name", ["torus", "knot"])
def test_both_sides_of_a_uv_seam_show_the_same_colour(body: Bodies, name: str) -> None:
    made = body(name)
    colours = fill_unseen(*seen_colours(made), made.surface, made.texels)
    covered = made.texels.image(np.ones(len(made.texels), bool))
    pages = made.texels.image(colours)
    steps = seam_steps(made.surface, fill_gutters(pages, covered))
    assert steps.mean() * 255 <= 2.5
    assert seam_steps(made.surface, pages).mean() * 255 > 5


def test_no_texel_stays_empty(body: Bodies) -> None:
    made = body("chair")
    colours = fill_unseen(*seen_colours(made), made.surface, made.texels)
    covered = made.texels.image(np.ones(len(made.texels), bool))
    assert (colours.max(axis=1) > 0).all()
    assert (fill_gutters(made.texels.image(colours), covered).max(axis=-1) > 0).all()


def test_no_texel_takes_the_colour_of_another_object() -> None:
    surface = two_spheres()
    texels, rays = find_texels(surface, SIZE), Rays(surface)
    plan = plan_views(surface, texels, rays, 8, PICTURE)
    paint = np.float32([[1, 0, 0], [0, 0, 1]])
    views = []
    for camera in plan.cameras:
        view = render(surface, rays, camera, PICTURE)
        picture = np.where((view.face >= 0)[..., None], paint[surface.object_id[view.face]], 0.5).astype(np.float32)
        views.append(look_up(picture, view, surface, texels, rays))
    colours, weight = blend(views, len(texels))
    filled = fill_unseen(colours, weight > 0, surface, texels)
    wanted = paint[surface.object_id[texels.face]]
    assert np.abs(filled - wanted).max() < 1 / 255


def seen_colours(made: Body) -> tuple[np.ndarray, np.ndarray]:
    colours, weight = blend(looks(made), len(made.texels))
    return colours, weight > 0


def overlap_psnr(views: list[ViewColours], count: int) -> float:
    mean, _ = blend(views, count)
    times = np.zeros(count)
    for view in views:
        times[view.index] += 1
    errors = [(g.colour - mean[g.index])[times[g.index] > 1] for g in views]
    return psnr(np.concatenate(errors))


def seam_steps(surface: Surface, pages: np.ndarray) -> np.ndarray:
    """Differences of the bilinear colour at the middle of edges that lie at two places of the texture."""
    edges = np.concatenate([np.sort(surface.faces[:, [a, b]], axis=1) for a, b in ((0, 1), (1, 2), (2, 0))])
    flipped = np.concatenate([surface.faces[:, a] > surface.faces[:, b] for a, b in ((0, 1), (1, 2), (2, 0))])
    middles = np.concatenate([(surface.uvs[:, a] + surface.uvs[:, b]) / 2 for a, b in ((0, 1), (1, 2), (2, 0))])
    assert len(flipped) == len(edges)
    order = np.lexsort((edges[:, 1], edges[:, 0]))
    edges, middles = edges[order], middles[order]
    twin = (edges[1:] == edges[:-1]).all(axis=1) & (np.abs(middles[1:] - middles[:-1]).max(axis=1) > 1e-4)
    return np.abs(sampled(pages[0], middles[1:][twin]) - sampled(pages[0], middles[:-1][twin]))


def sampled(page: np.ndarray, uv: np.ndarray) -> np.ndarray:
    from scipy.ndimage import map_coordinates

    size = page.shape[0]
    at = np.stack([(1 - uv[:, 1]) * size - 0.5, uv[:, 0] * size - 0.5])
    return np.stack([map_coordinates(page[..., c], at, order=1, mode="nearest") for c in range(3)], axis=-1)


def two_spheres() -> Surface:
    """Two objects close together, each with its own half of the texture."""
    import trimesh

    from sd_core.mesh.unwrap import unwrap

    parts = [trimesh.creation.icosphere(3).apply_translation((x, 0, 0)) for x in (-1.02, 1.02)]
    both = trimesh.util.concatenate(parts)
    vertices, faces = np.asarray(both.vertices, np.float32), np.asarray(both.faces)
    uvs = unwrap(vertices, faces, SIZE)[0]
    owner = np.repeat([0, 1], len(parts[0].faces))
    return Surface(vertices=vertices, faces=faces, uvs=uvs, object_id=owner, material_id=owner * 0)


def test_the_knot_has_inner_sides_that_fixed_views_miss(body: Bodies) -> None:
    from sd_core.mesh.views import look_from

    made = body("knot")
    around = [
        look_from(np.array([np.cos(a), np.sin(a), 0.3]), made.surface, PICTURE) for a in np.arange(0, 6.28, 0.785)
    ]
    fixed = coverage(made.surface, made.texels, made.rays, around, PICTURE) > 0
    planned = coverage(made.surface, made.texels, made.rays, made.plan.cameras, PICTURE) > 0
    assert fixed.mean() < planned.mean() - 0.02


def test_every_view_is_next_to_one_before_it(body: Bodies) -> None:
    ways = [camera.matrix_world[:3, 2] for camera in body("knot").plan.cameras]
    for i in range(1, len(ways) - 1):
        nearest = [max(way @ before for before in ways[:i]) for way in ways[i:]]
        assert nearest[0] == max(nearest)


def test_shapes_are_closed() -> None:
    assert shapes.torus().is_watertight and shapes.knot().is_watertight


def test_texels_know_their_place(body: Bodies) -> None:
    made = body("torus")
    texels: Texels = made.texels
    uv = np.einsum("nk,nkd->nd", texels.weights, made.surface.uvs[texels.face])
    assert np.abs(uv[:, 0] * SIZE - 0.5 - texels.column).max() < 1e-2
    assert np.abs((1 - uv[:, 1]) * SIZE - 0.5 - texels.row).max() < 1e-2
    assert len(np.unique((texels.page * SIZE + texels.row) * SIZE + texels.column)) == len(texels)
