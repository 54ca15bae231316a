"""A copy of the project in which `Generation` has one more field, and nothing else is changed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGES = ("sd_core", "jupyter_ext", "blender_addon", "tests")
_WEIGHTS = "builtin"

_BEFORE = "    seamless: Seamless = field("
_FIELD = """    mood: str = field(
        about=About(label="Mood", help="Mood of the picture, such as calm"), converter=text, default=""
    )
"""


def project_with_new_field(folder: Path) -> Path:
    """The copy; its weights are links to the project's own."""
    for package in PACKAGES:
        ignored = shutil.ignore_patterns("__pycache__", _WEIGHTS)
        shutil.copytree(ROOT / package, folder / package, ignore=ignored)
    (folder / "sd_core/models" / _WEIGHTS).symlink_to(ROOT / "sd_core/models" / _WEIGHTS)
    path = folder / "sd_core/requests/generation.py"
    source = path.read_text()
    assert source.count(_BEFORE) == 1
    path.write_text(source.replace(_BEFORE, _FIELD + _BEFORE))
    return folder


def run_there(folder: Path, script: str, *arguments: str, seconds: float = 240) -> str:
    """Run a script in the copy; gives what it prints.

    Raises:
        AssertionError: it fails.
    """
    environment = os.environ | {"PYTHONPATH": str(folder), "SD_CORE_HOME": str(folder / "home")}
    command = [sys.executable, "-c", script, *arguments]
    ended = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=seconds, check=False
    )
    assert ended.returncode == 0, f"{ended.stdout}\n{ended.stderr}"
    return ended.stdout
