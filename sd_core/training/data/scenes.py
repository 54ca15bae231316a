"""Composing stages: which bodies stand where, seen from where, under which light."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
from scipy.spatial.transform import Rotation

from sd_core.training.data.bodies import BODIES, UPRIGHT, Body, Shape, make_body
from sd_core.training.data.camera import Camera, look_at
from sd_core.training.data.colours import RGB, Colour, colour_rgb, luma
from sd_core.training.data.finish import Finish, make_finish
from sd_core.training.data.materials import Material
from sd_core.training.data.modifiers import Modifier
from sd_core.training.data.noise import Plane
from sd_core.training.data.shading import make_surface
from sd_core.training.data.solids import unit
from sd_core.training.data.stage import Light, Scene
from sd_core.training.data.surface import grey
from sd_core.training.data.terrain import Terrain, make_terrain
from sd_core.training.data.tracer import Thing, cast, lowest_point


class Setting(StrEnum):
    """How a scene is laid out."""

    SINGLE = "single"
    GROUP = "group"
    LANDSCAPE = "landscape"


class Floor(StrEnum):
    """What the bodies stand on."""

    NONE = "none"
    PLAIN = "plain"
    MATERIAL = "material"


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneDescription:
    """What a caption may say about a scene."""

    setting: Setting
    shapes: tuple[Shape, ...]
    floor: Floor
    floor_material: Material
    floor_colour: Colour
    backdrop: float
    """Brightness of the background, 0 to 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneMaterial:
    """The named material of a scene."""

    material: Material
    rgb: RGB
    modifiers: tuple[Modifier, ...]


_LIKELY = {
    Shape.SPHERE: 2.0,
    Shape.BLOB: 2.0,
    Shape.HEAD: 2.0,
    Shape.BOX: 1.6,
    Shape.TABLE: 1.4,
    Shape.ROCK: 1.3,
    Shape.TORUS: 1.3,
}
_FLOORS = (Material.PLANKS, Material.TILES, Material.CONCRETE, Material.SAND, Material.CHECKER, Material.COBBLESTONE)


def describe(rng: np.random.Generator, rgb: RGB) -> SceneDescription:
    """Draws what a scene shows; the background keeps away from the brightness of the colour."""
    setting = Setting(str(rng.choice(["single", "group", "landscape"], p=[0.5, 0.33, 0.17])))
    weights = np.asarray([_LIKELY.get(shape, 1.0) for shape in BODIES])
    count = {Setting.SINGLE: 1, Setting.GROUP: int(rng.integers(2, 6)), Setting.LANDSCAPE: 0}[setting]
    shapes = [BODIES[i] for i in rng.choice(len(BODIES), count, p=weights / weights.sum())]
    if count > 1 and rng.random() < 0.45:
        shapes = [shapes[0]] * count
    elif count > 2:
        shapes = [shapes[i % 2] for i in range(count)]
    floor = Floor(
        str(rng.choice(["none", "plain", "material"], p=[0.28, 0.6, 0.12] if count == 1 else [0.1, 0.75, 0.15]))
    )
    bright = float(rng.uniform(0.06, 0.94))
    if abs(bright - luma(rgb)) < 0.2:
        bright = bright - 0.32 if luma(rgb) > 0.5 else bright + 0.32
    return SceneDescription(
        setting=setting,
        shapes=tuple(shapes),
        floor=floor,
        floor_material=_FLOORS[int(rng.integers(len(_FLOORS)))],
        floor_colour=(Colour.GREY, Colour.WHITE)[int(rng.integers(2))],
        backdrop=float(np.clip(bright, 0.04, 0.95)),
    )


def compose(
    rng: np.random.Generator, material: SceneMaterial, about: SceneDescription, shape: tuple[int, int]
) -> Scene:
    """A stage for a picture of `shape` (h, w) px."""
    if about.setting is Setting.LANDSCAPE:
        return _landscape(rng, material, about, shape)
    things = _place_bodies(rng, [make_body(s, rng) for s in about.shapes], about.floor is not Floor.NONE)
    camera, reach = _orbit(rng, things, about.floor is not Floor.NONE, shape)
    finishes = [_finish(rng, material, camera, reach)]
    if about.floor is not Floor.NONE:
        finishes.append(_floor_finish(rng, about, camera, reach, material.rgb))
    return Scene(
        camera=camera,
        things=tuple(things),
        finishes=tuple(finishes),
        light=_light(rng, camera),
        terrain=None,
        backdrop=_backdrop(rng, about.backdrop),
        floor=1 if len(finishes) > 1 else None,
        haze=0.12 / reach,
    )


