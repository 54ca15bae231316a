# SPDX-License-Identifier: GPL-3.0-or-later
"""The history: PNG files that carry their requests, in the extension's user folder, with thumbnails."""

from __future__ import annotations

import time
import uuid
from collections.abc import Sequence
from pathlib import Path

import bpy
import bpy.utils.previews
from bpy.props import EnumProperty, PointerProperty

from sd_core.files import write_files
from sd_core.requests import Request
from sd_core.saving import save_arrays

MAX_SHOWN = 60
"""The newest images that the panel offers."""

_NONE = ("NONE", "No Images", "Generated images appear here", "IMAGE_DATA", 0)


class _ThumbnailMenu:
    """Thumbnails and the items of the menu: Blender wants the strings of a menu kept."""

    def __init__(self) -> None:
        self.previews: bpy.utils.previews.ImagePreviewCollection | None = None
        self.items: list[tuple[str, str, str, int | str, int]] = [_NONE]
        self.stale = True


_menu = _ThumbnailMenu()


def user_folder() -> Path:
    """The extension's own folder for files, made where it is missing; for the main thread."""
    package = __package__ or ""
    if package.startswith("bl_ext."):
        return Path(bpy.utils.extension_path_user(package, create=True))
    return Path(bpy.utils.user_resource("DATAFILES", path="sd_core", create=True))


def history_folder() -> Path:
    """Where the images are kept; for the main thread."""
    return user_folder() / "history"


def save_images(folder: Path, images: Sequence[tuple[bytes, Request]]) -> list[Path]:
    """Write images and the arrays that they were made from; safe to call from any thread.

    Raises:
        OutputError: they cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    now = time.time()
    # Names are in the order in which the images were made, also within a second.
    stem = f"{time.strftime('%Y%m%d-%H%M%S', time.localtime(now))}-{int(now % 1 * 1000):03d}-{uuid.uuid4().hex[:6]}"
    paths = [folder / f"{stem}-{index}.png" for index in range(len(images))]
    if images and images[0][1].arrays():
        save_arrays(images[0][1], folder / f"{stem}.inputs")
    write_files((path, png) for path, (png, _) in zip(paths, images, strict=True))
    _menu.stale = True
    return paths


def remove_image(path: Path) -> None:
    """Remove an image of the history, and its inputs where no other image was made from them."""
    path.unlink(missing_ok=True)
    stem = path.stem.rsplit("-", 1)[0]
    inputs = path.with_name(f"{stem}.inputs")
    if inputs.is_dir() and not list(path.parent.glob(f"{stem}-*.png")):
        for file in inputs.glob(f"{'[0-9a-f]' * 64}.npy"):
            file.unlink()
        if not any(inputs.iterdir()):  # else somebody keeps something of his own there
            inputs.rmdir()
    _menu.stale = True


def selected_image(context: bpy.types.Context) -> Path | None:
    """The image that is selected in the panel."""
    name = context.window_manager.sd_core.history
    return None if name in ("", "NONE") else history_folder() / name


def _menu_items(_: object, context: bpy.types.Context | None) -> list[tuple[str, str, str, int | str, int]]:
    if _menu.stale and _menu.previews is not None:
        _menu.stale = False
        _menu.items = _load_items(_menu.previews) or [_NONE]
    return _menu.items


def _load_items(previews: bpy.utils.previews.ImagePreviewCollection) -> list[tuple[str, str, str, int | str, int]]:
    """The newest first; thumbnails are read when they are first drawn."""
    paths = sorted(history_folder().glob("*.png"), reverse=True)[:MAX_SHOWN]
    for path in paths:
        if path.name not in previews:
            previews.load(path.name, str(path), "IMAGE")
    return [
        (path.name, path.stem, f"Made {path.stem[:15]}", previews[path.name].icon_id, index)
        for index, path in enumerate(paths)
    ]


class SDCORE_PG_window(bpy.types.PropertyGroup):
    """What the panels remember while Blender runs; it is not saved."""

    __annotations__ = {"history": EnumProperty(name="History", description="Generated images", items=_menu_items)}


CLASSES = (SDCORE_PG_window,)


def register() -> None:
    """Make room for thumbnails."""
    _menu.previews = bpy.utils.previews.new()
    _menu.stale = True
    bpy.types.WindowManager.sd_core = PointerProperty(type=SDCORE_PG_window, options={"SKIP_SAVE"})


def unregister() -> None:
    """Drop the thumbnails."""
    del bpy.types.WindowManager.sd_core
    if _menu.previews is not None:
        bpy.utils.previews.remove(_menu.previews)
    _menu.previews, _menu.items = None, [_NONE]
