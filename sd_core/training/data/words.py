"""The words of captions: synonyms and phrases. All that a caption may say stands in these tables."""

from __future__ import annotations

from sd_core.training.data.bodies import Shape
from sd_core.training.data.colours import Colour
from sd_core.training.data.materials import Material
from sd_core.training.data.modifiers import Modifier

# the first name of each is the usual one
COLOUR_WORDS: dict[Colour, tuple[str, ...]] = {
    Colour.RED: ("red", "crimson", "scarlet"),
    Colour.ORANGE: ("orange", "tangerine"),
    Colour.YELLOW: ("yellow", "golden", "lemon"),
    Colour.GREEN: ("green", "emerald"),
    Colour.TURQUOISE: ("turquoise", "teal", "cyan", "aqua"),
    Colour.BLUE: ("blue", "azure", "cobalt"),
    Colour.PURPLE: ("purple", "violet"),
    Colour.PINK: ("pink", "rose"),
    Colour.BROWN: ("brown", "chocolate"),
    Colour.WHITE: ("white", "ivory", "snowy"),
    Colour.GREY: ("grey", "gray"),
    Colour.BLACK: ("black", "jet black", "charcoal"),
}

# Nouns stand in "a wall of N", the adjectives below in "a red A sphere".
MATERIAL_NOUNS: dict[Material, tuple[str, ...]] = {
    Material.BRICK: ("brick", "bricks", "brickwork", "a brick wall", "masonry"),
    Material.PLANKS: ("planks", "wood planks", "wooden boards", "wood", "a plank floor"),
    Material.MARBLE: ("marble", "veined marble", "polished marble"),
    Material.TILES: ("tiles", "ceramic tiles", "square tiles", "a tiled wall"),
    Material.COBBLESTONE: ("cobblestone", "cobblestones", "cobbles", "round paving stones"),
    Material.SAND: ("sand", "sand dunes", "rippled sand", "desert sand"),
    Material.GRASS: ("grass", "a lawn", "meadow grass", "turf"),
    Material.RUST: ("rust", "rusty metal", "rusted iron", "rusty paint"),
    Material.LAVA: ("lava", "molten lava", "magma", "glowing lava"),
    Material.HEXAGONS: ("hexagons", "hexagonal tiles", "a honeycomb", "hexagon tiles"),
    Material.FABRIC: ("fabric", "woven fabric", "cloth", "a basket weave"),
    Material.SCALES: ("scales", "fish scales", "dragon scales", "reptile scales"),
    Material.CAMOUFLAGE: ("camouflage", "a camouflage pattern", "camo"),
    Material.CHECKER: ("checker", "checkers", "a checkerboard", "a chequered pattern"),
    Material.STRIPES: ("stripes", "a striped pattern", "straight stripes"),
    Material.GRAVEL: ("gravel", "crushed stone", "pebbles", "small stones"),
    Material.ICE: ("ice", "cracked ice", "frozen ice", "frosted ice"),
    Material.LEATHER: ("leather", "grained leather", "hide"),
    Material.METAL: ("metal plates", "riveted metal", "steel plates", "metal panels", "metal"),
    Material.BARK: ("bark", "tree bark", "ridged bark"),
    Material.KNIT: ("knit", "knitted wool", "wool", "a knitted sweater"),
    Material.QUILT: ("quilt", "a padded quilt", "quilted padding", "diamond upholstery"),
    Material.CONCRETE: ("concrete", "stained concrete", "plaster", "cement"),
}

MATERIAL_ADJECTIVES: dict[Material, tuple[str, ...]] = {
    Material.BRICK: ("brick", "bricked"),
    Material.PLANKS: ("plank", "wooden", "wood"),
    Material.MARBLE: ("marble",),
    Material.TILES: ("tiled", "tile"),
    Material.COBBLESTONE: ("cobblestone", "cobbled"),
    Material.SAND: ("sand", "sandy"),
    Material.GRASS: ("grass", "grassy"),
    Material.RUST: ("rusty", "rusted", "rust"),
    Material.LAVA: ("lava", "molten"),
    Material.HEXAGONS: ("hexagon", "hexagonal"),
    Material.FABRIC: ("fabric", "woven"),
    Material.SCALES: ("scaly", "scaled"),
    Material.CAMOUFLAGE: ("camouflage", "camo"),
    Material.CHECKER: ("checker", "checkered", "chequered"),
    Material.STRIPES: ("striped", "stripe"),
    Material.GRAVEL: ("gravel", "pebble"),
    Material.ICE: ("ice", "icy", "frozen"),
    Material.LEATHER: ("leather",),
    Material.METAL: ("metal", "riveted metal", "steel"),
    Material.BARK: ("bark",),
    Material.KNIT: ("knitted", "knit", "wool"),
    Material.QUILT: ("quilted", "padded"),
    Material.CONCRETE: ("concrete", "plaster", "cement"),
}

