"""What the generated training pictures promise: exact depth, seamless textures, honest names."""

import os
import subprocess
import sys

import numpy as np
import pytest
from numpy.typing import NDArray

from sd_core.training.data import (
    COLOURS,
    HELD_OUT_PAIRS,
    MATERIALS,
    MODIFIERS,
    Colour,
    Material,
    Modifier,
    SampleKind,
    make_sample,
    vocabulary,
)
from sd_core.training.data.bodies import BODIES, Shape, bounding_radius, make_body
from sd_core.training.data.camera import Camera, look_at
from sd_core.training.data.cells import scattered_points, voronoi
from sd_core.training.data.colours import colour_rgb, varied_rgb
from sd_core.training.data.distances import balls, torus
from sd_core.training.data.noise import Plane
from sd_core.training.data.shading import lit_flat, make_surface
from sd_core.training.data.solids import Ellipsoid, Field, Solid, dot, sphere_span, vector
from sd_core.training.data.terrain import make_terrain
from sd_core.training.data.tracer import Thing, cast
from sd_core.training.data.words import MODIFIER_WORDS


def texture(
    material: Material,
    modifiers: tuple[Modifier, ...] = (),
    shape: tuple[int, int] = (128, 128),
    seed: int = 3,
    colour: Colour = COLOURS[0],
    size: float = 24.0,
) -> NDArray[np.uint8]:
    rng = np.random.default_rng(seed)
    return lit_flat(make_surface(rng, shape, material, colour_rgb(colour), modifiers, size), rng)


def words_of(caption: str) -> set[str]:
    return set(caption.replace(",", " ").split())


def neighbour_steps(image: NDArray[np.uint8], axis: int) -> tuple[NDArray[np.float32], float]:
    """Mean difference of neighbouring rows or columns: within the picture, and over its edge."""
    steps = np.abs(np.diff(image.astype(np.float32), axis=axis)).mean(tuple(a for a in range(3) if a != axis))
    over = np.abs(np.take(image, 0, axis).astype(np.float32) - np.take(image, -1, axis)).mean()
    return steps, over


@pytest.mark.parametrize("material", MATERIALS)
@pytest.mark.parametrize("shape", [(64, 64), (96, 128), (256, 136)])
def test_textures_wrap_at_both_edges(material: Material, shape: tuple[int, int]) -> None:
    image = texture(material, shape=shape)
    for axis in (0, 1):
        steps, over = neighbour_steps(image, axis)
        assert over <= 1.25 * steps.max() + 1


@pytest.mark.parametrize("modifier", MODIFIERS)
def test_modifiers_keep_textures_seamless_and_change_them(modifier: Modifier) -> None:
    plain, changed = texture(Material.BRICK), texture(Material.BRICK, (modifier,))
    assert np.abs(plain.astype(int) - changed).mean() > 6
    for axis in (0, 1):
        steps, over = neighbour_steps(changed, axis)
        assert over <= 1.25 * steps.max() + 1


@pytest.mark.parametrize("material", MATERIALS)
def test_no_material_has_detail_finer_than_the_autoencoder_keeps(material: Material) -> None:
    image = texture(material, size=20.0, seed=5).astype(np.float32).mean(-1)
    power = np.abs(np.fft.fft2(image - image.mean())) ** 2
    frequency = np.hypot(np.fft.fftfreq(128)[:, None], np.fft.fftfreq(128)[None])
    assert power[frequency > 1 / 4].sum() < 0.01 * power.sum()


@pytest.mark.parametrize("material", MATERIALS)
def test_features_have_the_same_size_in_larger_pictures(material: Material) -> None:
    def wavelength(shape: tuple[int, int]) -> float:
        image = np.stack([texture(material, shape=shape, seed=s).astype(np.float32).mean(-1) for s in range(3)])
        power = (np.abs(np.fft.fft2(image - image.mean((1, 2), keepdims=True))) ** 2).sum(0)
        frequency = np.hypot(np.fft.fftfreq(shape[0])[:, None], np.fft.fftfreq(shape[1])[None])
        return power.sum() / (power * frequency).sum()

    assert wavelength((256, 256)) == pytest.approx(wavelength((128, 128)), rel=0.35)


def test_the_named_colour_dominates_every_material() -> None:
    centres = np.stack([colour_rgb(c) for c in COLOURS])
    for material in MATERIALS:
        for number, colour in enumerate(COLOURS):
            image = texture(material, colour=colour, shape=(64, 64)).reshape(-1, 3) / 255
            away = np.abs(image[:, None] - centres).sum(-1).argmin(-1)
            share = np.bincount(away, minlength=len(COLOURS)) / len(image)
            assert share[number] > 0.12, (material, colour, share)


