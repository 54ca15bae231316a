# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds the Python that has `sd_core` with its server; nothing is run for it."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

_PROGRAM = "sd-core"


def find_python(environment: Mapping[str, str] = os.environ) -> str:
    """The interpreter next to the program `sd-core`, on the path or in the active environment; empty if there is none."""
    for folder in _folders(environment):
        for name in ("python.exe", "python3", "python"):
            if (folder / name).is_file():
                return str(folder / name)
    return ""


def _folders(environment: Mapping[str, str]) -> Iterator[Path]:
    """Folders that hold the interpreter of an `sd-core`, the likeliest first."""
    scripts = "Scripts" if sys.platform == "win32" else "bin"
    active = [
        str(Path(environment[name]) / scripts) for name in ("VIRTUAL_ENV", "CONDA_PREFIX") if environment.get(name)
    ]
    for path in (*active, environment.get("PATH", ""), str(Path.home() / ".local" / scripts)):
        program = shutil.which(_PROGRAM, path=path)
        if program is not None:
            # A link, as uv and pipx place it on the path, leads to the environment.
            yield Path(program).resolve().parent
            yield Path(program).resolve().parent.parent  # Windows, outside an environment