def _turn(rng: np.random.Generator, upright: bool) -> Plane:
    if upright:
        return Rotation.from_euler("z", rng.uniform(0, 360), degrees=True).as_matrix().astype(np.float32)
    quaternion = rng.normal(size=4)
    return Rotation.from_quat(quaternion).as_matrix().astype(np.float32)


def _place_bodies(rng: np.random.Generator, bodies: list[Body], floor: bool) -> list[Thing]:
    """Bodies side by side (or, without a floor, anywhere), the first in the middle; some overlap in the picture."""
    things: list[Thing] = []
    for number, body in enumerate(bodies):
        upright = (body.shape in UPRIGHT and (floor or rng.random() < 0.6)) or rng.random() < 0.35
        rotation = _turn(rng, upright)
        scale = float(rng.uniform(0.6, 1.1)) if number else 1.0
        position = np.zeros(3, np.float32)
        thing = Thing(solids=body.solids, rotation=rotation, position=position, scale=scale, finish=0)
        for _ in range(12):
            spread = rng.uniform(0.7, 1.0 + 0.3 * len(bodies))
            angle = rng.uniform(0, 2 * np.pi)
            aside = (spread * np.cos(angle), spread * np.sin(angle), 0 if floor else rng.uniform(-0.9, 0.9))
            position = np.asarray(aside if number else (0, 0, 0), np.float32)
            if all(
                np.linalg.norm(position - other.position) > 0.62 * (thing.radius + other.radius) for other in things
            ):
                break
        if floor:
            position[2] = -scale * lowest_point(body.solids, rotation)
        things.append(replace(thing, position=position))
    return things


def _orbit(rng: np.random.Generator, things: list[Thing], floor: bool, shape: tuple[int, int]) -> tuple[Camera, float]:
    """A camera around the things, and its distance to their middle."""
    places = np.stack([thing.position for thing in things])
    middle = places.mean(0)
    extent = max(float(np.linalg.norm(t.position - middle)) + 0.92 * t.radius for t in things)
    half_view = np.tan(np.radians(rng.uniform(26, 60)) / 2)
    distance = extent / half_view * 0.9 + 0.4 * extent
    low, high = (6, 48) if floor else (-25, 40)
    elevation, azimuth = np.radians(rng.uniform(low, high)), rng.uniform(0, 2 * np.pi)
    away = np.asarray((np.cos(azimuth) * np.cos(elevation), np.sin(azimuth) * np.cos(elevation), np.sin(elevation)))
    position = middle + away * distance
    if floor:
        position[2] = max(position[2], 0.25)
    camera = look_at(position, middle, min(shape) / 2 / half_view, shape, float(rng.normal(0, 0.03)))
    return _aim_camera(rng, camera, things), float(distance)


def _aim_camera(rng: np.random.Generator, camera: Camera, things: list[Thing]) -> Camera:
    """The camera aimed and zoomed so that the things fill most of the picture, or overflow it."""
    height, width = camera.shape
    y, x = (
        g.ravel().astype(np.float32)
        for g in np.meshgrid(np.linspace(-0.6, 1.6, 32) * height, np.linspace(-0.6, 1.6, 32) * width, indexing="ij")
    )
    seen = np.isfinite(cast(tuple(things), camera.position, camera.rays(y, x)).t)
    if not seen.any():
        return camera
    box = np.asarray((y[seen].min(), y[seen].max(), x[seen].min(), x[seen].max()), np.float32)
    fill = rng.uniform(0.72, 1.0) if rng.random() < 0.82 else rng.uniform(1.05, 1.7)
    zoom = fill / max((box[1] - box[0]) / height + 0.05, (box[3] - box[2]) / width + 0.05)
    slack = np.float32(0.5 * abs(1 - fill)) / zoom
    aim = [(box[i] + box[i + 1]) / 2 + rng.uniform(-0.6, 0.6) * slack * n for i, n in ((0, height), (2, width))]
    ray = camera.rays(np.asarray(aim[:1], np.float32), np.asarray(aim[1:], np.float32))[0]
    roll = np.arcsin(np.clip(-camera.axes[0, 2], -1, 1))
    return look_at(camera.position, camera.position + ray, camera.focal * float(zoom), camera.shape, float(-roll))


