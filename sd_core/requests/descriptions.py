"""Descriptions that several kinds of request share; see `About`."""

from __future__ import annotations

from ..values import About, Scope

MODEL_DEFAULT = "default of the model"
SIZE_DEFAULT = "size of the pictures given, else default of the model"

PICTURE = About(
    label="Image", help="Picture to start from", basic=True, preset=False, scope=Scope.WHOLE, metavar="FILE"
)
START_PICTURE = About(
    label="Image",
    help="Picture to start from",
    unset="none",
    basic=True,
    preset=False,
    scope=Scope.WHOLE,
    metavar="FILE",
)
STRENGTH = About(
    label="Strength",
    help="How much of the picture changes; 1 keeps almost nothing of it",
    basic=True,
    scope=Scope.WHOLE,
)
DEPTH_RANGE = About(
    label="Depth Range",
    help="Near and far of the depth picture that the ControlNet reads",
    unit="scene units",
    unset="smallest and largest finite depth",
    preset=False,
    metavar="NEAR FAR",
)
CONTROLNET = About(
    label="Depth ControlNet",
    help="ControlNet or T2I-Adapter for depth: a Hugging Face id, a folder or a file",
    unset="the usual one for the model",
)
CONTROLNET_SCALE = About(label="Depth Scale", help="How strongly the depth guides the picture")
RELIEF = About(
    label="Relief",
    help="Factor of the height of the material; 0 is flat",
    unset="1, or what words such as deep and flat say",
    scope=Scope.WHOLE,
)
INVERT_HEIGHT = About(
    label="Invert Height",
    help="Exchange high and low in the height and normal maps",
    unset="no, but where the words name bricks, tiles or planks, whose joints must lie low",
    scope=Scope.WHOLE,
)
METALLIC = About(
    label="Metallic",
    help="Value of the whole metallic map; 1 is metal",
    unset="from the material that the words name, else from the picture",
    scope=Scope.WHOLE,
)
