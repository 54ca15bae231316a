"""The extension type-checks against stubs of Blender's interface, where no Blender is."""

from __future__ import annotations

import json
import subprocess
import sys
import venv
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
STUBS = "fake-bpy-module-latest==20261026"

# What the stubs cannot know: properties that are registered, annotations that are calls, options as plain sets, and that
# a context has what its operator's `poll` asks for.
UNKNOWABLE = (
    "reportAttributeAccessIssue", "reportIncompatibleMethodOverride", "reportIncompatibleVariableOverride",
    "reportInvalidTypeForm", "reportMissingModuleSource", "reportOptionalIterable", "reportOptionalMemberAccess",
    "reportOptionalSubscript",
)  # fmt: skip


SHOWN = ("panels", "preferences.py", "presets.py", "properties.py", "properties_stylise.py")
"""What the user sees; the modules that they import are read too."""


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An interpreter with the stubs and NumPy, and no Blender."""
    folder = tmp_path_factory.mktemp("stubs")
    venv.create(folder, with_pip=True)
    own = folder / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    subprocess.run([own, "-m", "pip", "install", "-q", STUBS, "numpy"], check=True)
    return own


def test_the_extension_type_checks_against_blenders_interface(python: Path, tmp_path: Path) -> None:
    (tmp_path / "blender_addon").symlink_to(ROOT / "blender_addon")
    (tmp_path / "sd_core").symlink_to(ROOT / "sd_core")
    include = [f"blender_addon/{name}" for name in SHOWN]
    settings = {"include": include, "pythonVersion": "3.11", "typeCheckingMode": "standard"}
    (tmp_path / "pyrightconfig.json").write_text(json.dumps(settings | dict.fromkeys(UNKNOWABLE, False)))
    checker = Path(sys.executable).parent / "pyright"
    command = [checker, "--project", tmp_path, "--pythonpath", python, "--outputjson"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    found = json.loads(done.stdout)
    assert found["summary"]["filesAnalyzed"] >= 9
    problems = [
        f"{Path(item['file']).name}:{item['range']['start']['line'] + 1} {item['message']}"
        for item in found["generalDiagnostics"]
    ]
    assert problems == []
