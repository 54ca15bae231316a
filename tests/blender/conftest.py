"""The real Blender as a module, the extension registered in it, and a real server with the built-in model."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest

from tests.blender import scenes
from tests.server.servers import START

if TYPE_CHECKING:
    from sd_core.client import ServerProcess

PYTHON = os.environ.get("SD_CORE_PYTHON", sys.executable)
"""An interpreter that has the engine; another one where an older `bpy` wants its own environment."""


@pytest.fixture(scope="session")
def blender_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Folder of the server, which is announced there; Blender's own user folder is beside it."""
    with pytest.MonkeyPatch.context() as patch:
        home = tmp_path_factory.mktemp("home")
        patch.setenv("SD_CORE_HOME", str(home / "server"))
        patch.setenv("BLENDER_USER_RESOURCES", str(home / "blender"))
        yield home / "server"


@pytest.fixture(scope="session")
def addon_server(blender_home: Path) -> Iterator[ServerProcess]:
    """A server that the extension finds."""
    from sd_core.client import start_server

    server = start_server(PYTHON, START, home=blender_home, timeout=180)
    yield server
    server.stop()


@pytest.fixture
def bare_addon(blender_home: Path) -> Iterator[ModuleType]:
    """The extension registered in a fresh file, without a server."""
    import bpy

    import blender_addon

    bpy.ops.wm.read_factory_settings()
    blender_addon.register()
    yield blender_addon
    blender_addon.unregister()


@pytest.fixture
def addon(bare_addon: ModuleType, addon_server: ServerProcess) -> ModuleType:
    """The extension registered in a fresh file with its cube, camera and light, and a server for it."""
    return bare_addon


@pytest.fixture
def settings(bare_addon: ModuleType) -> Any:
    """The settings of the open scene: a picture of 64 px in three steps."""
    import bpy

    held = scenes.small_pictures(bpy.context.scene)
    held.texture_size = "128"
    return held
