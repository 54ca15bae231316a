# SPDX-License-Identifier: GPL-3.0-or-later
"""The preferences of the extension, and the same as a plain value for other threads."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import bpy
from bpy.props import BoolProperty, EnumProperty, StringProperty

from .find_python import find_python

_SERVERS = (
    ("LOCAL", "This Computer", "A server on this computer, started when it is needed"),
    ("REMOTE", "Remote Server", "A running server, on this or another computer"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Preferences:
    """What the preferences say.

    url: of a server that runs already; empty: one on this computer. python: interpreter with `sd_core`; empty: none found.
    device: as `sd-core serve --device`. online: whether Blender may use the network.
    """

    url: str = ""
    token: str = ""
    python: str = ""
    data_folder: Path | None = None
    device: str = "auto"
    online: bool = False
    free_memory_before_render: bool = False


class SDCORE_AP_preferences(bpy.types.AddonPreferences):
    """Which server makes the images, and how it shares the computer with Blender."""

    bl_idname = __package__ or ""

    server: EnumProperty(name="Server", description="Where images are made", items=_SERVERS, default="LOCAL")
    python: StringProperty(
        name="Python",
        description="The Python in which sd_core is installed; empty: searched automatically",
        subtype="FILE_PATH",
    )
    device: StringProperty(
        name="Device",
        description="Device of the server: auto, cpu, cuda, cuda:1 or mps",
        default="auto",
    )
    home: StringProperty(
        name="Data Folder",
        description="Folder for the server's jobs, LoRAs and approvals; empty: the default folder",
        subtype="DIR_PATH",
    )
    url: StringProperty(name="URL", description="Address of the server", default="http://127.0.0.1:8765")
    token: StringProperty(
        name="Token", description="The server's bearer token, which it prints when it starts", subtype="PASSWORD"
    )
    free_memory_before_render: BoolProperty(
        name="Free GPU Memory Before Rendering",
        description="Unload the models of the server before Cycles renders; the next job loads them again (some seconds)",
        default=False,
    )

    live_picture: BoolProperty(
        name="Live Preview",
        description="Show the unfinished image in the Image Editor while it is generated",
        default=True,
    )

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        layout.use_property_split = True
        layout.prop(self, "server", expand=True)
        for name in self._shown[self.server]:
            layout.prop(self, name)
        if self.server == "LOCAL" and not self.python:
            found = find_python()
            layout.label(
                text=f"Found: {found}"
                if found
                else "No Python with sd_core found: install sd-core, or choose its Python here"
            )
        layout.prop(self, "free_memory_before_render")
        layout.prop(self, "live_picture")

    _shown: ClassVar = {"LOCAL": ("python", "device", "home"), "REMOTE": ("url", "token")}


CLASSES = (SDCORE_AP_preferences,)


def is_live_picture_on() -> bool:
    """The one preference that is asked for at every drawing."""
    addon = bpy.context.preferences.addons.get(__package__ or "")
    return addon is None or addon.preferences is None or addon.preferences.live_picture


def read_preferences() -> Preferences:
    """The preferences as they are now; the defaults where the package is used without being enabled as an extension."""
    online = getattr(bpy.app, "online_access", True)
    addon = bpy.context.preferences.addons.get(__package__ or "")
    stored = None if addon is None else addon.preferences
    if stored is None:
        return Preferences(python=find_python(), online=online)
    remote = stored.server == "REMOTE"
    return Preferences(
        url=stored.url.strip() if remote else "",
        token=stored.token.strip() if remote else "",
        python=bpy.path.abspath(stored.python) or find_python(),
        data_folder=Path(bpy.path.abspath(stored.home)) if stored.home else None,
        device=stored.device or "auto",
        online=online,
        free_memory_before_render=stored.free_memory_before_render,
    )
