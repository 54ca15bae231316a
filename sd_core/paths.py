"""The folder of this user's data: models, presets, approvals; a server's journal, blobs and logs."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path


def home_folder(environment: Mapping[str, str] = os.environ, platform: str = sys.platform) -> Path:
    """`SD_CORE_HOME`, else the platform's folder for user data; it need not exist.

    XDG Base Directory Specification; macOS' Application Support; Windows' LOCALAPPDATA.
    """
    if environment.get("SD_CORE_HOME"):
        return Path(environment["SD_CORE_HOME"]).expanduser()
    if platform == "win32":
        return Path(environment.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "sd_core"
    if platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "sd_core"
    return Path(environment.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "sd_core"
