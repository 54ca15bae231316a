# SPDX-License-Identifier: GPL-3.0-or-later
"""The settings of a scene: one PropertyGroup, `Scene.sd_core`, whose properties are the fields of requests."""

from collections.abc import Iterator
from typing import Any

import bpy
from bpy.props import (
    BoolProperty,
    CollectionProperty,
    EnumProperty,
    FloatProperty,
    IntVectorProperty,
    PointerProperty,
)

from sd_core.requests import Control, Generation, kind_of, styles
from sd_core.schedulers import SCHEDULERS
from sd_core.values import field_specs

from .connection import server
from .fields import WEIGHT, image_property, request_properties
from .loras import FAMILY_LABELS, suggestions
from .properties_stylise import SDCORE_PG_project, SDCORE_PG_stylise
from .request_fields import ADDED, COMMON, CONTROL, IMAGE_PROMPT, LORA, TASKS, TEXTURE

_DEFAULTS = {"width": 512, "height": 512, "num_inference_steps": 30, "guidance_scale": 7.0}
"""What the sliders show before they are switched on."""

ICONS = {"TEXT": "OUTLINER_OB_FONT", "IMAGE": "IMAGE_DATA", "INPAINT": "BRUSH_DATA", "UPSCALE": "FULLSCREEN_ENTER"}
"""Of the tasks."""

_ABOUT = {
    "TEXT": "A new image from the prompt",
    "IMAGE": "A new image from another one",
    "INPAINT": "Repaint part of an image",
    "UPSCALE": "A larger image with new detail",
}
_TASKS = tuple(
    (task, kind_of(kind).title, _ABOUT[task], ICONS[task], index) for index, (task, kind) in enumerate(TASKS.items())
)

_MASKS = (
    ("IMAGE", "Mask Image", "Repaint where another image of the same size is white", "IMAGE_ALPHA", 0),
    ("ALPHA", "Transparency", "Repaint where the image is transparent (paint with Erase Alpha)", "BRUSH_DATA", 1),
    ("REGION", "Selected Region", "Repaint a rectangle, dragged over the image", "SELECT_SET", 2),
    ("NONE", "None", "Keep the whole image and paint only the area that Expand adds", "X", 3),
)
_STYLES = (
    ("NONE", "No Style", "The prompt without additions"),
    *(
        (name, name.capitalize(), style.prompt.removeprefix("{prompt}, ").capitalize())
        for name, style in styles().items()
    ),
)


def _models(_group: object, _context: object, _text: str) -> Iterator[tuple[str, str]]:
    """Names for the search field, with what the server says about them."""
    for model in server.status.models:
        yield model.name, "" if model.present else "not downloaded"


def _controlnets(group: bpy.types.PropertyGroup, _context: object, _text: str) -> Iterator[tuple[str, str]]:
    """Those of the control's kind, with the family that they are made for."""
    families: dict[str, str] = {}
    for model in server.status.models:
        named = (known.name for known in model.controlnets if known.name and known.kind == group.kind)
        families |= dict.fromkeys(named, FAMILY_LABELS.get(model.family or "", ""))
    yield from families.items()


def _schedulers(_group: object, _context: object, _text: str) -> tuple[str, ...]:
    return tuple(SCHEDULERS)


_SUGGEST = {"search_options": {"SUGGESTION"}}


class SDCORE_PG_lora(bpy.types.PropertyGroup):
    """A LoRA of a request."""

    __annotations__ = request_properties(LORA, options={"path": {"search": suggestions, **_SUGGEST}})


class SDCORE_PG_control(bpy.types.PropertyGroup):
    """A ControlNet of a request, with its finished control picture."""

    __annotations__ = {
        **request_properties(
            CONTROL, {"kind": "depth"}, {"model": {"search": _controlnets, **_SUGGEST}, "scale": WEIGHT}
        ),
        "image": image_property("Control Picture", field_specs(Control)["image"].about.help),
    }


class SDCORE_PG_image_to_image(bpy.types.PropertyGroup):
    """What image to image adds."""

    __annotations__ = request_properties(ADDED["IMAGE"])


