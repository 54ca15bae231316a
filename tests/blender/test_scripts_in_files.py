"""A background Blender runs no code of a file that the open Blender would not run for it, and writes no file of its choice."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from tests.blender import scenes
from tests.blender.scenes import needs_bpy

pytestmark = [pytest.mark.blender, needs_bpy]


@pytest.fixture
def marks(tmp_path: Path) -> Path:
    """Where code of a file leaves a mark when it runs."""
    made = tmp_path / "marks"
    made.mkdir()
    return made


@pytest.fixture
def ran(marks: Path, tmp_path: Path) -> Callable[..., tuple[set[str], Sequence[str]]]:
    """The marks that a background render of the open scene leaves, and what it says it has left out."""
    from blender_addon.scene.passes import render as pass_render

    def render(scene: Any, *, pictures: bool = False) -> tuple[set[str], Sequence[str]]:
        for mark in marks.iterdir():
            mark.unlink()
        folder, left = tmp_path / "render", []
        folder.mkdir()
        wanted = pass_render.PassOptions(pictures=pictures)
        pass_render.prepare_render(scene, scene.view_layers[0].name, (1,), folder, options=wanted).run(
            on_omitted=left.append
        )
        return {path.name for path in marks.iterdir()}, left

    return render


def opened(scene: Any, tmp_path: Path, *, scripts: bool, preference: bool) -> Any:
    """The scene after its file was saved and opened again."""
    import bpy

    path = tmp_path / "project" / "file.blend"
    path.parent.mkdir()
    bpy.ops.wm.save_as_mainfile(filepath=str(path))
    bpy.context.preferences.filepaths.use_scripts_auto_execute = preference
    bpy.ops.wm.open_mainfile(filepath=str(path), use_scripts=scripts)
    return bpy.context.scene


def small_scene() -> Any:
    scene = scenes.turning_cube(24, 16)
    scene.cycles.samples = 1
    return scene


def text(name: str, source: str) -> Any:
    import bpy

    made = bpy.data.texts.new(name)
    made.write(source)
    return made


def touch(mark: Path) -> str:
    return f"__import__('pathlib').Path({str(mark)!r}).touch()"


def mark_by_text(marks: Path) -> None:
    text("own.py", touch(marks / "text")).use_module = True


def mark_by_driver(marks: Path) -> None:
    """A driver of an object that only a render sees."""
    import bpy

    hidden = bpy.data.objects.new("hidden", bpy.data.meshes.new("hidden"))
    bpy.context.scene.collection.objects.link(hidden)
    hidden.hide_viewport = True
    hidden.driver_add("location", 0).driver.expression = f"{touch(marks / 'driver')} or 0"


def mark_by_freestyle(scene: Any, marks: Path) -> None:
    scene.render.use_freestyle = True
    for layer in scene.view_layers:
        layer.use_freestyle, layer.freestyle_settings.mode = True, "SCRIPT"
        layer.freestyle_settings.modules.new().script = text("style.py", touch(marks / "freestyle"))


def add_lines(scene: Any, name: str) -> None:
    import bpy

    settings = scene.view_layers[0].freestyle_settings
    lines = settings.linesets[0] if settings.linesets else settings.linesets.new(name)
    lines.name, lines.linestyle = name, bpy.data.linestyles.new("pen")


def add_script_node(scene: Any) -> None:
    import bpy

    scene.cycles.shading_system = True
    bpy.data.materials["paint"].node_tree.nodes.new("ShaderNodeScript")


def mark_by_compositor(scene: Any, marks: Path) -> None:
    import bpy

    scene.render.use_compositing = True
    tree = bpy.data.node_groups.new("own", "CompositorNodeTree")
    scene.compositing_node_group = tree
    layers, output = tree.nodes.new("CompositorNodeRLayers"), tree.nodes.new("CompositorNodeOutputFile")
    output.directory, output.file_name = str(marks), "compositor"
    output.file_output_items.new("RGBA", "picture")
    tree.links.new(layers.outputs["Image"], output.inputs[0])


def test_nothing_of_a_file_runs_where_scripts_are_off(
    bare_addon: ModuleType, marks: Path, tmp_path: Path, ran: Any
) -> None:
    scene = small_scene()
    mark_by_text(marks)
    mark_by_driver(marks)
    mark_by_freestyle(scene, marks)
    add_script_node(scene)
    mark_by_compositor(scene, marks)
    scene = opened(scene, tmp_path, scripts=False, preference=False)
    found, left = ran(scene, pictures=True)
    assert found == set()
    assert left == ["Freestyle with Python scripts", "Open Shading Language"]


@pytest.mark.parametrize("mark", [mark_by_text, mark_by_driver])
def test_nothing_runs_of_a_file_that_was_opened_as_not_trusted(
    bare_addon: ModuleType, marks: Path, tmp_path: Path, ran: Any, mark: Callable[[Path], None]
) -> None:
    scene = small_scene()
    mark(marks)
    assert ran(opened(scene, tmp_path, scripts=False, preference=True))[0] == set()


@pytest.mark.parametrize("by_glob", [False, True])
def test_nothing_runs_of_a_file_in_an_excluded_folder(
    bare_addon: ModuleType, marks: Path, tmp_path: Path, ran: Any, by_glob: bool
) -> None:
    import bpy

    scene = small_scene()
    mark_by_text(marks)
    mark_by_driver(marks)
    scene = opened(scene, tmp_path, scripts=True, preference=True)
    held = bpy.context.preferences.autoexec_paths.new()
    held.path, held.use_glob = (str(tmp_path / "pro*"), True) if by_glob else (str(tmp_path / "project"), False)
    try:
        assert ran(scene)[0] == set()
    finally:
        bpy.context.preferences.autoexec_paths.remove(held)


def test_a_trusted_file_runs_its_scripts_in_the_background_too(
    bare_addon: ModuleType, marks: Path, tmp_path: Path, ran: Any
) -> None:
    scene = small_scene()
    mark_by_text(marks)
    mark_by_driver(marks)
    mark_by_freestyle(scene, marks)
    scene = opened(scene, tmp_path, scripts=True, preference=True)
    assert ran(scene, pictures=True) == ({"text", "driver", "freestyle"}, [])


def test_the_job_and_its_panel_tell_what_was_left_out(
    addon: ModuleType, marks: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:

    from blender_addon.panels.status import draw_jobs
    from tests.blender import stylising
    from tests.blender.layouts import Layout

    scene = small_scene()
    scenes.few_steps(scene)
    scene.frame_end, scene.sd_core.stylise.strength, scene.sd_core.stylise.make_video = 1, 0.5, False
    scene.sd_core.stylise.output = str(tmp_path / "out")
    mark_by_freestyle(scene, marks)
    opened(scene, tmp_path, scripts=False, preference=False)
    job = stylising.start()
    stylising.follow(job)
    assert job.error is None
    assert not list(marks.iterdir())
    assert job.warnings == ["Freestyle with Python scripts is not rendered, because scripts of this file may not run"]
    layout = Layout()
    wide = SimpleNamespace(
        region=SimpleNamespace(width=4000), preferences=SimpleNamespace(system=SimpleNamespace(ui_scale=1.0))
    )
    draw_jobs(layout, wide)  # type: ignore[arg-type]
    assert job.warnings[0] in layout.told


def test_freestyle_in_editor_mode_draws_where_scripts_are_off(bare_addon: ModuleType, tmp_path: Path, ran: Any) -> None:
    from blender_addon.scene.exr import read_passes

    found = []
    for folder, styled in (("plain", False), ("styled", True)):
        scene = small_scene()
        scene.render.use_freestyle = scene.view_layers[0].use_freestyle = styled
        scene.view_layers[0].freestyle_settings.mode = "EDITOR"
        add_lines(scene, "it's")
        (tmp_path / folder).mkdir()
        assert ran(opened(scene, tmp_path / folder, scripts=False, preference=False), pictures=True)[1] == []
        found.append(read_passes(tmp_path / "render" / "000001.exr").image)
        (tmp_path / "render").rename(tmp_path / folder / "render")
    assert not (found[0] == found[1]).all()


@pytest.mark.parametrize("place", ["lines", "layer"])
def test_names_in_freestyles_editor_mode_run_nothing(
    bare_addon: ModuleType, marks: Path, tmp_path: Path, ran: Any, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    monkeypatch.chdir(marks)  # a name has 63 bytes
    scene = small_scene()
    scene.render.use_freestyle = scene.view_layers[0].use_freestyle = True
    code = '\\\',__import__("os").mkdir("ran"))#'
    add_lines(scene, code if place == "lines" else "lines")
    if place == "layer":
        scene.view_layers[0].name = code
    found, left = ran(opened(scene, tmp_path, scripts=False, preference=False), pictures=True)
    assert found == set()
    assert left == ([] if place == "lines" else ["Freestyle with Python scripts"])
