"""Light on a stage: the picture of a scene and its depth."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from sd_core.training.data.colours import apply_tone
from sd_core.training.data.finish import CHANNELS, LEVELS, Finish
from sd_core.training.data.noise import Plane, smoothstep
from sd_core.training.data.shading import reflected_sky, to_bytes
from sd_core.training.data.solids import dot, unit
from sd_core.training.data.stage import GROUND, Light, Scene, depth_of, first_hits, normals_at
from sd_core.training.data.tracer import NOTHING, Hits, cast


def render(scene: Scene) -> tuple[NDArray[np.uint8], Plane]:
    """The picture (h, w, 3) uint8 and the planar depth (h, w) float32 of its pixel centres."""
    height, width = scene.camera.shape
    y, x = np.indices((height, width), np.float32) + np.float32(0.5)
    rays = scene.camera.rays(y.ravel(), x.ravel())
    hits = first_hits(scene, scene.camera.position, rays)
    depth = depth_of(hits).reshape(height, width)
    sun = _sunlight(scene, hits, rays)
    occlusion = _occlusion(depth, scene.camera.focal)
    picture = _colours(scene, hits, rays, y.ravel(), sun.ravel(), occlusion.ravel()).reshape(height, width, 3)
    edges = np.flatnonzero(_edges(hits, depth))
    if len(edges):
        around = _edge_colours(scene, y.ravel()[edges], x.ravel()[edges], sun.ravel()[edges], occlusion.ravel()[edges])
        flat = picture.reshape(-1, 3)
        flat[edges] = (flat[edges] + around.sum(0)) / np.float32(1 + len(around))
    return to_bytes(ndimage.gaussian_filter(picture, (0.45, 0.45, 0))), depth


def _edges(hits: Hits, depth: Plane) -> NDArray[np.bool_]:
    """Pixels (n,) where something else begins in a neighbour."""
    # 1 / depth of a plane is linear over the picture, so that its second difference shows folds and steps alone
    near = np.where(np.isfinite(depth), 1 / np.maximum(depth, 1e-3), 0).astype(np.float32)
    label = (hits.thing.astype(np.int32) * 64 + hits.solid).reshape(depth.shape)
    edge = np.zeros(depth.shape, bool)
    for axis in (0, 1):
        rows, others, bent = label.swapaxes(0, axis), edge.swapaxes(0, axis), near.swapaxes(0, axis)
        jump = rows[1:] != rows[:-1]
        others[1:] |= jump
        others[:-1] |= jump
        second = np.abs(bent[2:] - 2 * bent[1:-1] + bent[:-2])
        others[1:-1] |= second > 0.03 * bent[1:-1] + 1e-4
    return edge.ravel()


def _edge_colours(scene: Scene, y: Plane, x: Plane, sun: Plane, occlusion: Plane) -> Plane:
    """Colours (4, n, 3) of four further rays through each of some pixels."""
    offsets = np.asarray(((-0.375, -0.125), (-0.125, 0.375), (0.375, 0.125), (0.125, -0.375)), np.float32)
    ys, xs = np.concatenate([y + o[0] for o in offsets]), np.concatenate([x + o[1] for o in offsets])
    rays = scene.camera.rays(ys, xs)
    hits = first_hits(scene, scene.camera.position, rays)
    colours = _colours(scene, hits, rays, ys, np.tile(sun, 4), np.tile(occlusion, 4))
    return colours.reshape(4, -1, 3)


def _sunlight(scene: Scene, hits: Hits, rays: Plane) -> Plane:
    """Share (h, w) of the sun that reaches each hit past the things, from every other row and column, softened."""
    height, width = scene.camera.shape
    some = np.arange(height * width).reshape(height, width)[::2, ::2].ravel()
    light = np.ones(len(some), np.float32)
    seen = np.flatnonzero(hits.thing[some] != NOTHING)
    if scene.things and len(seen):
        at = some[seen]
        met = Hits(t=hits.t[at], thing=hits.thing[at], solid=hits.solid[at])
        points = scene.camera.position + met.t[:, None] * rays[at]
        normals = normals_at(scene, met, points)
        facing = np.flatnonzero(normals @ scene.light.direction > 0.02)
        starts = points[facing] + normals[facing] * np.float32(0.012)
        toward = np.broadcast_to(scene.light.direction, starts.shape)
        light[seen[facing]] = ~np.isfinite(cast(scene.things, starts, toward).t)
    grid = light.reshape(height // 2, width // 2).repeat(2, 0).repeat(2, 1)
    return ndimage.gaussian_filter(grid, 1.2)


def _occlusion(depth: Plane, focal: float) -> Plane:
    """Dimming (h, w) where something nearer stands close by: contact shadows in screen space."""
    near = np.where(np.isfinite(depth), 1 / np.maximum(depth, 1e-3), 0).astype(np.float32)
    top = max(float(near.max()), 1e-6)
    dim = np.ones_like(near)
    for sigma, strength in ((0.018, 0.34), (0.05, 0.3)):
        excess = ndimage.gaussian_filter(near, sigma * focal) - near
        dim -= np.float32(strength) * smoothstep(0.0, 0.22, excess / top)
    return np.where(np.isfinite(depth), dim, 1).astype(np.float32)


def _backdrop(scene: Scene, y: Plane) -> Plane:
    share = (y / np.float32(scene.camera.shape[0]))[:, None]
    return scene.backdrop[0] * (1 - share) + scene.backdrop[1] * share


def _colours(scene: Scene, hits: Hits, rays: Plane, y: Plane, sun: Plane, occlusion: Plane) -> Plane:
    """Colours (n, 3) of hits; `sun` and `occlusion` (n,) come from the coarser passes."""
    picture = _backdrop(scene, y).astype(np.float32)
    seen = np.flatnonzero(hits.thing != NOTHING)
    if not len(seen):
        return picture
    some = Hits(t=hits.t[seen], thing=hits.thing[seen], solid=hits.solid[seen])
    rays, points = rays[seen], scene.camera.position + hits.t[seen, None] * rays[seen]
    normals = normals_at(scene, some, points)
    finished = _surface_of_hits(scene, some, rays, points, normals)
    colour = _lit(scene.light, rays, finished, sun[seen], occlusion[seen])
    veil = np.exp(-np.float32(scene.haze) * np.clip(hits.t[seen] - 3, 0, None))[:, None]
    picture[seen] = picture[seen] + (colour - picture[seen]) * veil
    return picture


def _surface_of_hits(
    scene: Scene, hits: Hits, rays: Plane, points: Plane, normals: Plane
) -> tuple[Plane, Plane, Plane]:
    """Texels (n, c), bumped normals (n, 3) and gloss (n,) of hits."""
    texels = np.zeros((len(points), CHANNELS), np.float32)
    bumped, gloss = normals.copy(), np.zeros(len(points), np.float32)
    tilt = np.abs(dot(unit(rays), normals))
    spread = hits.t / np.float32(scene.camera.focal) / np.sqrt(np.clip(tilt, 0.2, 1))
    for number in np.unique(hits.thing):
        at = np.flatnonzero(hits.thing == number)
        finish = scene.finishes[scene.floor or 0] if number == GROUND else scene.finishes[scene.things[number].finish]
        gloss[at] = finish.gloss
        level = _level(finish, spread[at])
        if number == GROUND:
            texels[at], bump = finish.triplanar(points[at], np.abs(normals[at]), level)
        else:
            thing = scene.things[number]
            local = thing.to_local(points[at]).astype(np.float32) * np.float32(thing.scale)
            texels[at], bump = finish.triplanar(local, normals[at] @ thing.rotation, level)
            bump = bump @ thing.rotation.T
        bump -= dot(bump, normals[at])[:, None] * normals[at]
        bumped[at] = unit(normals[at] - np.float32(finish.height_scale) * bump)
    return texels, bumped, gloss


def _level(finish: Finish, spread: Plane) -> Plane:
    """Levels of the pyramid (n,) at which a texel is about as wide as a pixel is there, in scene units."""
    texels = np.maximum(spread * np.float32(finish.density), 1e-6)
    return np.clip(np.log2(texels) - np.float32(0.6), 0, LEVELS - 1).astype(np.float32)


def _lit(light: Light, rays: Plane, finished: tuple[Plane, Plane, Plane], sun: Plane, occlusion: Plane) -> Plane:
    """Colours (n, 3) of finished points under the light."""
    texels, normals, gloss = finished
    diffuse = np.clip(normals @ light.direction, 0, 1) * sun
    sky = np.float32(light.sky) * (0.72 + 0.28 * normals[:, 2])
    level = (sky + np.float32(light.sun) * diffuse) * occlusion
    level += (1 - level) * 0.8 * texels[:, 5]
    colour = apply_tone(texels[:, :3], level.astype(np.float32))
    view = -unit(rays)
    half = unit(view + light.direction)
    shine = gloss * sun * 0.55 * np.clip(dot(normals, half), 0, 1) ** 48
    mirror = 2 * dot(view, normals)[:, None] * normals - view
    shine += gloss * 0.16 * occlusion * reflected_sky(mirror[:, 0] * 0.6, -mirror[:, 2] * 0.5)
    return colour + np.clip(shine, 0, 0.8)[:, None] * (0.97 - colour)
