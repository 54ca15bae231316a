# SPDX-License-Identifier: GPL-3.0-or-later
"""Images from text, from another image, under a mask, and larger ones."""

from dataclasses import replace

import bpy
import numpy as np

from sd_core.error_codes import ErrorCode
from sd_core.errors import RequestError
from sd_core.requests import TextToImage
from sd_core.results import Result

from .. import history, jobs
from ..editors import ImageEditorRef
from ..fields import values_of
from ..job import BlenderJob
from ..request_fields import ADDED, GROUPS, TASKS
from ..request_plan import PixelConverter, RequestPlan, base_plan, grey, rgb
from ..results import FinishedImage, image_encoder, show_images
from ..scene.images import ImagePixels, read_pixels
from .common import ReportingOperator, is_ready

_CELL = 8
"""Sides of images are multiples of this, px."""


class _Generate(ReportingOperator):
    """What these operators have in common: read the scene, submit, return."""

    def carry_out(self, context: bpy.types.Context) -> BlenderJob:
        return submit_plan(self.plan(context), ImageEditorRef.of(context), self.bl_label)


def submit_plan(plan: RequestPlan, editor: ImageEditorRef, label: str) -> BlenderJob:
    """Submit a request whose images are shown at `editor`; one undo takes them back."""
    scale = float(plan.values.get("scale", 1))

    def show(_: BlenderJob, result: Result, images: list[FinishedImage]) -> str:
        show_images(images, editor)
        return label

    return jobs.submit(
        plan.make_request,
        label=label,
        convert=image_encoder(history.history_folder(), lambda picture: plan.crop(picture, scale)),
        on_result=show,
        editor=editor,
    )


class SDCORE_OT_generate_image(_Generate, bpy.types.Operator):
    """Make an image from the prompt"""

    bl_idname = "sdcore.generate_image"
    bl_label = "Generate Image"

    def plan(self, context: bpy.types.Context) -> RequestPlan:
        return base_plan(context.scene.sd_core, TextToImage)


class _FromImage(_Generate):
    """Those that begin with an image: the one that is open, else the one that is chosen in the panel."""

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        missing = "Open an image in the Image Editor, or choose one in the panel"
        return is_ready(cls, missing if current_image(context) is None else "")


class SDCORE_OT_generate_from_image(_FromImage, bpy.types.Operator):
    """Make an image from the prompt and the open image"""

    bl_idname = "sdcore.generate_from_image"
    bl_label = "Generate from Image"

    def plan(self, context: bpy.types.Context) -> RequestPlan:
        return _plan_for_image(context, "IMAGE", ImagePixels.to_uint8)


class SDCORE_OT_generate_inpaint(_FromImage, bpy.types.Operator):
    """Repaint the masked part of the open image"""

    bl_idname = "sdcore.generate_inpaint"
    bl_label = "Inpaint"

    def plan(self, context: bpy.types.Context) -> RequestPlan:
        settings = context.scene.sd_core
        plan = _plan_for_image(context, "INPAINT", rgb)
        image = plan.pictures["image"][0]
        masked = _mask_pixels(settings, image)
        if masked is None:
            return plan
        mask, convert = masked
        if mask.size != image.size:
            sizes = [f"{width} x {height} px" for height, width in (mask.size, image.size)]
            raise RequestError(
                "mask",
                f"is {sizes[0]}, but the image {sizes[1]}",
                hint="use a mask of the size of the image",
                code=ErrorCode.MASK_UNUSABLE,
            )
        return replace(plan, pictures=plan.pictures | {"mask": (mask, convert)})


class SDCORE_OT_generate_upscale(_FromImage, bpy.types.Operator):
    """Make the open image larger, with new detail"""

    bl_idname = "sdcore.generate_upscale"
    bl_label = "Upscale"

    def plan(self, context: bpy.types.Context) -> RequestPlan:
        return _plan_for_image(context, "UPSCALE", ImagePixels.to_uint8)


