"""Stylise Animation on a real server with the built-in model."""

from __future__ import annotations

import json
import re
import signal
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from sd_core.client import start_server
from sd_core.errors import Cancelled, RequestError, ServerError
from sd_core.requests import Keyframe
from tests.blender import scenes
from tests.blender.scenes import needs_bpy
from tests.blender.stylising import SECONDS, farm, follow, pictures, start, turning
from tests.server.servers import START

pytestmark = [
    pytest.mark.blender,
    needs_bpy,
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture
def scene(bare_addon: ModuleType, tmp_path: Path) -> Any:
    return turning(tmp_path / "out")


@pytest.fixture
def untouched(scene: Any) -> Iterator[None]:
    """Whatever the test does, the scene's settings are the same afterwards."""
    remembered = scenes.remembered(scene)
    yield
    scenes.compare(scene, remembered)


def pixels(image: Any) -> np.ndarray:
    from blender_addon.scene.images import read_pixels

    return read_pixels(image).to_uint8()


def test_an_image_that_has_been_drawn_shows_what_is_put_into_it(bare_addon: ModuleType) -> None:
    from blender_addon.scene.images import encode_image, fill_image, new_image

    first, second = (np.full((8, 8, 3), value, np.uint8) for value in (30, 200))
    image = new_image("shown", encode_image(first))
    assert np.array_equal(pixels(image), first)
    fill_image(image, encode_image(second))
    assert np.array_equal(pixels(image), second)


@pytest.fixture
def reference(scene: Any, addon: ModuleType, tmp_path: Path) -> dict[str, np.ndarray]:
    """The pictures of a run that nothing disturbed."""
    follow(start())
    return pictures(tmp_path)


@pytest.mark.usefixtures("addon")
def test_frames_video_and_sequence_are_there(scene: Any, tmp_path: Path) -> None:
    import bpy

    scene.frame_set(2)
    remembered = scenes.remembered(scene)
    job = start()
    follow(job)
    assert job.error is None
    scenes.compare(scene, remembered)
    made = pictures(tmp_path)
    assert list(made) == ["000001.png", "000002.png", "000003.png"]
    assert all(picture.shape == (44, 60, 3) for picture in made.values())
    report = json.loads((tmp_path / "out" / "Scene" / "report.json").read_text())
    assert report["request"]["seed"] == 7
    shown = bpy.data.images["Scene stylised"]
    assert tuple(shown.size) == (60, 44)
    assert np.array_equal(pixels(shown), made["000003.png"])
    sequence = bpy.data.scenes["Scene stylised"]
    strips = getattr(sequence.sequence_editor, "strips", None) or sequence.sequence_editor.sequences
    (strip,) = strips
    assert [element.filename for element in strip.elements] == list(made)
    assert (sequence.frame_start, sequence.frame_end, strip.frame_final_start) == (1, 3, 1)
    frames = decoded(tmp_path / "out" / "Scene" / "Scene.mp4")
    assert len(frames) == 3
    for frame, picture in zip(frames, made.values(), strict=True):
        assert np.abs(frame.astype(int) - picture[..., :3]).mean() < 6, "coded, but shown as it is"


def decoded(path: Path) -> list[np.ndarray]:
    av = pytest.importorskip("av")
    with av.open(str(path)) as file:
        return [frame.to_ndarray(format="rgb24") for frame in file.decode(video=0)]


@pytest.mark.usefixtures("untouched", "addon")
def test_a_cancelled_run_is_taken_up_and_gives_what_an_uninterrupted_one_gives(
    scene: Any, reference: dict[str, np.ndarray], tmp_path: Path
) -> None:
    job = start()
    follow(job, lambda held: "frame 2 of" in held.message)
    job.cancel()
    follow(job)
    assert isinstance(job.error, Cancelled)
    passes = tmp_path / "out" / "Scene" / "passes"
    times = {path.name: path.stat().st_mtime_ns for path in passes.glob("0*.exr")}
    assert {"000001.exr", "000002.exr"} <= times.keys()
    again = start(again=True)
    follow(again)
    assert again.error is None
    assert all((passes / name).stat().st_mtime_ns == held for name, held in times.items())
    made = pictures(tmp_path)
    assert made.keys() == reference.keys()
    assert all(np.array_equal(made[name], reference[name]) for name in made)


def test_after_the_server_was_killed_the_same_job_goes_on(scene: Any, blender_home: Path, tmp_path: Path) -> None:
    home, scene.frame_end, scene.sd_core.num_inference_steps = tmp_path / "server", 8, 12
    remembered = scenes.remembered(scene)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SD_CORE_HOME", str(home))
        first = start_server(arguments=START, home=home, timeout=180)
        job = start()
        follow(job, lambda held: held.message == "1 / 8")
        kept = (tmp_path / "out" / "Scene" / "job.json").read_text()
        first.process.kill()
        first.stop()
        follow(job)
        assert isinstance(job.error, ServerError)
        second = start_server(arguments=START, home=home, timeout=180)
        again = start(again=True)
        follow(again)
        assert again.error is None
        assert again.id == json.loads(kept)["id"]
        second.stop()
    from blender_addon.connection import server

    server.stop()
    assert len(pictures(tmp_path)) == 8
    scenes.compare(scene, remembered)


def test_what_is_missing_is_said_before_anything_starts(scene: Any, tmp_path: Path) -> None:
    import bpy

    from blender_addon.operators.stylise_animation import stylise_animation

    with pytest.raises(RuntimeError, match="no interrupted run in"):
        bpy.ops.sdcore.stylise_animation(again=True)
    with pytest.raises(RequestError, match="empty"):
        stylise_animation(scene, "ViewLayer", range(3, 3))
    scene.camera = None
    with pytest.raises(RuntimeError, match="camera"):
        bpy.ops.sdcore.stylise_animation()
    (tmp_path / "file").write_text("")
    scene.camera = bpy.data.objects["Camera"]
    scene.sd_core.stylise.output = str(tmp_path / "file")
    with pytest.raises(RuntimeError, match="cannot be written"):
        bpy.ops.sdcore.stylise_animation()


def test_prompts_follow_their_markers_and_numbers_their_curves_without_a_change_of_frame(scene: Any) -> None:
    import bpy

    from blender_addon.stylise.keyframes import keyframes

    stylise = scene.sd_core.stylise
    scene.timeline_markers.new("autumn", frame=4)
    assert bpy.ops.sdcore.prompts_from_markers() == {"FINISHED"}
    scene.frame_set(9)
    bpy.ops.sdcore.add_prompt()
    assert [(item.text, item.frame) for item in stylise.prompts] == [("autumn", 4), ("a red wall", 9)]
    scene.timeline_markers["autumn"].frame = 6
    stylise.strength = 1.0
    stylise.keyframe_insert("strength", frame=1)
    stylise.strength = 0.5
    stylise.keyframe_insert("strength", frame=11)
    made = keyframes(scene, range(1, 12, 2), lambda text: f"{text}, oil")
    assert scene.frame_current == 9
    assert [(key.frame, key.prompt) for key in made if key.prompt] == [(3, "autumn, oil"), (4, "a red wall, oil")]
    strengths = [key.strength for key in made]
    assert strengths[0] == 1 and strengths[-1] == pytest.approx(0.5)
    assert strengths == sorted(strengths, reverse=True)  # type: ignore[type-var]
    assert all(isinstance(key, Keyframe) and key.guidance_scale is None for key in made)
    stylise.active_prompt = 0
    assert bpy.ops.sdcore.remove_prompt() == {"FINISHED"}
    assert [item.text for item in stylise.prompts] == ["a red wall"]


def test_the_last_prompt_before_the_range_holds_from_its_first_frame() -> None:
    from blender_addon.stylise.keyframes import prompt_changes

    prompts = [(-5, "a"), (3, "b"), (12, "c"), (99, "d")]
    assert prompt_changes(prompts, range(5, 21, 5)) == {0: "b", 2: "c"}


def test_below_full_strength_the_frames_begin_from_the_scene_as_it_is_rendered(scene: Any, tmp_path: Path) -> None:
    import bpy

    from blender_addon.scene.exr import read_passes
    from blender_addon.scene.passes import render as pass_render

    scene.cycles.samples = 32
    scene.render.film_transparent = True
    wanted = pass_render.PassOptions(pictures=True)
    (path,) = pass_render.prepare_render(scene, "ViewLayer", (1,), tmp_path, options=wanted).run()
    passes = read_passes(path)
    bpy.ops.render.render()
    from blender_addon.scene.render_result import render_result

    shown = render_result(scene, tmp_path) / np.float32(255)
    assert passes.image is not None and passes.depth is not None and passes.object_id is not None
    held = passes.image[2:46, 2:62]
    opaque = shown[..., 3] == 1
    assert opaque.mean() > 0.3
    assert np.abs(held[..., 3] - shown[..., 3]).max() < 0.2
    assert np.abs(held[opaque][:, :3] - shown[opaque][:, :3]).mean() < 0.02
    plain = pass_render.prepare_render(scene, "ViewLayer", (1,), tmp_path / "plain").run()
    coarse = read_passes(plain[0])
    assert np.array_equal(coarse.depth, passes.depth)
    assert np.array_equal(coarse.object_id, passes.object_id), "Cryptomatte outlives the change of the picture"


@pytest.fixture
def blend(scene: Any, tmp_path: Path) -> Path:
    """The scene, saved."""
    import bpy

    path = tmp_path / "shot.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(path))
    return path


@pytest.mark.usefixtures("addon")
def test_a_farm_makes_the_frames_of_a_file_and_ends_with_0(blend: Path, tmp_path: Path) -> None:
    with farm(blend, "--start", "2", "--end", "3") as process:
        said, _ = process.communicate(timeout=SECONDS)
    assert process.returncode == 0, said
    assert list(pictures(tmp_path)) == ["000002.png", "000003.png"]
    assert "frame 1 of 2" in said and "frame 2 of 2" in said and "frames" in said.splitlines()[-1]


def test_a_farm_ends_with_2_after_a_wrong_setting_and_with_1_without_a_server(blend: Path) -> None:
    with farm(blend, "--scene", "nowhere") as process:
        said, _ = process.communicate(timeout=SECONDS)
    assert process.returncode == 2 and "nowhere" in said
    with farm(blend, "--nonsense") as process:
        said, _ = process.communicate(timeout=SECONDS)
    assert process.returncode == 2
    with farm(blend, "--start", "1", "--end", "1", "--url", "http://127.0.0.1:9") as process:
        said, _ = process.communicate(timeout=SECONDS)
    assert process.returncode == 1 and "127.0.0.1:9" in said, said


@pytest.mark.usefixtures("addon")
def test_a_farm_that_is_asked_to_stop_ends_with_130_and_leaves_what_is_finished(blend: Path, tmp_path: Path) -> None:
    with farm(blend, "--end", "200") as process:  # far from done when it is told
        assert process.stdout is not None
        assert any(re.search(r"frame [1-9]", line) for line in process.stdout)
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 130
    assert (tmp_path / "out" / "Scene" / "passes" / "000001.exr").is_file()


@pytest.mark.usefixtures("addon")
def test_a_transparent_animation_keeps_its_alpha(scene: Any, tmp_path: Path) -> None:
    from blender_addon.scene.exr import read_passes

    scene.render.film_transparent, scene.frame_end = True, 1
    scene.sd_core.stylise.make_video = False
    job = start()
    follow(job)
    assert job.error is None
    (picture,) = pictures(tmp_path).values()
    image = read_passes(tmp_path / "out" / "Scene" / "passes" / "000001.exr").image
    assert picture.shape == (44, 60, 4)
    assert image is not None
    assert np.array_equal(picture[..., 3], np.rint(image[10:54, 10:70, 3] * 255).astype(np.uint8))
    assert 0.2 < (picture[..., 3] == 255).mean() < 0.95
