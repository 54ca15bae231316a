"""The torch-free half runs where there is nothing but NumPy: in Blender's own Python, say."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from blender_addon.package import client_modules

ROOT = Path(__file__).resolve().parents[2]

HEAVY = ("torch", "diffusers", "transformers", "PIL", "OpenEXR", "rich", "typer", "scipy", "huggingface_hub")

BLOCKED = """
import sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {heavy!r}:
            raise ImportError(name + " is not installed here")
sys.meta_path.insert(0, Blocked())
"""


def run(source: str) -> str:
    """What a fresh interpreter prints."""
    done = subprocess.run([sys.executable, "-c", source], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize(
    "statement",
    [
        "import sd_core",
        f"import {', '.join(client_modules())}, sd_core.values.codec",
    ],
)
def test_importing_brings_in_nothing_heavy(statement: str) -> None:
    assert run(f"{statement}\nimport sys\nprint([name for name in {HEAVY!r} if name in sys.modules])") == "[]"


def test_every_public_name_but_the_engine_works_without_the_heavy_packages() -> None:
    uses = "import sd_core\nprint(len([getattr(sd_core, name) for name in sd_core.__all__ if name != 'Engine']) > 30)"
    assert run(BLOCKED.format(heavy=HEAVY) + uses) == "True"


def test_requests_passes_and_metadata_work_without_the_heavy_packages() -> None:
    source = """
import numpy as np, sd_core, tempfile
from sd_core.passes import depth_control
from sd_core.saving import save_arrays
depth = np.linspace(1, 9, 64, dtype=np.float32).reshape(8, 8)
request = sd_core.DepthToImage(prompt="a", depth=depth, controls=[sd_core.Control("depth", depth_control(depth))])
with tempfile.TemporaryDirectory() as folder:
    save_arrays(request, folder)
    print(sd_core.from_json(request.to_json(), folder=folder) == request)
"""
    assert run(BLOCKED.format(heavy=HEAVY) + source) == "True"


def test_parts_are_there_without_being_imported_by_name() -> None:
    assert (
        run("import sd_core\nprint(sd_core.passes.read_exr is sd_core.read_exr, 'requests' in dir(sd_core))")
        == "True True"
    )


def test_public_names_are_listed_once_and_in_order() -> None:
    import sd_core

    assert sorted(sd_core.__all__) == sd_core.__all__ and len(set(sd_core.__all__)) == len(sd_core.__all__)


def test_a_missing_name_is_an_attribute_error() -> None:
    import sd_core

    with pytest.raises(AttributeError, match="no attribute 'Wizard'"):
        _ = sd_core.Wizard  # type: ignore[attr-defined]
