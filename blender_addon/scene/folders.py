# SPDX-License-Identifier: GPL-3.0-or-later
"""Where files go: next to the .blend, else into the extension's own folder."""

from __future__ import annotations

import re
from pathlib import Path

import bpy


def output_folder(chosen: str, name: str, fallback: Path) -> Path:
    """The folder for what is called `name`.

    Args:
        chosen: the user's folder; "//" is where the .blend is.
        fallback: what stands for "//" while the .blend has not been saved.
    """
    relative = chosen.startswith("//") and not bpy.data.filepath
    base = fallback / chosen[2:] if relative else Path(bpy.path.abspath(chosen))
    return base / (re.sub(r"[^\w.-]+", "_", name).strip("._") or "scene")
