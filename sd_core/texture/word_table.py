"""What materials are called, and what their names say about them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Kind:
    """A family of materials.

    metallic: 0 or 1. roughness: of a clean, even place, as artists set it for Disney's principled shader. relief: factor
    of its depth, 1 but for what is all but flat. joints: whether most of it lies high, with narrow joints below.
    """

    metallic: float
    roughness: float
    relief: float = 1.0
    joints: bool = False


_KINDS: dict[Kind, tuple[str, ...]] = {
    Kind(1, 0.3): (
        "metal", "metals", "metallic", "steel", "iron", "copper", "brass", "bronze", "aluminium", "aluminum",
        "titanium", "tin", "zinc", "platinum", "nickel", "pewter", "gunmetal", "galvanized", "galvanised",
        "chainmail",
    ),
    Kind(1, 0.2): (
        "gold", "silver",
    ),
    Kind(1, 0.1, 0.2): (
        "chrome", "chromium", "mirror", "mirrors", "mercury",
    ),
    Kind(0, 0.8, joints=True): (
        "brick", "bricks", "brickwork", "masonry",
    ),
    Kind(0, 0.8): (
        "cobblestone", "cobblestones", "cobbles", "cobble", "paving", "pavement", "setts", "flagstone", "flagstones",
    ),
    Kind(0, 0.35, joints=True): (
        "tile", "tiles", "mosaic",
    ),
    Kind(0, 0.35): (
        "hexagon", "hexagons", "honeycomb",
    ),
    Kind(0, 0.75): (
        "stone", "stones", "rock", "rocks", "gravel", "pebble", "pebbles", "granite", "sandstone", "limestone",
        "slate", "cliff", "boulder", "boulders", "ore", "ores", "quartz", "lava", "magma", "basalt", "ruins",
        "rubble",
    ),
    Kind(0, 0.2, 0.2): (
        "marble", "onyx", "terrazzo", "glass", "crystal", "gem", "gems", "jade",
    ),
    Kind(0, 0.3): (
        "porcelain", "ceramic", "ceramics", "enamel",
    ),
    Kind(0, 0.7): (
        "pottery", "terracotta", "clay", "sky", "clouds", "cloud", "quilt", "padding", "upholstery",
    ),
    Kind(0, 0.85): (
        "concrete", "plaster", "cement", "asphalt", "tarmac", "stucco", "wallpaper", "paper", "cardboard",
        "parchment", "grass", "lawn", "turf", "meadow", "moss", "leaf", "leaves", "needles", "foliage", "flower",
        "flowers", "petals", "ivy", "field", "wheat", "hedge", "vegetation", "forest",
    ),
    Kind(0, 0.4, 0.2): (
        "paint", "poster", "varnish", "lacquer",
    ),
    Kind(0, 0.65): (
        "wood", "wooden", "oak", "pine", "birch", "beech", "walnut", "mahogany", "teak", "bamboo", "parquet",
        "timber", "log", "logs", "desk",
    ),
    Kind(0, 0.65, joints=True): (
        "plank", "planks", "boards", "board", "floorboards",
    ),
    Kind(0, 0.9): (
        "bark", "trunk", "straw", "hay", "thatch", "wicker", "rattan", "sand", "dune", "dunes", "soil", "earth",
        "dirt", "mud", "ground", "desert", "dust", "ash", "snow", "fabric", "cloth", "wool", "knit", "knitted",
        "cotton", "linen", "denim", "carpet", "rug", "felt", "tweed", "canvas", "sweater", "curtain", "textile",
        "velvet", "fur", "hair", "feathers", "feather", "rust",
    ),
    Kind(0, 0.45, 0.5): (
        "silk", "satin",
    ),
    Kind(0, 0.55): (
        "leather", "hide", "boots", "suede", "skin",
    ),
    Kind(0, 0.45): (
        "scales", "scale",
    ),
    Kind(0, 0.15, 0.5): (
        "water", "ice", "lake", "sea", "ocean", "puddle", "slime",
    ),
    Kind(0, 0.5): (
        "plastic", "rubber", "vinyl", "resin", "wax", "soap", "bread", "cheese", "chocolate", "meat", "fruit",
    ),
    Kind(0, 0.6, 0.2): (
        "checker", "checkers", "checkerboard", "stripes", "camouflage", "camo",
    ),
}  # fmt: skip

MATERIALS: Mapping[str, Kind] = MappingProxyType({word: kind for kind, words in _KINDS.items() for word in words})
"""By whole word."""

PHRASES: Mapping[str, str] = MappingProxyType(
    {
        "gold leaf": "gold", "silver leaf": "silver", "steel wool": "steel", "tin can": "tin", "diamond plate": "steel",
        "tread plate": "steel", "checker plate": "steel", "rose gold": "gold", "white gold": "gold", "lead roof": "metal",
        "lead pipe": "metal", "lead sheet": "metal", "chain mail": "chainmail", "dragon scales": "scales",
        "fish scales": "scales", "tree bark": "bark", "tin roof": "tin", "iron age": "", "bronze age": "",
        "iron oxide": "soil", "copper oxide": "soil", "aluminium oxide": "ceramic", "aluminum oxide": "ceramic",
        "titanium dioxide": "ceramic", "silver birch": "birch", "copper beech": "beech",
    }
)  # fmt: skip
"""Words that mean something else together: the word that takes their place, or none."""

LAID = frozenset({
    "board", "boards", "hexagon", "hexagons", "mosaic", "plank", "planks", "scales", "shingles", "tile", "tiles",
})  # fmt: skip
"""Forms as much as materials: right after the name of a metal they are of that metal, "metal tiles"."""

COLOURS = frozenset({
    "red", "orange", "yellow", "green", "turquoise", "blue", "purple", "pink", "brown", "white", "grey", "gray",
    "black", "blonde", "blond", "coloured", "colored", "colour", "color", "tone", "toned", "tinted", "hued",
})  # fmt: skip
"""After the name of a metal they make it the name of a colour: "steel blue", "gold coloured"."""

ABOUT = frozenset({"from", "made", "of"})
"""What follows is what something is made of: "a wall of bricks"."""

BESIDES = frozenset({
    "against", "and", "at", "before", "behind", "beside", "between", "for", "in", "near", "on", "over", "under",
    "with", "without",
})  # fmt: skip
"""What follows is not the surface itself: "marble with gold veins"."""

CORRODED = frozenset({
    "corroded", "corten", "oxidised", "oxidized", "paint", "painted", "patina", "rust", "rusted", "rusty",
    "weathering",
})  # fmt: skip
"""Metal that is covered in parts."""

GLOSSY = frozenset({"damp", "glazed", "gleaming", "glossy", "lacquered", "polished", "shiny", "varnished", "wet"})
DULL = frozenset({
    "brushed", "coarse", "dry", "dusty", "hammered", "matt", "matte", "old", "rough", "weathered", "worn",
})  # fmt: skip
DEEP = frozenset({"bumpy", "carved", "chiseled", "chiselled", "deep", "embossed", "rugged"})
SHALLOW = frozenset({"even", "flat", "printed", "shallow", "smooth"})