def _density(rng: np.random.Generator, camera: Camera, reach: float) -> float:
    """Texels per scene unit which make a texel about a pixel wide at distance `reach`."""
    return camera.focal / reach / rng.uniform(0.6, 0.95)


def _tile(camera: Camera) -> tuple[int, int]:
    side = 128 if max(camera.shape) <= 256 else 256
    return side, side


def _finish(rng: np.random.Generator, material: SceneMaterial, camera: Camera, reach: float) -> Finish:
    size = float(np.exp(rng.uniform(np.log(24), np.log(42))))
    surface = make_surface(rng, _tile(camera), material.material, material.rgb, material.modifiers, size)
    return make_finish(surface, _density(rng, camera, reach))


def _floor_finish(rng: np.random.Generator, about: SceneDescription, camera: Camera, reach: float, rgb: RGB) -> Finish:
    """A quiet plain floor, or a named material in a neutral colour."""
    density = _density(rng, camera, reach)
    if about.floor is Floor.MATERIAL:
        surface = make_surface(
            rng, (128, 128), about.floor_material, colour_rgb(about.floor_colour), (), float(rng.uniform(18, 36))
        )
        return make_finish(replace(surface, gloss=surface.gloss * 0.3), density)
    bright = float(rng.uniform(0.25, 0.8))
    if abs(bright - luma(rgb)) < 0.14:
        bright += 0.25 if bright < 0.5 else -0.25
    surface = make_surface(rng, (64, 64), Material.CONCRETE, grey(bright), (), 40.0)
    calm = surface.albedo.mean((0, 1))
    return make_finish(
        replace(surface, albedo=calm + (surface.albedo - calm) * 0.3, height=surface.height * 0.1), density
    )


def _light(rng: np.random.Generator, camera: Camera) -> Light:
    """A sun behind the camera's shoulder, so that what is seen is lit, with a sky that keeps shadows readable."""
    right, _, forward = camera.axes
    side = rng.uniform(0.35, 1.0) * (1 if rng.random() < 0.5 else -1)
    level = np.asarray((forward[0], forward[1], 0))
    direction = right * side - level * rng.uniform(-0.1, 0.9) + np.asarray((0, 0, rng.uniform(0.7, 1.4)))
    sky = float(rng.uniform(0.56, 0.72))
    return Light(direction=unit(direction.astype(np.float32)), sun=1.16 - sky + float(rng.uniform(0, 0.1)), sky=sky)


def _backdrop(rng: np.random.Generator, bright: float) -> Plane:
    tilt = rng.uniform(-0.14, 0.14)
    colours = np.stack([grey(bright + tilt), grey(bright - tilt)])
    return np.clip(colours + rng.uniform(-0.012, 0.012, 3), 0.02, 0.97).astype(np.float32)


def _landscape(
    rng: np.random.Generator, material: SceneMaterial, about: SceneDescription, shape: tuple[int, int]
) -> Scene:
    terrain = make_terrain(rng)
    focal = min(shape) / 2 / np.tan(np.radians(rng.uniform(34, 62)) / 2)
    x, y = rng.uniform(0, terrain.period, 2)
    angle, ahead = rng.uniform(0, 2 * np.pi), rng.uniform(3, 6)
    target = np.asarray((x + np.cos(angle) * ahead, y + np.sin(angle) * ahead, 0.0))
    ground = terrain.altitude(*(np.asarray([v], np.float32) for v in (x, y)))[0]
    position = np.asarray((x, y, max(ground, 0.35 * terrain.top) + rng.uniform(0.6, 2.2)))
    target[2] = terrain.heights.mean() + rng.uniform(-0.3, 0.5)
    camera = look_at(position, target, focal, shape)
    bright = float(np.clip(about.backdrop, 0.5, 0.95)) if luma(material.rgb) < 0.75 else 0.45
    sky = np.stack([grey(bright) * (0.86, 0.94, 1.04), grey(min(bright + 0.1, 0.96))])
    return Scene(
        camera=camera,
        things=(),
        finishes=(_finish(rng, material, camera, ahead),),
        light=_light(rng, camera),
        terrain=terrain,
        backdrop=np.clip(sky, 0, 0.97).astype(np.float32),
        floor=0,
        haze=float(rng.uniform(0.02, 0.07)),
    )


__all__ = ["Floor", "SceneDescription", "SceneMaterial", "Setting", "Terrain", "cast", "compose", "describe"]
