"""The maps of a material roll as the picture rolls, and height and normals say the same."""

import numpy as np
import pytest

from sd_core.requests import NormalConvention, Seamless, TextureMap
from sd_core.texture import make_material
from sd_core.texture.relief import (
    ambient_occlusion,
    decode_normals,
    encode_normals,
    height_from_normals,
    normals_from_height,
)
from sd_core.training.data.materials import Material
from tests.texture.samples import bump, cropped, tiling

SHIFT = {Seamless.X: (0, 37), Seamless.Y: (21, 0), Seamless.XY: (21, 37)}


@pytest.mark.parametrize("axes", SHIFT)
@pytest.mark.parametrize("material", [Material.BRICK, Material.CAMOUFLAGE, Material.ICE])
def test_a_rolled_picture_gives_rolled_maps(material: Material, axes: Seamless) -> None:
    picture = tiling(material, 3)
    maps = make_material(picture, "rusty iron", axes).maps
    rolled = make_material(np.roll(picture, SHIFT[axes], (0, 1)), "rusty iron", axes).maps
    for name, plane in maps.items():
        assert np.abs(np.roll(plane, SHIFT[axes], (0, 1)) - rolled[name]).max() < 1e-5, name


def test_maps_are_those_of_the_request_and_in_range() -> None:
    maps = make_material(cropped(Material.GRAVEL, 1), axes=Seamless.NONE).maps
    assert set(maps) == set(TextureMap)
    for name, plane in maps.items():
        wanted = (96, 96, 3) if name in (TextureMap.BASE_COLOR, TextureMap.NORMAL) else (96, 96)
        assert plane.shape == wanted and plane.dtype == np.float32 and 0 <= plane.min() <= plane.max() <= 1


def test_without_an_axis_the_borders_do_not_see_each_other() -> None:
    picture = cropped(Material.COBBLESTONE, 4)
    other = picture.copy()
    other[:, -8:] = 1 - other[:, -8:]
    change = {
        axes: np.abs(
            make_material(picture, axes=axes).maps[TextureMap.NORMAL][:, :1]
            - make_material(other, axes=axes).maps[TextureMap.NORMAL][:, :1]
        ).mean()
        for axes in (Seamless.NONE, Seamless.X)
    }
    assert change[Seamless.NONE] < change[Seamless.X] / 4


def test_normals_give_the_height_back() -> None:
    depth = 12.0
    for material in (Material.COBBLESTONE, Material.LEATHER, Material.QUILT):
        height = make_material(tiling(material, 2, 256)).maps[TextureMap.HEIGHT]
        stored = np.rint(encode_normals(normals_from_height(height, depth)) * 255) / np.float32(255)
        again = height_from_normals(decode_normals(stored)) / depth
        error = again - (height - height.mean())
        assert np.sqrt((error**2).mean()) / height.std() < 0.01
        angles = angle_between(normals_from_height(again, depth), normals_from_height(height, depth))
        assert angles.mean() < 0.2


def test_the_normals_of_a_bump_point_away_from_its_top() -> None:
    normals = normals_from_height(bump(), 10.0)
    assert normals[32, 44, 0] > 0.1 and normals[32, 20, 0] < -0.1
    assert normals[20, 32, 1] > 0.1 and normals[44, 32, 1] < -0.1
    assert np.allclose(np.linalg.norm(normals, axis=-1), 1, atol=1e-6)


def test_directx_normals_are_those_of_opengl_with_green_turned_round() -> None:
    picture = tiling(Material.SCALES, 1)
    opengl = make_material(picture).maps[TextureMap.NORMAL]
    directx = make_material(picture, normal_convention=NormalConvention.DIRECTX).maps[TextureMap.NORMAL]
    assert np.allclose(opengl[..., 1], 1 - directx[..., 1]) and np.array_equal(opengl[..., ::2], directx[..., ::2])


def test_a_plane_is_open_to_the_sky_and_a_pit_is_not() -> None:
    assert np.array_equal(ambient_occlusion(np.full((32, 32), 0.5, np.float32), 20.0), np.ones((32, 32), np.float32))
    pit = ambient_occlusion(1 - bump(), 20.0)
    assert pit[32, 32] < 0.5 and pit[0, 0] > 0.99


def test_a_flat_picture_stays_flat() -> None:
    grey = np.full((64, 64, 3), 0.5, np.float32)
    grey += np.random.default_rng(0).normal(0, 0.5 / 255, grey.shape).astype(np.float32)
    maps = make_material(grey).maps
    assert maps[TextureMap.HEIGHT].std() < 0.05
    assert np.abs(maps[TextureMap.BASE_COLOR] - 0.5).max() < 0.02


def test_slow_shading_is_evened_out_and_hue_kept() -> None:
    x = np.arange(128, dtype=np.float32) / 128
    light = 0.3 + 0.15 * np.cos(2 * np.pi * x)
    picture = np.broadcast_to(light[None, :, None] * np.float32([1.0, 0.6, 0.4]), (128, 128, 3))
    base = make_material(picture).maps[TextureMap.BASE_COLOR]
    assert np.ptp(base[0, :, 0]) < 0.75 * np.ptp(picture[0, :, 0])
    assert (base[..., 0] > base[..., 1]).all() and (base[..., 1] > base[..., 2]).all()


@pytest.mark.parametrize(
    ("prompt", "metal"), [("mossy cobblestone", 0.0), ("riveted metal plates", 1.0), ("a metallurgist's desk", 0.0)]
)
def test_only_metals_are_metal(prompt: str, metal: float) -> None:
    plane = make_material(tiling(Material.BRICK, 1), prompt).maps[TextureMap.METALLIC]
    assert (plane == metal).all()


def test_where_metal_rusts_it_is_none() -> None:
    picture = np.full((64, 64, 3), 0.6, np.float32)
    picture[:, 32:] = [0.55, 0.2, 0.05]
    plane = make_material(picture, "rusty iron").maps[TextureMap.METALLIC]
    assert plane[:, 8:24].min() > 0.9 and plane[:, 40:56].max() < 0.1


def test_shine_is_smoother_than_dust() -> None:
    picture = tiling(Material.TILES, 2)
    shiny, dusty = (
        make_material(picture, prompt).maps[TextureMap.ROUGHNESS].mean() for prompt in ("shiny tiles", "dusty tiles")
    )
    assert shiny + 0.2 < dusty


def angle_between(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Degrees; from the chord, since the cosine cannot tell small angles."""
    return np.degrees(2 * np.arcsin(np.clip(np.linalg.norm(a - b, axis=-1) / 2, 0, 1)))