def test_colours_vary_and_stay_apart() -> None:
    rng = np.random.default_rng(0)
    centres = np.stack([colour_rgb(c) for c in COLOURS])
    for number, colour in enumerate(COLOURS):
        shades = np.stack([varied_rgb(colour, rng) for _ in range(100)])
        assert shades.std(0).max() > 0.003
        assert (np.linalg.norm(shades[:, None] - centres, axis=-1).argmin(-1) == number).all()


def test_a_sample_is_a_function_of_its_arguments() -> None:
    script = (
        "import hashlib; from sd_core.training.data import make_sample\n"
        "h = hashlib.sha256()\n"
        "for s in range(4):\n"
        "    x = make_sample(s, 64, 96); h.update(x.image.tobytes() + x.caption.encode())\n"
        "    h.update(b'' if x.depth is None else x.depth.tobytes())\n"
        "print(h.hexdigest())"
    )
    runs = [
        subprocess.run(
            [sys.executable, "-c", script],
            env={**os.environ, "PYTHONHASHSEED": str(salt)},
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for salt in (1, 2)
    ]
    assert runs[0] == runs[1] != ""


def test_different_seeds_differ() -> None:
    images = [make_sample(s, 64, 64, kind=SampleKind.TEXTURE, material=Material.BRICK).image for s in range(4)]
    assert all((images[0] != image).any() for image in images[1:])


@pytest.mark.parametrize("shape", [(64, 64), (64, 200), (256, 192), (512, 512)])
@pytest.mark.parametrize("kind", SampleKind)
def test_every_size_has_its_picture_and_depth(shape: tuple[int, int], kind: SampleKind) -> None:
    sample = make_sample(11, *shape, kind=kind)
    assert sample.image.shape == (*shape, 3)
    assert sample.image.dtype == np.uint8
    assert sample.kind == kind
    if kind is SampleKind.TEXTURE:
        assert sample.depth is None
    else:
        assert sample.depth is not None
        assert sample.depth.shape == shape
        assert sample.depth.dtype == np.float32
        assert (sample.depth > 0).all()


@pytest.mark.parametrize(("height", "width", "name"), [(60, 64, "height"), (64, 520, "width"), (100, 64, "height")])
def test_other_sizes_are_refused_by_name(height: int, width: int, name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} must be a multiple of 8 from 64 to 512"):
        make_sample(0, height, width)


def test_held_out_pairs_are_a_tenth_and_leave_everything_to_learn_from() -> None:
    assert len(HELD_OUT_PAIRS) == round(len(MATERIALS) * len(COLOURS) / 10)
    for index, names in enumerate((MATERIALS, COLOURS)):
        counts = [sum(pair[index] == name for pair in HELD_OUT_PAIRS) for name in names]
        assert min(counts) >= 1
        assert max(counts) <= 3


def test_held_out_pairs_occur_only_where_asked_for() -> None:
    for seed in range(60):
        kept, trained = (
            make_sample(seed, 64, 64, kind=SampleKind.TEXTURE, held_out=held_out) for held_out in (True, False)
        )
        assert (kept.material, kept.colour) in HELD_OUT_PAIRS
        assert (trained.material, trained.colour) not in HELD_OUT_PAIRS
    material, colour = min(HELD_OUT_PAIRS)
    assert make_sample(0, 64, 64, material=material, colour=colour, held_out=True).colour == colour
    with pytest.raises(ValueError, match=f"{colour} {material} is held out"):
        make_sample(0, 64, 64, material=material, colour=colour)


def test_captions_use_known_words_only_and_are_plain() -> None:
    captions = [make_sample(seed, 64, 64).caption for seed in range(150)]
    assert set().union(*map(words_of, captions)) <= vocabulary()
    assert all(caption == caption.lower() and "{" not in caption and "  " not in caption for caption in captions)
    assert len(set(captions)) > 120
    assert 150 < len(vocabulary()) < 500


def test_captions_name_visible_modifiers() -> None:
    samples = [make_sample(seed, 64, 64, kind=SampleKind.SCENE) for seed in range(40)]
    named = [
        any(word in sample.caption for word in MODIFIER_WORDS[modifier])
        for sample in samples
        for modifier in sample.modifiers
    ]
    assert len(named) > 5 and all(named)


def ball_hits(solid: Solid) -> tuple[Plane, Plane, Camera, Plane]:
    camera = look_at(np.asarray((3.0, -4.0, 2.0)), np.asarray((0.3, 0.2, 0.1)), 90.0, (96, 128))
    y, x = (grid.ravel().astype(np.float32) + 0.5 for grid in np.indices(camera.shape))
    rays = camera.rays(y, x)
    rotation = np.eye(3, dtype=np.float32)
    thing = Thing(solids=(solid,), rotation=rotation, position=vector(0.2, 0.1, 0.3), scale=1.3, finish=0)
    enter, _ = sphere_span(camera.position, rays.astype(np.float64), thing.position.astype(np.float64), 1.3)
    return cast((thing,), camera.position, rays).t, enter, camera, rays


@pytest.mark.parametrize(
    "solid",
    [
        Ellipsoid(centre=vector(0, 0, 0), radii=vector(1, 1, 1)),
        Field(centre=vector(0, 0, 0), radius=1.2, distance=lambda p: np.sqrt(dot(p, p)) - np.float32(1)),
    ],
    ids=["closed form", "traced"],
)
def test_depth_of_a_ball_is_exact(solid: Solid) -> None:
    t, exact, camera, rays = ball_hits(solid)
    seen = np.isfinite(exact)
    assert (np.isfinite(t) == seen).mean() > 0.999
    both = seen & np.isfinite(t)
    error = np.abs(t[both] - exact[both])
    assert error.max() < 2e-2  # where rays graze the rim
    assert np.quantile(error, 0.99) < 1e-4
    assert error.mean() < 1e-4
    points = camera.position + t[both, None] * rays[both]
    assert (points - camera.position) @ camera.axes[2] == pytest.approx(t[both], rel=1e-4)  # planar, not along the ray


@pytest.mark.parametrize("shape", BODIES)
def test_hits_lie_on_the_surface_and_normals_face_the_camera(shape: Shape) -> None:
    body = make_body(shape, np.random.default_rng(4))
    thing = Thing(
        solids=body.solids, rotation=np.eye(3, dtype=np.float32), position=vector(0, 0, 0), scale=1.0, finish=0
    )
    camera = look_at(np.asarray((2.5, -3.5, 1.6)), np.zeros(3), 60.0, (64, 64))
    y, x = (grid.ravel().astype(np.float32) + 0.5 for grid in np.indices(camera.shape))
    rays = camera.rays(y, x)
    hits = cast((thing,), camera.position, rays)
    seen = np.isfinite(hits.t)
    assert 0.04 < seen.mean() < 0.9
    points = camera.position + hits.t[seen, None] * rays[seen]
    assert np.linalg.norm(points, axis=-1).max() < bounding_radius(body.solids) * 1.01
    for index, solid in enumerate(body.solids):
        here = hits.solid[seen] == index
        if here.any():
            normals = solid.normals(points[here])
            assert np.linalg.norm(normals, axis=-1) == pytest.approx(1, abs=1e-3)
            assert (dot(normals, rays[seen][here]) < 0.1).mean() > 0.98
            if isinstance(solid, Field):
                assert np.abs(solid.distance(points[here])).max() < 0.01


def test_blends_never_overestimate_the_distance() -> None:
    rng = np.random.default_rng(2)
    centres, radii = rng.normal(size=(5, 3)).astype(np.float32) * 0.4, np.full(5, 0.4, np.float32)
    for field in (balls(centres, radii, 0.2), torus(0.7, 0.2)):
        points = rng.uniform(-1.5, 1.5, (4000, 3)).astype(np.float32)
        steps = rng.normal(size=points.shape).astype(np.float32) * 0.1
        change = np.abs(field.distance(points + steps) - field.distance(points))
        assert (change <= np.linalg.norm(steps, axis=-1) * 1.001 + 1e-4).all()


def test_landscapes_are_met_where_the_ground_is() -> None:
    terrain = make_terrain(np.random.default_rng(8))
    camera = look_at(np.asarray((1.0, 2.0, terrain.top + 1.0)), np.asarray((5.0, 4.0, 0.0)), 60.0, (64, 64))
    y, x = (grid.ravel().astype(np.float32) + 0.5 for grid in np.indices(camera.shape))
    rays = camera.rays(y, x)
    t = terrain.cast(camera.position, rays, 30.0)
    seen = np.isfinite(t)
    assert seen.mean() > 0.4
    points = camera.position + t[seen, None] * rays[seen]
    assert np.abs(points[:, 2] - terrain.altitude(points[:, 0], points[:, 1])).max() < 5e-3


def test_cells_belong_to_the_nearest_point_across_the_edges() -> None:
    rng = np.random.default_rng(1)
    shape = (64, 96)
    points = scattered_points(rng, shape, 17, 0.48)
    cells = voronoi(points, shape)
    y, x = np.indices(shape) + 0.5
    delta = np.abs(np.stack([y, x], -1)[:, :, None] - points)
    delta = np.minimum(delta, np.asarray(shape) - delta)
    assert (cells.index == (delta**2).sum(-1).argmin(-1)).all()
    assert (cells.edge > -1e-3).all()
