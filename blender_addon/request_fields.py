# SPDX-License-Identifier: GPL-3.0-or-later
"""Which fields of requests the settings of a scene hold, by the names of their properties, and where."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from sd_core.requests import (
    Animation,
    Control,
    Generation,
    ImagePrompt,
    ImageToImage,
    Inpaint,
    Lora,
    MeshTexture,
    Reuse,
    TextToImage,
    Texture,
    Upscale,
)
from sd_core.values import field_specs

from .fields import Properties, added_fields, property_fields

COMMON: Properties = property_fields(Generation)
"""Of every request for a picture: `Scene.sd_core`."""

LORA: Properties = property_fields(Lora)
CONTROL: Properties = property_fields(Control)
IMAGE_PROMPT: Properties = property_fields(ImagePrompt, prefix="image_prompt_")

TASKS: Mapping[str, type[Generation]] = MappingProxyType(
    {"TEXT": TextToImage, "IMAGE": ImageToImage, "INPAINT": Inpaint, "UPSCALE": Upscale}
)
"""The kind of request by the item of `Scene.sd_core.task`."""

GROUPS: Mapping[str, str] = MappingProxyType({"IMAGE": "image_to_image", "INPAINT": "inpaint", "UPSCALE": "upscale"})
"""The group of the fields that a task adds, by task."""

ADDED: Mapping[str, Properties] = MappingProxyType({task: added_fields(TASKS[task]) for task in GROUPS})
"""The fields in that group, by task."""

TEXTURE: Properties = added_fields(Texture, prefix="texture_", without=("normal_convention",))
"""What a texture adds, in `Scene.sd_core`; Blender reads normal maps of one convention."""

_DEPTH = {"controlnet_conditioning_scale": "depth_scale"}

STYLISE: Properties = added_fields(Animation, names=_DEPTH, without=("depth_estimator",))
"""What stylised stills and animations add, in `Scene.sd_core.stylise`; Blender renders the depth itself."""

NOISE: Properties = MappingProxyType({"noise": field_specs(Reuse)["noise"]})
"""Of what an animation reuses; `stylise.reuse` stands for the rest."""

PROJECT: Properties = added_fields(MeshTexture, names=_DEPTH)
"""What projected textures add, in `Scene.sd_core.project`."""


def groups_of(settings: Any) -> list[tuple[Any, Properties]]:
    """Each PropertyGroup that holds fields of requests, with those fields; without the rows of lists.

    Args:
        settings: `Scene.sd_core`.
    """
    tasks = [(getattr(settings, group), ADDED[task]) for task, group in GROUPS.items()]
    own = [(settings, specs) for specs in (COMMON, IMAGE_PROMPT, TEXTURE)]
    return [*own, *tasks, (settings.stylise, STYLISE), (settings.stylise, NOISE), (settings.project, PROJECT)]
