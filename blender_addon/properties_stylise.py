# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings of stylised renders, animations and projected textures, saved with the scene."""

from collections.abc import Mapping
from typing import Any

import bpy
from bpy.props import (
    BoolProperty,
    CollectionProperty,
    EnumProperty,
    IntProperty,
    StringProperty,
)

from sd_core.requests import NoiseKind

from .fields import WEIGHT, choice_label, image_property, request_properties, weight_property
from .request_fields import NOISE, PROJECT, STYLISE

_VIEWS = (
    ("AUTO", "Automatic", "Cameras around the objects, chosen so that they see as much of the surface as possible"),
    ("CAMERA", "Camera", "The scene's camera alone: what it does not see is filled in from what it does"),
    ("CAMERAS", "Selected Cameras", "Every selected camera, in the order of their names"),
)

_UVS = (
    ("EXISTING", "Existing", "Paint into the active UV map of each object; an image for each"),
    ("NEW", "New", "Unwrap the objects together into a new UV map; one image for all"),
)

_REPAINT = (
    ("ALL", "Everything", "A new texture for the whole surface"),
    ("IMAGE", "Mask Image", "Only where a mask of the texture's size is white; the rest of the texture stays as it is"),
    ("ALPHA", "Transparency", "Only where the texture is transparent: erase it with a brush"),
)

_NOISE: Mapping[NoiseKind, str] = {
    NoiseKind.SURFACE: "Noise that moves with the surfaces",
    NoiseKind.FIXED: "The same noise in every frame",
    NoiseKind.INDEPENDENT: "Other noise in every frame",
}


class SDCORE_PG_prompt(bpy.types.PropertyGroup):
    """A prompt of an animation, from a frame on."""

    __annotations__: dict[str, Any] = {
        "text": StringProperty(name="Prompt", description="What the pictures show from this frame on"),
        "frame": IntProperty(name="Frame", description="Frame from which on the prompt holds", default=1),
        "marker": StringProperty(
            name="Marker", description="Timeline marker whose frame is used instead, wherever it is moved"
        ),
    }

    def frame_in(self, scene: bpy.types.Scene) -> int:
        """Where the prompt begins: at its marker, if there is such a one."""
        marker = scene.timeline_markers.get(self.marker) if self.marker else None
        return self.frame if marker is None else marker.frame


class SDCORE_PG_stylise(bpy.types.PropertyGroup):
    """How renders and animations are stylised."""

    __annotations__: dict[str, Any] = {
        **request_properties(STYLISE, {"overscan": 32}, {"depth_scale": WEIGHT, "strength": {"subtype": "FACTOR"}}),
        **request_properties(
            NOISE,
            options={"noise": {"items": [(str(kind), choice_label(kind), about) for kind, about in _NOISE.items()]}},
        ),
        "use_normal": BoolProperty(
            name="Normals", description="Follow the surface normals too; needs a ControlNet for normals", default=False
        ),
        "normal_scale": weight_property("Normals", "How strongly the normals guide the picture", default=0.5),
        "use_edges": BoolProperty(
            name="Edges",
            description="Follow the outlines and creases too; needs a ControlNet for edges (canny)",
            default=False,
        ),
        "edges_scale": weight_property("Edges", "How strongly the edges guide the picture", default=0.5),
        "on_render": BoolProperty(
            name="After Every Render",
            description="Stylise each still as soon as it is rendered (F12); animations are left alone",
            default=False,
        ),
        "reuse": BoolProperty(
            name="Reuse Earlier Frames",
            description="Move what was generated to the next frame along the motion of its surfaces, so that it holds still",
            default=True,
        ),
        "output": StringProperty(
            name="Output",
            description="Folder for passes, pictures and video; // is where the .blend is",
            subtype="DIR_PATH",
            default="//stylised",
        ),
        "make_video": BoolProperty(name="Video", description="Also write the pictures as a video (MP4)", default=True),
        "prompts": CollectionProperty(type=SDCORE_PG_prompt, name="Prompt"),
        "active_prompt": IntProperty(name="Prompt", description="The prompt that is selected in the list", default=0),
    }


class SDCORE_PG_project(bpy.types.PropertyGroup):
    """How textures are projected onto objects."""

    __annotations__: dict[str, Any] = {
        **request_properties(PROJECT, options={"depth_scale": WEIGHT, "texture_size": {"soft_max": 8192}}),
        "repaint": EnumProperty(
            name="Paint", description="Which part of the objects is painted", items=_REPAINT, default="ALL"
        ),
        "mask": image_property("Mask Image", "White: repaint; black: keep"),
        "views": EnumProperty(
            name="Views", description="From where the objects are painted", items=_VIEWS, default="AUTO"
        ),
        "uvs": EnumProperty(name="UV Map", description="Where the texture goes", items=_UVS, default="EXISTING"),
        "pbr": BoolProperty(
            name="PBR Maps",
            description="Also roughness, normals and height, estimated from the painted colours",
            default=True,
        ),
    }


CLASSES = (SDCORE_PG_prompt, SDCORE_PG_stylise, SDCORE_PG_project)
