# SPDX-License-Identifier: GPL-3.0-or-later
"""Stable Diffusion in Blender: images, materials, textured meshes, stylised renders and animations.

The extension is under the GNU General Public License (see LICENSE in this folder). It holds no engine: it talks to a
server of `sd_core`, which it can start.
"""

import sys
from pathlib import Path


def register() -> None:
    """Called by Blender when the extension is enabled."""
    from . import registration

    registration.register()


def unregister() -> None:
    """Called by Blender when the extension is disabled."""
    from . import registration

    registration.unregister()
    if __package__.startswith("bl_ext."):
        _unload_modules()


def _unload_modules() -> None:
    """Let the next `register` read everything again: Blender keeps modules when an update replaces their files."""
    import bpy

    wheels = Path(bpy.utils.user_resource("EXTENSIONS"))
    for name, module in list(sys.modules.items()):
        shipped = name.split(".")[0] == "sd_core" and Path(module.__file__ or "").is_relative_to(wheels)
        if shipped or name.startswith(f"{__package__}."):
            del sys.modules[name]
            # `from . import name` would find the old one here.
            globals().pop(name.removeprefix(f"{__package__}."), None)
