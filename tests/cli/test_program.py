from __future__ import annotations

import json
import os
import re
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from sd_core import Adjust, Engine, __version__, load_request
from sd_core.values import read_picture, to_pillow
from tests.cli.conftest import Run, environment
from tests.conftest import Built
from tests.tiny import TinyKind

SMALL = ("--width", 64, "--height", 64, "--num-inference-steps", 2, "--dtype", "float32")


@pytest.fixture
def model(tiny: Built) -> Path:
    return tiny(TinyKind.SD1)


def loaded_by(folder: Path, *arguments: str, names: tuple[str, ...] = ("torch", "diffusers", "transformers")) -> str:
    """Which of these modules a fresh interpreter holds after a command that ends well."""
    check = f"import sys; sys.argv = {['sd-core', *arguments]}\nfrom sd_core.cli import main\n"
    check += "try: main()\nexcept SystemExit as end: assert not end.code, end.code\n"
    check += f"print([name for name in {names} if name in sys.modules])"
    command = [sys.executable, "-c", check]
    done = subprocess.run(command, env=environment(), cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()[-1]


def test_help_needs_nothing_heavy(tmp_path: Path) -> None:
    assert loaded_by(tmp_path, "--help", names=("torch", "diffusers", "transformers", "PIL", "scipy")) == "[]"


@pytest.mark.parametrize(
    "command",
    [
        ("models", "list"),
        ("models", "show", "sd15"),
        ("adjust", "--image", "in.png", "--exposure", "1", "-o", "out.png"),
    ],
    ids=" ".join,
)
def test_what_needs_no_network_does_not_wait_for_torch(command: tuple[str, ...], tmp_path: Path) -> None:
    to_pillow(np.full((64, 64, 3), 60, np.uint8)).save(tmp_path / "in.png")
    assert loaded_by(tmp_path, *command) == "[]"


def test_a_picture_is_adjusted_as_an_engine_does_it(sd_core: Run, tmp_path: Path) -> None:
    picture = np.random.default_rng(1).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    to_pillow(picture).save(tmp_path / "in.png")
    finished = sd_core("adjust", "--image", "in.png", "--exposure", 1, "--hue", 40, "-o", "out.png", "--json")
    with Engine(device="cpu") as engine:
        result = engine.run(Adjust(image=picture, exposure=1, hue=40))
    assert np.array_equal(read_picture(tmp_path / "out.png"), result.images[0])
    assert load_request(tmp_path / "out.png") == result.request
    assert json.loads(finished.stdout)["timings"].keys() == result.timings.keys()


@pytest.mark.parametrize("command", [(), ("txt2img",), ("models",), ("train", "builtin"), ("serve",)])
def test_every_command_explains_itself(sd_core: Run, command: tuple[str, ...]) -> None:
    assert "Usage" in sd_core(*command, "--help").stdout


def test_the_version_is_that_of_the_package(sd_core: Run) -> None:
    assert sd_core("--version").stdout.strip() == f"sd-core {__version__}"


def test_an_image_is_written_and_made_again_from_its_file(sd_core: Run, model: Path, tmp_path: Path) -> None:
    done = sd_core("txt2img", "a red wall", *SMALL, "--model", model, "--seed", 3, "-o", "wall.png")
    assert "wrote wall.png  (64 x 64 px, seed 3" in done.stdout
    again = re.search(r"again: sd-core (.*)", done.stdout)
    assert again
    sd_core(*again[1].split(), "--dtype", "float32")
    assert np.array_equal(read_picture(tmp_path / "wall.png"), read_picture(tmp_path / "wall-again.png"))


def test_a_saved_request_prints_itself_as_python(sd_core: Run, model: Path, tmp_path: Path) -> None:
    sd_core("txt2img", "a red wall", *SMALL, "--model", model, "-o", "wall.png")
    source = sd_core("run", "wall.png", "--python").stdout
    assert "request = TextToImage(" in source
    assert not (tmp_path / "wall-again.png").exists()


def test_json_is_one_line_for_each_image(sd_core: Run, model: Path, tmp_path: Path) -> None:
    done = sd_core("txt2img", "red", *SMALL, "--model", model, "--seed", 5, "--num-images", 2, "--json")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["seed"] for line in lines] == [5, 6]
    assert all((tmp_path / line["path"]).is_file() for line in lines)
    assert {"total"} <= lines[0]["timings"].keys()
    assert done.stderr == ""


def test_without_a_name_no_file_is_overwritten(sd_core: Run, model: Path, tmp_path: Path) -> None:
    for _ in range(2):
        sd_core("txt2img", "Red, wall!", *SMALL, "--model", model, "--json")
    assert sorted(path.name for path in tmp_path.glob("*.png")) == ["red-wall-2.png", "red-wall.png"]


