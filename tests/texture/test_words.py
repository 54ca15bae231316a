"""What the words of a prompt say about a material, and what a person says against them."""

import numpy as np
import pytest

from sd_core.requests import TextureMap
from sd_core.texture import Wishes, make_material
from sd_core.texture.words import prompt_hints
from sd_core.training.data.materials import Material
from sd_core.training.data.sample import draw_surface
from tests.texture.prompts import METAL, NOT_METAL
from tests.texture.samples import tiling


def test_metal_is_told_from_the_words_of_at_least_95_in_100_prompts() -> None:
    wrong = [prompt for prompt in METAL if prompt_hints(prompt).metallic != 1]
    wrong += [prompt for prompt in NOT_METAL if prompt_hints(prompt).metallic == 1]
    assert len(wrong) <= 0.05 * (len(METAL) + len(NOT_METAL)), wrong


@pytest.mark.parametrize("prompt", ["rusty metal plates", "gold", "mirror", "brushed nickel"])
def test_metals_of_every_name_are_metal(prompt: str) -> None:
    assert prompt_hints(prompt).metallic == 1


@pytest.mark.parametrize("prompt", ["silver birch bark", "iron ore rock", "golden hay", "copper beech leaves"])
def test_the_last_noun_says_what_a_thing_is(prompt: str) -> None:
    assert prompt_hints(prompt).metallic == 0


def test_words_that_name_no_material_say_nothing_of_metal() -> None:
    assert prompt_hints("something blue").metallic is None and prompt_hints("").metallic is None


def test_polished_is_smoother_than_plain_and_dusty_is_rougher() -> None:
    levels = [prompt_hints(prompt).roughness for prompt in ("polished stone", "stone", "dusty stone")]
    assert levels[0] + 0.2 < levels[1] < levels[2]


def height_by_rule(prompt: str, wishes: Wishes | None = None) -> float:
    """Correlation of the rule's height with the true one, for bricks with bright mortar."""
    surface, drawn, _ = draw_surface(1, 128, materials=(Material.BRICK,))
    height = make_material(drawn / np.float32(255), prompt, wishes=wishes).maps[TextureMap.HEIGHT]
    return float(np.corrcoef(height.ravel(), surface.height.ravel())[0, 1])


def test_where_bricks_are_named_their_bright_joints_lie_low() -> None:
    assert height_by_rule("") < -0.3
    assert height_by_rule("red brick wall") > 0.3


def test_a_wish_goes_before_the_words() -> None:
    assert height_by_rule("red brick wall", Wishes(invert_height=False)) < -0.3
    assert height_by_rule("", Wishes(invert_height=True)) > 0.3


def test_an_inverted_relief_has_its_normals_turned() -> None:
    picture = tiling(Material.COBBLESTONE, 1)
    plain, turned = (make_material(picture, wishes=Wishes(invert_height=way)).maps for way in (False, True))
    assert np.allclose(plain[TextureMap.HEIGHT], 1 - turned[TextureMap.HEIGHT], atol=1e-6)
    assert np.allclose(plain[TextureMap.NORMAL][..., :2], 1 - turned[TextureMap.NORMAL][..., :2], atol=1e-5)
    assert np.allclose(plain[TextureMap.NORMAL][..., 2], turned[TextureMap.NORMAL][..., 2], atol=1e-5)


def test_relief_scales_the_depth_and_the_steepness() -> None:
    picture = tiling(Material.COBBLESTONE, 1)
    once, twice, none = (make_material(picture, wishes=Wishes(relief=factor)) for factor in (1.0, 2.0, 0.0))
    assert twice.height_scale == pytest.approx(2 * once.height_scale)
    slope = [m.maps[TextureMap.NORMAL][..., :2] * 2 - 1 for m in (once, twice)]
    up = [m.maps[TextureMap.NORMAL][..., 2:] * 2 - 1 for m in (once, twice)]
    assert np.allclose(2 * slope[0] / up[0], slope[1] / up[1], atol=1e-3)
    assert none.height_scale == 0 and np.allclose(none.maps[TextureMap.NORMAL], [0.5, 0.5, 1], atol=1e-6)
    assert np.allclose(none.maps[TextureMap.AMBIENT_OCCLUSION], 1)


def test_metallic_is_what_the_request_says() -> None:
    maps = make_material(tiling(Material.BRICK, 1), "red brick wall", wishes=Wishes(metallic=0.25)).maps
    assert (maps[TextureMap.METALLIC] == 0.25).all()
