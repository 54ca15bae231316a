# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings of stylised renders, animations and projected textures, saved with the scene."""

from collections.abc import Mapping
from typing import Any

import bpy
from bpy.props import (
    BoolProperty,
    CollectionProperty,
    EnumProperty,
    FloatProperty,
    IntProperty,
    StringProperty,
)

from sd_core.requests import NoiseKind
from sd_core.values.choice_labels import choice_label

from .fields import WEIGHT, image_property, request_properties, weight_property
from .request_fields import NOISE, PROJECT, STYLISE
from .scene.surfaces.wishes import KEEP, PROMPT

_BLEND_RELATIVE = "is_path_supports_blend_relative" in bpy.types.Property.bl_rna.properties
_PATH_OPTIONS: Any = {"ANIMATABLE"} | ({"PATH_SUPPORTS_BLEND_RELATIVE"} if _BLEND_RELATIVE else set())
"""Releases that know the second option show paths with // in red without it; older ones refuse it."""

_VIEWS = (
    ("AUTO", "Automatic", "Cameras around the objects, placed so that they see as much of the surface as possible"),
    ("CAMERA", "Camera", "Only the scene camera; surfaces that it does not see are filled from those it sees"),
    ("CAMERAS", "Selected Cameras", "All selected cameras, sorted by name"),
)

_UVS = (
    ("EXISTING", "Existing", "Use the active UV map of each object; one image for each object"),
    ("NEW", "New", "Unwrap all objects into one new UV map; one image for all"),
)

_REPAINT = (
    ("ALL", "Everything", "A new texture for the whole surface"),
    ("IMAGE", "Mask Image", "Only where a mask image is white (same size as the texture); the rest stays unchanged"),
    ("ALPHA", "Transparency", "Only where the texture is transparent (use Erase Alpha in Texture Paint)"),
)

_NOISE: Mapping[NoiseKind, str] = {
    NoiseKind.SURFACE: "Noise that moves with the surfaces",
    NoiseKind.FIXED: "The same noise in every frame",
    NoiseKind.INDEPENDENT: "New noise in every frame",
}


class SDCORE_PG_prompt(bpy.types.PropertyGroup):
    """A prompt of an animation, from a frame on."""

    __annotations__: dict[str, Any] = {
        "text": StringProperty(name="Prompt", description="What the frames show from this frame on"),
        "frame": IntProperty(name="Frame", description="First frame of this prompt", default=1),
        "marker": StringProperty(
            name="Marker",
            description="Timeline marker that sets the first frame of this prompt; the prompt moves with it",
        ),
    }

    def frame_in(self, scene: bpy.types.Scene) -> int:
        """Where the prompt begins: at its marker, if there is such a one."""
        marker = scene.timeline_markers.get(self.marker) if self.marker else None
        return self.frame if marker is None else marker.frame


_METHODS = (
    (
        "AUTO",
        "Automatic",
        "Paint surfaces where the shot shows mostly meshes, else frames; the panel says which and why",
    ),
    (
        "SURFACES",
        "Paint Surfaces",
        "Paint textures once for the whole shot and let Blender render it: steady, with the scene's own light",
    ),
    ("FRAMES", "Paint Frames", "Paint each frame by itself: also smoke, hair and whatever else has no surface"),
)


def _named(row: Any) -> bpy.types.Object | None:
    return next((item for item in bpy.data.objects if item.name_full == row.object), None)


def _holder(row: Any) -> bpy.types.ID | None:
    """Whose prompt it is: the object, or the material of a part of it."""
    if not row.material:
        return _named(row)
    return next((held for held in bpy.data.materials if held.name_full == row.material), None)


def _prompt(row: Any) -> str:
    item = _holder(row)
    return "" if item is None else str(item.get(PROMPT, ""))


def _set_prompt(row: Any, text: str) -> None:
    _set(_holder(row), PROMPT, text)


def _keep(row: Any) -> bool:
    item = _named(row)
    return item is not None and bool(item.get(KEEP, False))


def _set_keep(row: Any, keep: bool) -> None:
    _set(_named(row), KEEP, keep)


def _set(item: bpy.types.ID | None, name: str, value: str | bool) -> None:
    """A custom property; gone where it says nothing."""
    if item is None:
        return
    if value:
        item[name] = value
    elif name in item:
        del item[name]