def test_an_existing_file_is_kept_unless_it_may_be_overwritten(sd_core: Run, tmp_path: Path) -> None:
    for name, value in (("in.png", 60), ("out.png", 10)):
        to_pillow(np.full((64, 64, 3), value, np.uint8)).save(tmp_path / name)
    (tmp_path / "link.png").symlink_to("in.png")
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    brighter = ("adjust", "--image", "in.png", "--exposure", 1)
    assert "out.png is there already" in sd_core(*brighter, "-o", "out.png", code=2).stderr
    for name in ("in.png", "link.png", "./in.png"):
        output = sd_core(*brighter, "-o", name, "--overwrite", code=2).stderr
        assert "is what this is made from" in output
    for name, output in (("out.tiff", "no suffix"), (".", "no suffix"), ("no/where.png", "create the folder")):
        assert output in sd_core(*brighter, "-o", name, code=1 if "/" in name else 2).stderr
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    sd_core(*brighter, "-o", "out.png", "--overwrite")
    assert read_picture(tmp_path / "out.png").mean() > 70
    assert "is what this is made from" in sd_core("run", "out.png", "-o", "out.png", "--overwrite", code=2).stderr


def test_each_kind_of_request_runs(sd_core: Run, model: Path, controlnet: Built, tmp_path: Path) -> None:
    picture = np.random.default_rng(1).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    to_pillow(picture).save(tmp_path / "in.png")
    to_pillow(np.where(np.arange(64) < 32, 255, 0)[None].repeat(64, 0).astype(np.uint8)).save(tmp_path / "mask.png")
    np.save(tmp_path / "depth.npy", np.linspace(1, 5, 4096, dtype=np.float32).reshape(64, 64))
    common = ("--model", model, "--num-inference-steps", 2, "--json")
    sd_core("img2img", "red", "--image", "in.png", "--strength", 0.9, "-o", "a.png", *common)
    sd_core("inpaint", "", "--image", "in.png", "--mask", "mask.png", "--fill", "surroundings", "-o", "b.png", *common)
    depth = ("--depth", "depth.npy", "--depth-range", 1, 6, "--controlnet", controlnet(TinyKind.SD1))
    sd_core("depth2img", "red", *depth, "-o", "c.png", *common)
    sd_core("upscale", "red", "--image", "in.png", "--scale", 2, "--strength", 0.9, "-o", "d.png", *common)
    sd_core("adjust", "--image", "in.png", "--exposure", 1, "-o", "e.png", "--json")
    sizes = {name: read_picture(tmp_path / f"{name}.png").shape for name in "abcde"}
    assert sizes == dict.fromkeys("abce", (64, 64, 3)) | {"d": (128, 128, 3)}


def test_a_texture_is_written_with_the_maps_that_were_asked_for(sd_core: Run, model: Path, tmp_path: Path) -> None:
    asked = ("--map", "base_color", "--map", "normal", "--normal-convention", "directx")
    sd_core("texture", "red wall", *SMALL, "--model", model, "--seed", 1, *asked, "-o", "wall.png", "--json")
    assert {path.name for path in tmp_path.glob("*.png")} == {"wall.png", "wall_normal.png"}
    again = sd_core("run", "wall.png", "--python").stdout
    assert "TextureMap.NORMAL" in again or "'normal'" in again


def test_a_mesh_is_textured(sd_core: Run, model: Path, controlnet: Built, tmp_path: Path) -> None:
    box = ["v 0 0 0", "v 1 0 0", "v 0 1 0", "v 0 0 1", "f 1 3 2", "f 1 2 4", "f 1 4 3", "f 2 3 4"]
    (tmp_path / "box.obj").write_text("\n".join(box))
    how = ("--model", model, "--controlnet", controlnet(TinyKind.SD1), "--texture-size", 64, "--max-views", 2)
    sd_core("texture-mesh", "box.obj", "red wall", *SMALL, *how, "-o", "box.glb", "--json")
    assert (tmp_path / "box.glb").read_bytes()[:4] == b"glTF"