CLASSES = (
    SDCORE_OT_generate_image,
    SDCORE_OT_generate_from_image,
    SDCORE_OT_generate_inpaint,
    SDCORE_OT_generate_upscale,
)


def current_image(context: bpy.types.Context) -> bpy.types.Image | None:
    """The image that is open in the Image Editor, else the one that is chosen in the panel."""
    space = context.space_data
    if space is not None and space.type == "IMAGE_EDITOR" and space.image is not None:
        return space.image
    return context.scene.sd_core.image


def _plan_for_image(context: bpy.types.Context, task: str, convert: PixelConverter) -> RequestPlan:
    """The plan of a task for the open image; where there is an `expand`, it takes what is missing to multiples of 8."""
    settings, kind = context.scene.sd_core, TASKS[task]
    values = values_of(getattr(settings, GROUPS[task]), ADDED[task])
    image = current_image(context)
    assert image is not None
    grabbed = read_pixels(image)
    (height, width), (left, top, right, bottom) = grabbed.size, values.get("expand", (0, 0, 0, 0))
    pictures = {"image": (grabbed, convert)}
    if not (left or top or right or bottom):
        pad = _padding(settings, "image", grabbed.size)
        plan = base_plan(settings, kind, width=None, height=None, **values)
        return replace(plan, pictures=pictures, pad=pad)
    pad = _padding(settings, "expand", (height + top + bottom, width + left + right))
    values["expand"] = (left, top, right + pad[0], bottom + pad[1])
    plan = base_plan(settings, kind, width=None, height=None, **values)
    return replace(plan, pictures=pictures, extra_border=pad)


def _padding(settings: bpy.types.PropertyGroup, field: str, size: tuple[int, int]) -> tuple[int, int]:
    """(right, bottom) px to the next multiples of 8."""
    height, width = size
    pad = -width % _CELL, -height % _CELL
    if any(pad) and not settings.pad:
        padded = f"{width + pad[0]} x {height + pad[1]} px"
        hint = f'turn on "Pad to Multiples of 8": the image is extended to {padded} and the result is cropped'
        raise RequestError(field, f"gives {width} x {height} px: both sides must be multiples of {_CELL}", hint=hint)
    return pad


def _mask_pixels(settings: bpy.types.PropertyGroup, image: ImagePixels) -> tuple[ImagePixels, PixelConverter] | None:
    """Pixels and what makes (h, w) float32 of them, 1 = repaint; None: only the margins are painted."""
    match settings.mask_source:
        case "NONE":
            if not any(settings.inpaint.expand):
                hint = "choose a mask, or how far to expand the image"
                raise RequestError("mask", "no mask and no border to add", hint=hint, code=ErrorCode.MASK_UNUSABLE)
            return None
        case "ALPHA":
            return image, transparency_mask
        case "REGION":
            left, top, width, height = settings.region
            if not (width and height):
                raise RequestError(
                    "region", "nothing is selected", hint="drag a rectangle over the image", code=ErrorCode.REGION_EMPTY
                )
            return image, lambda grabbed: rectangle_mask(grabbed.size, left, top, width, height)
    if settings.mask is None:
        hint = 'press "New Mask" and paint white where to repaint, or choose "None" to expand the image alone'
        raise RequestError("mask", "no mask image is chosen", hint=hint, code=ErrorCode.MASK_UNUSABLE)
    return read_pixels(settings.mask), grey


def transparency_mask(pixels: ImagePixels) -> np.ndarray:
    """(h, w) float32 in [0, 1]: 1 where the image is transparent."""
    return 1 - pixels.rgba()[..., 3]


def rectangle_mask(size: tuple[int, int], left: int, top: int, width: int, height: int) -> np.ndarray:
    """(h, w) float32: 1 within the rectangle, 0 outside."""
    mask = np.zeros(size, np.float32)
    mask[top : top + height, left : left + width] = 1
    return mask
