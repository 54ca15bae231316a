"""The extension as it is shipped: small, valid, installable, and whole without anything but NumPy."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

import sd_core
from blender_addon import package

PROGRAM = Path(package.__file__)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return package.build(tmp_path_factory.mktemp("dist"))


@pytest.fixture(scope="module")
def wheel(built: Path) -> Path:
    with zipfile.ZipFile(built) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith(".whl")]
        return Path(archive.extract(name, built.parent))


def test_the_zip_is_small_and_holds_a_wheel_named_in_its_manifest(built: Path, wheel: Path) -> None:
    assert built.stat().st_size <= 2_000_000
    assert built.name == f"sd_core-{sd_core.__version__}.zip"
    with zipfile.ZipFile(built) as archive:
        names = archive.namelist()
        manifest = archive.read("blender_manifest.toml").decode()
    assert {"__init__.py", "LICENSE", "blender_manifest.toml"} <= set(names)
    assert f'wheels = ["./wheels/{wheel.name}"]' in manifest
    assert not [name for name in names if "__pycache__" in name or name.endswith("package.py")]


def test_the_same_sources_give_the_same_bytes(built: Path, tmp_path: Path) -> None:
    assert package.build(tmp_path).read_bytes() == built.read_bytes()


def test_everything_in_the_wheel_imports_with_numpy_alone(wheel: Path) -> None:
    """In a Python without site-packages, but for NumPy; what Pillow, OpenEXR and torch are for is imported when used."""
    with zipfile.ZipFile(wheel) as archive:
        names = [name for name in archive.namelist() if name.endswith(".py")]
    modules = [name.removesuffix(".py").replace("/", ".").removesuffix(".__init__") for name in names]
    assert "sd_core.client" in modules and "sd_core.engine" not in modules
    numpy = str(Path(np.__file__).parents[1])
    code = (
        "import importlib, importlib.abc, sys\n"
        "class Only(importlib.abc.MetaPathFinder):\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.split('.')[0] in ('PIL', 'torch', 'OpenEXR', 'scipy', 'safetensors', 'diffusers'):\n"
        "            raise ModuleNotFoundError(name)\n"
        "sys.meta_path.insert(0, Only())\n"
        f"sys.path[:0] = [{str(wheel)!r}, {numpy!r}]\n"
        f"for name in {modules!r}: importlib.import_module(name)\n"
        "import sd_core\n"
        f"assert sd_core.__file__.startswith({str(wheel)!r})\n"
        "sd_core.TextToImage(prompt='x').to_json()\n"
    )
    done = subprocess.run([sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_wheel_installs_with_pip(wheel: Path, tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "-q",
        "--no-deps",
        "--no-index",
        "--target",
        str(tmp_path),
        str(wheel),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "sd_core" / "client" / "client.py").is_file()
    assert (tmp_path / f"sd_core_client-{sd_core.__version__}.dist-info" / "METADATA").is_file()


def test_the_program_writes_the_zip_and_says_where(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(PROGRAM), "--output", str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0 and f"sd_core-{sd_core.__version__}.zip" in done.stdout, done.stderr


@pytest.mark.blender
def test_blenders_own_checker_accepts_the_zip_and_writes_a_repository(built: Path) -> None:
    """`blender_ext.py` is what `blender --command extension` runs; here under plain Python."""
    import bpy

    checker = Path(bpy.utils.resource_path("LOCAL")) / "scripts" / "addons_core" / "bl_pkg" / "cli" / "blender_ext.py"
    for arguments in (["validate", str(built)], ["server-generate", f"--repo-dir={built.parent}"]):
        done = subprocess.run([sys.executable, str(checker), *arguments], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    index = json.loads((built.parent / "index.json").read_text())
    assert [(item["id"], item["version"]) for item in index["data"]] == [("sd_core", sd_core.__version__)]


@pytest.mark.blender
def test_installed_from_the_zip_it_works_under_its_other_name(built: Path, tmp_path: Path) -> None:
    """As `bl_ext.user_default.sd_core`, with `sd_core` from the wheel, and nothing of this tree on the path; and once its
    files are replaced, they are what works.
    """
    import bpy

    site = tmp_path / "site"
    site.mkdir()
    for name in ("bpy", "numpy", "numpy.libs"):
        (site / name).symlink_to(Path(bpy.utils.resource_path("LOCAL")).parents[1] / name)
    code = (
        f"import sys; sys.path.append({str(site)!r}); import bpy\n"
        "from pathlib import Path\n"
        f"bpy.ops.extensions.package_install_files(filepath={str(built)!r}, repo='user_default', enable_on_install=True)\n"
        "name = 'bl_ext.user_default.sd_core'\n"
        "preferences = bpy.context.preferences.addons[name].preferences\n"
        "assert preferences.server == 'LOCAL' and hasattr(bpy.context.scene, 'sd_core')\n"
        "preferences.server, preferences.url, preferences.token = 'REMOTE', 'http://127.0.0.1:9', 'secret'\n"
        "read = sys.modules[name + '.preferences'].read_preferences()\n"
        "assert (read.url, read.token) == ('http://127.0.0.1:9', 'secret')\n"
        f"folder = sys.modules[name + '.history'].history_folder()\n"
        f"assert str(folder).startswith({str(tmp_path)!r}), folder\n"
        "import sd_core\n"
        f"assert sd_core.__file__.startswith({str(tmp_path)!r}), sd_core.__file__\n"
        "names = ('sd_core', 'sd_core.errors', name + '.problems')\n"
        "before = [sys.modules[each] for each in names]\n"
        "words = Path(before[-1].__file__); words.write_text(words.read_text() + '\\nUPDATED = True\\n')\n"
        "bpy.ops.preferences.addon_disable(module=name)\n"
        "assert not hasattr(bpy.types.Scene, 'sd_core')\n"
        "bpy.ops.preferences.addon_enable(module=name)\n"
        "assert not any(sys.modules[each] is old for each, old in zip(names, before, strict=True))\n"
        "assert sys.modules[name + '.problems'].UPDATED and hasattr(bpy.context.scene, 'sd_core')\n"
        "print('all is well')\n"
    )
    environment = {**os.environ, "BLENDER_USER_RESOURCES": str(tmp_path), "PYTHONPATH": "", "PYTHONSAFEPATH": "1"}
    done = subprocess.run(
        [sys.executable, "-S", "-c", code],  # without the packages that stand beside `bpy`, `sd_core` among them
        capture_output=True,
        text=True,
        check=False,
        env=environment,
        cwd=tmp_path,
        timeout=300,
    )
    assert "all is well" in done.stdout, done.stdout + done.stderr


@pytest.mark.blender
def test_the_programs_of_a_background_blender_are_in_the_zip(built: Path) -> None:
    from blender_addon.scene.passes.render import PASSES_PROGRAM, VIDEO_PROGRAM

    with zipfile.ZipFile(built) as archive:
        sources = {name: archive.read(name).decode() for name in archive.namelist() if name.endswith(".py")}
    for program in (PASSES_PROGRAM, VIDEO_PROGRAM):
        assert "\ndef main(" in sources[f"{program.replace('.', '/')}.py"]