def test_a_style_wraps_the_prompt(sd_core: Run, model: Path) -> None:
    sd_core("txt2img", "red", *SMALL, "--model", model, "--style", "watercolour", "-o", "w.png")
    assert "red, loose watercolour" in sd_core("run", "w.png", "--python").stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("txt2img", "red", "--width", "515"), "width: must be a multiple of 8"),
        (("txt2img", "red", "--control", "nothing"), "control: must be KIND=IMAGE"),
        (("txt2img", "red", "--style", "none such"), "style: there is no style"),
        (("img2img", "red", "--image", "missing.png"), "image: missing.png cannot be read"),
        (("run", "missing.png"), "cannot be read"),
        (("txt2img", "red", "--device", "abacus"), "device: unknown device"),
        (("txt2img",), "Missing argument"),
    ],
)
def test_a_bad_request_ends_with_2_and_names_the_field(
    sd_core: Run, tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    assert message in sd_core(*arguments, code=2).stderr
    assert list(tmp_path.iterdir()) == []


def test_a_missing_model_ends_with_1(sd_core: Run) -> None:
    assert "no-such-model" in sd_core("txt2img", "red", "--model", "no-such-model", code=1).stderr


def test_errors_are_json_for_scripts(sd_core: Run) -> None:
    done = sd_core("txt2img", "red", "--model", "no-such-model", "--json", code=1)
    assert json.loads(done.stderr)["error"] == "ModelNotFound"
    assert done.stdout == ""


def test_a_folder_that_cannot_be_written_ends_with_1(sd_core: Run, model: Path) -> None:
    done = sd_core("txt2img", "red", *SMALL, "--model", model, "-o", "no/such/folder/a.png", code=1)
    assert "no/such/folder" in done.stderr


def test_ctrl_c_ends_with_130_and_leaves_no_file(model: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "sd_core.cli", "txt2img", "red", "--num-inference-steps", "999"]
    command += ["--width", "64", "--height", "64", "--num-images", "50", "--model", str(model)]
    terminal, inside = os.openpty()
    process = subprocess.Popen(command, cwd=tmp_path, env=environment() | {"TERM": "xterm"}, stderr=inside)
    os.close(inside)
    try:
        output = shown(terminal, until="denoising")
        os.kill(process.pid, signal.SIGINT)
        output += shown(terminal)
        assert process.wait(timeout=60) == 130, output[-500:]
    finally:
        process.kill()
        process.wait()
        os.close(terminal)
    assert "cancelled" in output
    assert "Traceback" not in output
    assert list(tmp_path.iterdir()) == []


def shown(terminal: int, until: str | None = None) -> str:
    """What a program writes to a terminal, up to a word or to the program's end; fails after five minutes."""
    output, end = "", time.monotonic() + 300
    while until is None or until not in output:
        left = end - time.monotonic()
        assert left > 0 and select.select([terminal], [], [], left)[0], output[-500:]
        try:
            output += os.read(terminal, 4096).decode(errors="replace")
        except OSError:  # Linux's way of saying that the other end is closed
            assert until is None, output
            break
    return output


def test_models_are_listed_and_shown(sd_core: Run) -> None:
    names = [json.loads(line)["name"] for line in sd_core("models", "list", "--json").stdout.splitlines()]
    assert {"builtin", "sd15", "sdxl"} <= set(names)
    assert json.loads(sd_core("models", "show", "sd15", "--json").stdout)["family"] == "sd1"
    assert "no-such-model" in sd_core("models", "show", "no-such-model", code=1).stderr


def test_the_builtin_model_is_not_removed(sd_core: Run) -> None:
    assert "part of the package" in sd_core("models", "remove", "builtin", code=2).stderr


def test_doctor_tells_device_dtype_and_reasons(sd_core: Run) -> None:
    facts = json.loads(sd_core("doctor", "--json").stdout)
    assert facts["placement"]["reasons"].keys() >= {"device", "dtype"}
    assert facts["builtin_model"].keys() >= {"folder", "whole", "missing"}
    assert "torch" in sd_core("doctor").stdout


def test_bench_times_every_part(sd_core: Run, model: Path) -> None:
    done = sd_core("bench", *SMALL, "--rounds", 1, "--model", model, "--json")
    assert json.loads(done.stdout)["seconds"].keys() >= {"first image", "denoise", "decode", "one step", "total"}


@pytest.mark.slow
def test_demo_writes_its_pictures_and_a_sheet(sd_core: Run, model: Path, controlnet: Built, tmp_path: Path) -> None:
    sd_core("demo", "shown", "--model", model, "--controlnet", controlnet(TinyKind.SD1))
    shown = tmp_path / "shown"
    assert {path.name for path in shown.glob("*.png")} >= {"text.png", "scene.png", "texture.png", "sheet.png"}
    assert read_picture(shown / "scene.png").shape == (256, 256, 3)
    sheet = read_picture(shown / "sheet.png")
    assert sheet.shape[0] == read_picture(shown / "text.png").shape[0]
    assert "is there already" in sd_core("demo", "shown", code=2).stderr


def test_training_tells_its_progress_as_json(sd_core: Run, tmp_path: Path) -> None:
    arguments = ("train", "builtin", "autoencoder", "--out", "out", "--size", "tiny", "--json")
    lines = [json.loads(line) for line in sd_core(*arguments).stdout.splitlines()]
    assert {line["stage"] for line in lines} == {"autoencoder"}
    assert lines[-1]["done"] == lines[-1]["count"]
    assert (tmp_path / "out" / "model" / "vae").is_dir()