MODIFIER_WORDS: dict[Modifier, tuple[str, ...]] = {
    Modifier.OLD: ("old", "weathered", "worn", "aged"),
    Modifier.WET: ("wet", "damp", "dripping"),
    Modifier.MOSSY: ("mossy", "moss covered", "overgrown"),
    Modifier.CRACKED: ("cracked", "fractured", "broken"),
    Modifier.SHINY: ("shiny", "glossy", "polished"),
    Modifier.ROUGH: ("rough", "coarse", "bumpy"),
    Modifier.LARGE: ("large", "big"),
    Modifier.SMALL: ("small", "tiny"),
}

SHAPE_WORDS: dict[Shape, tuple[tuple[str, str], ...]] = {
    Shape.SPHERE: (("sphere", "spheres"), ("ball", "balls"), ("globe", "globes")),
    Shape.BOX: (("box", "boxes"), ("cube", "cubes"), ("block", "blocks")),
    Shape.TORUS: (("torus", "tori"), ("ring", "rings"), ("donut", "donuts")),
    Shape.CYLINDER: (("cylinder", "cylinders"), ("drum", "drums"), ("column", "columns")),
    Shape.CONE: (("cone", "cones"),),
    Shape.PYRAMID: (("pyramid", "pyramids"),),
    Shape.EGG: (("egg", "eggs"), ("ellipsoid", "ellipsoids")),
    Shape.BLOB: (("blob", "blobs"), ("lump", "lumps"), ("sculpture", "sculptures")),
    Shape.HEAD: (("head", "heads"), ("monkey head", "monkey heads"), ("creature", "creatures"), ("monkey", "monkeys")),
    Shape.ROCK: (("rock", "rocks"), ("boulder", "boulders"), ("crystal", "crystals")),
    Shape.BOWL: (("bowl", "bowls"), ("cup", "cups"), ("vase", "vases"), ("pot", "pots")),
    Shape.TABLE: (("table", "tables"), ("desk", "desks")),
    Shape.CHAIR: (("chair", "chairs"), ("seat", "seats")),
    Shape.HOUSE: (("house", "houses"), ("hut", "huts"), ("cottage", "cottages")),
    Shape.TOWER: (("tower", "towers"), ("castle", "castles")),
    Shape.ARCH: (("arch", "arches"), ("gate", "gates")),
    Shape.STAIRS: (("staircase", "staircases"), ("stairway", "stairways")),
    Shape.TREE: (("tree", "trees"),),
    Shape.SNOWMAN: (("snowman", "snowmen"),),
    Shape.CROSS: (("cross", "crosses"),),
    Shape.LANDSCAPE: (
        ("landscape", "landscapes"),
        ("terrain", "terrains"),
        ("valley", "valleys"),
        ("mountain", "mountains"),
    ),
}

NUMBERS: dict[int, tuple[str, ...]] = {
    2: ("two", "a pair of"),
    3: ("three", "some"),
    4: ("four", "several", "some"),
    5: ("five", "several", "many"),
}

TEXTURE_PHRASES: tuple[str, ...] = (
    "{look}",
    "{look}",
    "{look} texture",
    "a texture of {look}",
    "seamless texture of {look}",
    "seamless {look} texture",
    "tileable {look}",
    "close up of {look}",
    "a surface of {look}",
    "{look} pattern",
    "a photo of {look}",
    "{noun}, {words}",
    "{words} {noun}",
    "texture, {noun}, {words}",
    "{look}, top view",
    "{look}, seamless, flat view",
    "{noun} in {colour}",
    "{colour} coloured {noun}",
    "material of {look}",
)
SHORT_TEXTURE_PHRASES: tuple[str, ...] = ("{plain}", "{plain} texture", "{colour} {plain}", "{plain}, {colour}")

OBJECT_PHRASES: tuple[str, ...] = (
    "{article} {words} {adjective} {object}",
    "{words} {adjective} {object}",
    "{article} {object} made of {words} {noun}",
    "{article} {object} of {words} {noun}",
    "{object}, {noun}, {words}",
    "{article} {object} covered in {words} {noun}",
    "{article} {adjective} {object}, {words}",
    "a render of {article} {words} {adjective} {object}",
    "a photo of {article} {words} {adjective} {object}",
    "{words} {noun} on {article} {object}",
    "{article} {words} {object} with {noun}",
)
PLACE_PHRASES: dict[str, tuple[str, ...]] = {
    "floor": (
        "on a {ground} floor",
        "on the ground",
        "on a floor",
        "standing on a {ground} ground",
        "on a plain floor",
    ),
    "material": ("on a {ground} {ground_material} floor", "standing on {ground} {ground_material} ground"),
    "dark": ("before a dark background", "on a dark background", "in the dark"),
    "light": ("before a light background", "on a light background", "in a bright studio"),
    "middle": ("before a grey background", "on a plain background", "floating in the air"),
    "sky": ("under a pale sky", "seen from above", "with hills", "outdoors", "in the distance"),
}
PATTERN_PHRASES: tuple[str, ...] = ("{size} pattern", "with a {size} pattern")
JOINS: tuple[str, ...] = (
    "{first} and {second}",
    "{first} beside {second}",
    "{first} with {second}",
    "{first} next to {second}",
)
ARTICLES: tuple[str, ...] = ("a", "an", "the", "and")
GROUND_TONES: tuple[str, ...] = ("dark", "grey", "light")