class SDCORE_PG_surface(bpy.types.PropertyGroup):
    """An object that the shot shows; its wishes are custom properties of the object itself."""

    __annotations__: dict[str, Any] = {
        "share": FloatProperty(
            name="Share", description="Share of the pictures that the object takes", subtype="FACTOR", min=0, max=1
        ),
        "object": StringProperty(name="Object", description="The object"),
        "material": StringProperty(
            name="Material", description="The material, where each of the object's is painted by itself"
        ),
        "surface": StringProperty(name="Surface", description="How the object is painted"),
        "why": StringProperty(name="Why", description="Why it is painted so"),
        "found_prompt": StringProperty(
            name="Found Prompt", description="What it is painted with unless you say otherwise"
        ),
        "prompt": StringProperty(
            name="Prompt",
            description="What the object is painted with; empty: the prompt of its material, its collection or the shot",
            get=_prompt,
            set=_set_prompt,
        ),
        "keep": BoolProperty(
            name="Keep", description="Leave the object's own materials as they are", get=_keep, set=_set_keep
        ),
    }


class SDCORE_PG_stylise(bpy.types.PropertyGroup):
    """How renders and animations are stylised."""

    __annotations__: dict[str, Any] = {
        **request_properties(STYLISE, {"overscan": 32}, {"depth_scale": WEIGHT, "strength": {"subtype": "FACTOR"}}),
        **request_properties(
            NOISE,
            options={"noise": {"items": [(str(kind), choice_label(kind), about) for kind, about in _NOISE.items()]}},
        ),
        "use_normal": BoolProperty(
            name="Normals",
            description="Also guide the image by the surface normals; needs a normal ControlNet",
            default=False,
        ),
        "normal_scale": weight_property("Normals", "How strongly the normals guide the picture", default=0.5),
        "use_edges": BoolProperty(
            name="Edges",
            description="Also guide the image by outlines and creases; needs a Canny ControlNet",
            default=False,
        ),
        "edges_scale": weight_property("Edges", "How strongly the edges guide the picture", default=0.5),
        "on_render": BoolProperty(
            name="After Every Render",
            description="Stylise each still image when its render (F12) has finished; renders of animations are not stylised",
            default=False,
        ),
        "reuse": BoolProperty(
            name="Reuse Earlier Frames",
            description="Reproject the earlier frames along their motion vectors and generate only what is newly visible",
            default=True,
        ),
        "output": StringProperty(
            name="Output",
            description="Folder for passes, frames and video; // is the folder of the .blend file",
            subtype="DIR_PATH",
            options=_PATH_OPTIONS,
            default="//stylised",
        ),
        "make_video": BoolProperty(name="Video", description="Also encode the frames as a video (MP4)", default=True),
        "method": EnumProperty(
            name="Method", description="How the frames of a shot are made", items=_METHODS, default="AUTO"
        ),
        "surface_limit": IntProperty(
            name="Largest Texture",
            description="Largest side of a painted texture; an object gets a texel for each pixel that it takes",
            default=2048,
            min=256,
            max=8192,
            subtype="PIXEL",
        ),
        "surfaces": CollectionProperty(type=SDCORE_PG_surface, name="Objects"),
        "active_surface": IntProperty(name="Object", description="The object that is selected in the list", default=0),
        "prompts": CollectionProperty(type=SDCORE_PG_prompt, name="Prompt"),
        "active_prompt": IntProperty(name="Prompt", description="The prompt that is selected in the list", default=0),
    }


class SDCORE_PG_project(bpy.types.PropertyGroup):
    """How textures are projected onto objects."""

    __annotations__: dict[str, Any] = {
        **request_properties(PROJECT, options={"depth_scale": WEIGHT, "texture_size": {"soft_max": 8192}}),
        "repaint": EnumProperty(
            name="Paint", description="Which part of the surface is generated", items=_REPAINT, default="ALL"
        ),
        "mask": image_property("Mask Image", "White: repaint; black: keep"),
        "views": EnumProperty(
            name="Views", description="Cameras from which the texture is generated", items=_VIEWS, default="AUTO"
        ),
        "uvs": EnumProperty(
            name="UV Map", description="UV map that the texture is written to", items=_UVS, default="EXISTING"
        ),
        "pbr": BoolProperty(
            name="PBR Maps",
            description="Also make roughness, normal and height maps, estimated from the base color",
            default=True,
        ),
    }


CLASSES = (SDCORE_PG_prompt, SDCORE_PG_surface, SDCORE_PG_stylise, SDCORE_PG_project)
