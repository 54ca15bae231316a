"""Stylise Animation replaces and removes what it wrote itself, and nothing else."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from sd_core.errors import OutputError
from tests.blender.scenes import needs_bpy
from tests.blender.stylising import SECONDS, farm, follow, pictures, start, turning

pytestmark = [
    pytest.mark.blender,
    needs_bpy,
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture
def scene(bare_addon: ModuleType, tmp_path: Path) -> Any:
    return turning(tmp_path / "out")


@pytest.fixture
def reference(scene: Any, addon: ModuleType, tmp_path: Path) -> dict[str, np.ndarray]:
    """The pictures of a run that nothing disturbed."""
    follow(start())
    return pictures(tmp_path)


@pytest.fixture
def blend(scene: Any, tmp_path: Path) -> Path:
    """The scene, saved."""
    import bpy

    path = tmp_path / "shot.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(path))
    return path


def test_pictures_of_an_earlier_run_stay_until_there_are_others(tmp_path: Path) -> None:
    from blender_addon.stylise.output import AnimationOutput

    output = AnimationOutput(tmp_path, "Shot", range(1, 4))
    output.claim(resume=False)
    for frame in output.frames:
        output.write_picture(frame, b"old")
        output.keep_data(frame, rendered(output, frame))
    output.keep_video(written(output.staging_path("video.mp4")))
    output.replace_scene_copy(written(output.staging_path("scene.blend")), "{}")
    passes = {path.name for path in (tmp_path / "passes").iterdir()}
    assert passes == {"scene.blend", "order.json"}
    assert len(list((tmp_path / "frames").iterdir())) == 3 and output.video.is_file()
    output.clear_pictures()
    output.close()
    assert not list((tmp_path / "frames").iterdir()) and not output.video.exists()


def written(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"made")
    return path


def rendered(output: Any, frame: int) -> Path:
    """A folder in which the data of a frame lie."""
    folder = output.staging_path("passes")
    for suffix in (".exr", ".json"):
        written(folder / f"{frame:06d}{suffix}")
    return folder


MINE = (
    "frames/000009.png",
    "frames/mine.png",
    "passes/000009.exr",
    "passes/mine.json",
    "other.mp4",
    "report.html",
    "x.tmp",
)


def test_what_is_somebody_elses_is_neither_removed_nor_replaced(tmp_path: Path) -> None:
    from blender_addon.stylise.output import AnimationOutput

    for name in MINE:
        written(tmp_path / name)
    (tmp_path / "Shot.mp4").write_bytes(b"mine")
    output = AnimationOutput(tmp_path, "Shot", range(1, 3))
    with pytest.raises(OutputError, match=r"Shot\.mp4: lies where a file is to be written"):
        output.claim(resume=False)
    (tmp_path / "Shot.mp4").unlink()
    for _ in range(2):
        output.claim(resume=False)
        output.replace_scene_copy(written(output.staging_path("scene.blend")), "{}")
        output.keep_data(1, rendered(output, 1))
        output.clear_pictures()
        output.write_picture(1, b"new")
        output.write_report({})
        output.forget_job()
        output.close()
    assert all((tmp_path / name).read_bytes() == b"made" for name in MINE)


def test_a_picture_that_was_retouched_is_named_and_kept(tmp_path: Path) -> None:
    from blender_addon.scene.png import encode_png
    from blender_addon.stylise.output import AnimationOutput

    mine = encode_png(np.zeros((8, 8, 3), np.uint8))
    output = AnimationOutput(tmp_path, "Shot", range(1, 3))
    output.claim(resume=False)
    output.write_picture(1, b"made")
    output.close()
    output.picture(1).write_bytes(mine)
    output.claim(resume=False)
    with pytest.raises(OutputError, match=r"000001\.png: was changed by another program"):
        output.replace_scene_copy(written(output.staging_path("scene.blend")), "{}")
    output.clear_pictures()
    assert output.write_picture(1, b"made").read_bytes() == mine
    output.picture(1).write_bytes(mine[:-9])
    assert output.write_picture(1, b"made").read_bytes() == b"made", "what is cut is made again"
    assert (tmp_path / "frames" / "000001.changed.png").read_bytes() == mine[:-9]
    output.close()


def test_the_copy_of_a_scene_is_not_replaced_while_it_is_worked_on(scene: Any, tmp_path: Path) -> None:
    import bpy

    from blender_addon.operators.stylise_animation import output_of

    output = output_of(scene, range(1, 4))
    output.claim(resume=False)
    output.replace_scene_copy(written(output.staging_path("scene.blend")), "{}")
    output.close()
    copy = output.passes / "scene.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "shot.blend"))
    copy.unlink()
    copy.hardlink_to(tmp_path / "shot.blend")
    before = copy.read_bytes()
    with pytest.raises(RuntimeError, match="is in use by this Blender and would be overwritten"):
        bpy.ops.sdcore.stylise_animation()
    assert copy.read_bytes() == before


def test_two_that_work_at_the_same_frames_are_reported(scene: Any, tmp_path: Path) -> None:
    from blender_addon.operators.stylise_animation import output_of

    with_others = output_of(scene, range(4, 7))
    with_others.claim(resume=False)
    first = output_of(scene, range(1, 4))
    first.claim(resume=False)
    import bpy

    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    with pytest.raises(RuntimeError, match="is worked in at frames 1 to 3 by"):
        bpy.ops.sdcore.stylise_animation()
    assert {path: path.stat().st_mtime_ns for path in before} == before
    first.close()
    with_others.close()


def test_a_folder_of_an_earlier_version_is_taken_up(
    scene: Any, reference: dict[str, np.ndarray], tmp_path: Path
) -> None:
    import bpy

    out = tmp_path / "out" / "Scene"
    (out / "sd_core.manifest.json").unlink()
    with pytest.raises(RuntimeError, match="lies where a file is to be written"):
        bpy.ops.sdcore.stylise_animation()
    times = {path: path.stat().st_mtime_ns for path in (out / "passes").glob("0*.exr")}
    job = start(again=True)
    follow(job)
    assert job.error is None
    assert {path: path.stat().st_mtime_ns for path in times} == times
    assert all(np.array_equal(made, reference[name]) for name, made in pictures(tmp_path).items())


@pytest.mark.usefixtures("addon")
def test_frames_that_are_made_again_leave_the_rest_and_can_be_taken_up(
    scene: Any, reference: dict[str, np.ndarray], tmp_path: Path
) -> None:
    import bpy

    out = tmp_path / "out" / "Scene"
    others = ("frames/000001.png", "passes/000001.exr", "Scene.mp4", "report.json", "passes/scene.blend")
    before = {name: (out / name).read_bytes() for name in others}
    scene.sd_core.seed = 8
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "shot.blend"))
    for more in ((), ("--resume",)):
        with farm(tmp_path / "shot.blend", "--start", "2", "--end", "3", *more) as process:
            said, _ = process.communicate(timeout=SECONDS)
        assert process.returncode == 0, said
        assert {name: (out / name).read_bytes() for name in others} == before
    made = pictures(tmp_path)
    assert made.keys() == reference.keys()
    assert not np.array_equal(made["000002.png"], reference["000002.png"])
    assert (out / "Scene-000002-000003.mp4").is_file()
    assert not list((out / ".sd_core").glob("unfinished-*")) and not list(out.glob("job*.json"))


@pytest.mark.usefixtures("addon")
def test_several_of_a_farm_make_their_frames_in_one_folder_at_once(blend: Path, tmp_path: Path) -> None:
    parts = (("1", "1"), ("2", "3"))
    processes = [farm(blend, "--start", first, "--end", last) for first, last in parts]
    said = [process.communicate(timeout=SECONDS)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0], said
    assert list(pictures(tmp_path)) == ["000001.png", "000002.png", "000003.png"]
    out = tmp_path / "out" / "Scene"
    listed = json.loads((out / "sd_core.manifest.json").read_bytes())["files"]
    found = {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()}
    assert set(listed) == {name for name in found if not name.startswith((".sd_core", "sd_core"))}
