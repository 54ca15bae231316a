"""The estimator in the package: it tiles, knows no place and no size, and is nearer to the truth than a flat map."""

import numpy as np
import pytest
import torch

from sd_core.models.maps_network import STRIDE, MapsNetwork, MapsWidths
from sd_core.requests import Seamless, TextureMap
from sd_core.texture import FAILS, builtin_estimator, make_material, wrap_score
from sd_core.texture.learned import see
from sd_core.texture.relief import decode_normals, normals_from_height
from sd_core.training.data.materials import Material
from sd_core.training.data.sample import draw_surface
from tests.texture.samples import cropped, tiling

SHIFT = (2 * STRIDE, 5 * STRIDE)


@pytest.mark.parametrize("material", [Material.BRICK, Material.ICE])
def test_a_rolled_picture_gives_rolled_maps(material: Material) -> None:
    picture, estimator = tiling(material, 3), builtin_estimator()
    maps = make_material(picture, estimator=estimator).maps
    rolled = make_material(np.roll(picture, SHIFT, (0, 1)), estimator=estimator).maps
    for name, plane in maps.items():
        assert np.abs(np.roll(plane, SHIFT, (0, 1)) - rolled[name]).max() < 1e-5, name


def test_the_same_picture_gives_the_same_bytes() -> None:
    picture = tiling(Material.SCALES, 2)
    one, other = (make_material(picture, "scales", estimator=builtin_estimator()).maps for _ in range(2))
    assert all(one[name].tobytes() == other[name].tobytes() for name in one)


@pytest.mark.parametrize("material", [Material.COBBLESTONE, Material.LEATHER, Material.QUILT])
def test_every_map_wraps(material: Material) -> None:
    maps = make_material(np.roll(tiling(material, 1, 256), (37, 51), (0, 1)), estimator=builtin_estimator()).maps
    assert max(wrap_score(plane) for plane in maps.values()) <= FAILS


def small_network() -> MapsNetwork:
    torch.manual_seed(0)
    network = MapsNetwork(MapsWidths(levels=(4, 8, 8, 8), dilations=(1, 2)))
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    return network.eval()


@pytest.mark.parametrize("size", [(128, 192), (136, 128)])
def test_in_tiles_a_picture_gives_what_it_gives_at_once(size: tuple[int, int]) -> None:
    network, pixels = small_network(), torch.rand(1, 3, *size)
    with torch.inference_mode():
        whole, tiled = (torch.cat(see(network, pixels, tile), dim=1) for tile in (1024, 64))
    assert whole.std() > 0.01 and (whole - tiled).abs().max() < 1e-4 * whole.abs().max()


def test_what_lies_beyond_the_reach_of_the_network_does_not_matter() -> None:
    network, pixels = small_network(), torch.rand(1, 3, 512, 64)
    changed = pixels.clone()
    changed[:, :, 256] = 1 - changed[:, :, 256]
    with torch.inference_mode():
        difference = torch.cat(see(network, pixels), 1) - torch.cat(see(network, changed), 1)
    touched = difference.abs().amax(dim=(0, 1, 3)).nonzero().flatten()
    assert (touched - 256).abs().max() <= network.widths.reach


def test_pictures_of_any_size_get_maps() -> None:
    picture = cropped(Material.GRAVEL, 1)[:93, :71]
    maps = make_material(picture, axes=Seamless.NONE, estimator=builtin_estimator()).maps
    assert maps[TextureMap.HEIGHT].shape == (93, 71) and np.isfinite(maps[TextureMap.HEIGHT]).all()


@pytest.mark.parametrize(
    "material", [Material.BRICK, Material.TILES, Material.COBBLESTONE, Material.KNIT, Material.PLANKS]
)
def test_normals_are_nearer_to_the_truth_than_flat_ones_and_high_is_high(material: Material) -> None:
    surface, drawn, _ = draw_surface(900_000_000, 128, held_out=True, materials=(material,))
    maps = make_material(drawn / np.float32(255), estimator=builtin_estimator()).maps
    true = normals_from_height(surface.height, 1.0)
    flat = np.broadcast_to(np.array([0, 0, 1], np.float32), true.shape)
    assert mean_angle(decode_normals(maps[TextureMap.NORMAL]), true) < 0.9 * mean_angle(flat, true)
    assert np.corrcoef(maps[TextureMap.HEIGHT].ravel(), surface.height.ravel())[0, 1] > 0.5


def mean_angle(a: np.ndarray, b: np.ndarray) -> float:
    """Degrees; from the chord, since the cosine cannot tell small angles."""
    return float(np.degrees(2 * np.arcsin(np.clip(np.linalg.norm(a - b, axis=-1) / 2, 0, 1))).mean())
