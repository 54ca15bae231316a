"""Noise that belongs to surfaces is white in every frame, and goes with them."""

from __future__ import annotations

import numpy as np
import pytest

from sd_core.animation.geometry.frame_geometry import FrameGeometry, frame_geometry
from sd_core.animation.geometry.sampling import bilinear
from sd_core.animation.reuse.surface_noise import surface_noise
from sd_core.passes import project
from sd_core.values import Array
from tests.animation import worlds

SIZE, SCALE = 256, 8


def orbit(count: int) -> list[tuple[float, float, float]]:
    """A closed path that pans and zooms."""
    turns = [2 * np.pi * index / count for index in range(count)]
    return [(0.9 * np.sin(turn), 0.5 * np.sin(2 * turn), 0.7 * (np.cos(turn) - 1)) for turn in turns]


@pytest.fixture(scope="module")
def frames() -> list[Array]:
    path = orbit(100)
    chosen = [*range(4), 50, 51, 52, 53]
    views = {index: frame_geometry(worlds.frame(index, path, size=SIZE)) for index in chosen}
    return [surface_noise(views[index], 3, 4, SCALE) for index in chosen]


def test_it_has_unit_variance_and_no_mean(frames: list[Array]) -> None:
    for noise in frames:
        assert 0.93 <= noise.var() <= 1.07
        assert abs(noise.mean()) <= 4 / np.sqrt(noise.size)


def test_neighbouring_latents_are_independent(frames: list[Array]) -> None:
    for noise in frames:
        for one, other in ((noise[:, :, 1:], noise[:, :, :-1]), (noise[:, 1:], noise[:, :-1]), (noise[1:], noise[:-1])):
            assert abs((one * other).mean()) <= 4 / np.sqrt(one.size)


def test_a_closed_path_ends_with_the_noise_it_began_with() -> None:
    path = orbit(12)
    first = worlds.frame(0, [*path, path[0]], size=64)
    last = worlds.frame(12, [*path, path[0]], size=64)
    assert np.array_equal(
        surface_noise(frame_geometry(first), 1, 4, SCALE), surface_noise(frame_geometry(last), 1, 4, SCALE)
    )


def kept(here: FrameGeometry, noise: Array, before: FrameGeometry, earlier: Array) -> float:
    """Correlation of two frames' noise along the surface, at the middles of the latents."""
    assert here.position is not None and before.passes.camera is not None
    middle = slice(SCALE // 2, None, SCALE)
    at = (project(here.position, before.passes.camera)[0][middle, middle] - SCALE / 2) / SCALE
    inside = (at >= 0).all(-1) & (at <= SIZE // SCALE - 1).all(-1)
    was = bilinear(earlier.transpose(1, 2, 0), at)[inside]
    return float(np.corrcoef(was.ravel(), noise.transpose(1, 2, 0)[inside].ravel())[0, 1])


def test_it_goes_with_the_surface_over_any_lag() -> None:
    path = [(0.3 * np.sin(turn), 0.2 * np.cos(turn), 0.0) for turn in np.arange(60) * 0.21]
    views = {index: frame_geometry(worlds.frame(index, path, size=SIZE)) for index in (0, 1, 2, 3, 50, 51, 52, 53)}
    noise = {index: surface_noise(geometry, 3, 4, SCALE) for index, geometry in views.items()}

    def mean_kept(lag: int) -> float:
        pairs = [(index, index - lag) for index in views if index - lag in views]
        return float(np.mean([kept(views[a], noise[a], views[b], noise[b]) for a, b in pairs]))

    assert mean_kept(1) > 0.4
    assert mean_kept(50) >= 0.9 * mean_kept(1)


def test_another_seed_gives_other_noise() -> None:
    geometry = frame_geometry(worlds.pan(1)[0])
    assert abs((surface_noise(geometry, 1, 4, SCALE) * surface_noise(geometry, 2, 4, SCALE)).mean()) < 0.3
