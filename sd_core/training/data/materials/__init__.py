"""The named materials."""

from __future__ import annotations

from enum import StrEnum

from sd_core.training.data.materials import masonry, natural, soft
from sd_core.training.data.surface import DrawMaterial as Drawing


class Material(StrEnum):
    """Names of the materials that captions tell apart."""

    BRICK = "brick"
    PLANKS = "planks"
    MARBLE = "marble"
    TILES = "tiles"
    COBBLESTONE = "cobblestone"
    SAND = "sand"
    GRASS = "grass"
    RUST = "rust"
    LAVA = "lava"
    HEXAGONS = "hexagons"
    FABRIC = "fabric"
    SCALES = "scales"
    CAMOUFLAGE = "camouflage"
    CHECKER = "checker"
    STRIPES = "stripes"
    GRAVEL = "gravel"
    ICE = "ice"
    LEATHER = "leather"
    METAL = "metal plates"
    BARK = "bark"
    KNIT = "knit"
    QUILT = "quilt"
    CONCRETE = "concrete"


MATERIALS: tuple[Material, ...] = tuple(Material)

_DRAWINGS: dict[Material, Drawing] = {
    Material.BRICK: masonry.brick,
    Material.PLANKS: masonry.planks,
    Material.MARBLE: natural.marble,
    Material.TILES: masonry.tiles,
    Material.COBBLESTONE: masonry.cobblestone,
    Material.SAND: natural.sand,
    Material.GRASS: natural.grass,
    Material.RUST: natural.rust,
    Material.LAVA: natural.lava,
    Material.HEXAGONS: masonry.hexagons,
    Material.FABRIC: soft.fabric,
    Material.SCALES: soft.scales,
    Material.CAMOUFLAGE: natural.camouflage,
    Material.CHECKER: masonry.checker,
    Material.STRIPES: masonry.stripes,
    Material.GRAVEL: natural.gravel,
    Material.ICE: natural.ice,
    Material.LEATHER: soft.leather,
    Material.METAL: masonry.metal_plates,
    Material.BARK: natural.bark,
    Material.KNIT: soft.knit,
    Material.QUILT: soft.quilt,
    Material.CONCRETE: masonry.concrete,
}

TURNING = frozenset({Material.PLANKS, Material.SAND, Material.METAL, Material.BARK})
"""Materials which may lie along either axis of the picture."""


def drawing(material: Material) -> Drawing:
    """The function that draws a material."""
    return _DRAWINGS[material]