class SDCORE_PG_inpaint(bpy.types.PropertyGroup):
    """What inpainting adds."""

    __annotations__ = request_properties(ADDED["INPAINT"])


class SDCORE_PG_upscale(bpy.types.PropertyGroup):
    """What enlarging adds."""

    __annotations__ = request_properties(ADDED["UPSCALE"])


class SDCORE_PG_settings(bpy.types.PropertyGroup):
    """What to generate in this scene."""

    __annotations__: dict[str, Any] = {
        **request_properties(
            COMMON,
            _DEFAULTS,
            {"model": {"search": _models, **_SUGGEST}, "scheduler": {"search": _schedulers, **_SUGGEST}},
        ),
        "image_to_image": PointerProperty(type=SDCORE_PG_image_to_image),
        "inpaint": PointerProperty(type=SDCORE_PG_inpaint),
        "upscale": PointerProperty(type=SDCORE_PG_upscale),
        "stylise": PointerProperty(type=SDCORE_PG_stylise),
        "project": PointerProperty(type=SDCORE_PG_project),
        "task": EnumProperty(name="Task", description="What to make", items=_TASKS, default="TEXT"),
        "style": EnumProperty(
            name="Style", description="Style words that are added to the prompt", items=_STYLES, default="NONE"
        ),
        "image": image_property("Image", "Start image, if no image is open in the editor"),
        "mask_source": EnumProperty(name="Mask", description="Where to repaint", items=_MASKS, default="IMAGE"),
        "mask": image_property("Mask Image", "White: repaint; black: keep"),
        "region": IntVectorProperty(
            name="Region",
            description="Left, top, width and height of the selected rectangle in pixels",
            size=4,
            min=0,
            default=(0, 0, 0, 0),
        ),
        "pad": BoolProperty(
            name="Pad to Multiples of 8",
            description="Extend the image to multiples of 8 by repeating its border pixels, and crop the result to its size",
            default=False,
        ),
        "loras": CollectionProperty(type=SDCORE_PG_lora, name=field_specs(Generation)["loras"].label),
        "controls": CollectionProperty(type=SDCORE_PG_control, name=field_specs(Generation)["controls"].label),
        "image_prompt": image_property("Image Prompt", field_specs(Generation)["image_prompt"].about.help),
        **request_properties(IMAGE_PROMPT, {"image_prompt_scale": 0.6}, {"image_prompt_scale": WEIGHT}),
        "texture_image": image_property("Start Image", "Image that the texture starts from; empty: start from noise"),
        **request_properties(TEXTURE, {"texture_strength": 0.75}),
        "texture_target": EnumProperty(
            name="Material",
            description="Material that gets the maps",
            items=(
                ("SELECTED", "Selected Objects", "A new material on the selected objects", 0),
                ("ACTIVE", "Active Material", "Replace the nodes of the active material", 1),
                ("NEW", "New Material", "A new material, not assigned to an object", 2),
            ),
            default="SELECTED",
        ),
        "texture_displacement": FloatProperty(
            name="Displacement",
            description="Height scale of the displacement, in scene units; 0: flat",
            min=0,
            soft_max=1,
            default=0.05,
            subtype="DISTANCE",
        ),
        "texture_scale": FloatProperty(
            name="Repeat",
            description="Number of repeats over the UV range 0 to 1",
            min=0.001,
            soft_max=20,
            default=1.0,
        ),
        "texture_size": EnumProperty(
            name="Size",
            description="Width and height of the texture in px",
            items=[(str(side), f"{side} px", f"{side} x {side} pixels") for side in (128, 256, 512, 768, 1024, 2048)],
            default="512",
        ),
    }


CLASSES = (
    SDCORE_PG_lora,
    SDCORE_PG_control,
    SDCORE_PG_image_to_image,
    SDCORE_PG_inpaint,
    SDCORE_PG_upscale,
    SDCORE_PG_settings,
)


def register() -> None:
    """Give every scene its settings."""
    bpy.types.Scene.sd_core = PointerProperty(type=SDCORE_PG_settings, name="Stable Diffusion")


def unregister() -> None:
    """Take the settings away; what is saved in files stays there."""
    del bpy.types.Scene.sd_core
