# SPDX-License-Identifier: GPL-3.0-or-later
"""Stable Diffusion in Blender: images, materials, textured meshes, stylised renders and animations.

The extension is under the GNU General Public License (see LICENSE beside this file). It holds no engine: it talks to a
server of `sd_core`, which it can start.
"""


def register() -> None:
    """Called by Blender when the extension is enabled."""
    from . import registration

    registration.register()


def unregister() -> None:
    """Called by Blender when the extension is disabled."""
    from . import registration

    registration.unregister()
