"""Every format in which version 0.1.0 wrote something is read by this version, and holds what it held."""

from __future__ import annotations

import base64
import json
import shutil
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import nbformat
import numpy as np
import pytest
from PIL import Image

from sd_core import Cancelled, Inpaint, Request, RequestError, TextToImage, from_json, load_request, replace
from sd_core.client import Client, connect
from sd_core.passes import PositionSpace, read_sidecar
from sd_core.requests import Generation
from sd_core.values import load_array, read_picture
from tests.cli.conftest import Run, sd_core
from tests.server.servers import running
from tests.stored import written

__all__ = ["sd_core"]

STORED = Path(__file__).parent / "all_formats"
PICTURES = STORED / "pictures"


def is_held(old: object, new: object) -> bool:
    """Whether everything in old JSON is in the new one, which may say more."""
    if isinstance(old, dict):
        return isinstance(new, dict) and all(name in new and is_held(held, new[name]) for name, held in old.items())
    if isinstance(old, list):
        return isinstance(new, list) and len(old) == len(new) and all(map(is_held, old, new))
    return old == new


@pytest.mark.parametrize("ending", ["json", "journal.json"])
@pytest.mark.parametrize("name", written.REQUESTS)
def test_a_stored_request_is_the_one_that_was_written(name: str, ending: str) -> None:
    text = (STORED / "requests" / f"{name}.{ending}").read_text(encoding="utf-8")
    request = from_json(text, folder=STORED / "requests" / "arrays")
    old, wanted = json.loads(text), written.REQUESTS[name]
    if name == "texture_untiled":  # no checkpoint: then that was the rule, now it is the estimator in the package
        assert old.pop("estimator") is None
        wanted = wanted.replace(estimator="rule")
    assert request == wanted
    if name == "mesh_texture":
        assert written.NO_EFFECT.keys() <= old.keys()
        old = {field: held for field, held in old.items() if field not in written.NO_EFFECT}
    assert is_held(old, json.loads(request.to_json()))


def test_every_stored_request_is_compared() -> None:
    stored = {path.name.split(".")[0] for path in (STORED / "requests").glob("*.json")}
    assert stored == set(written.REQUESTS)


def as_asked(request: Request, asked: Request) -> Request:
    """The request of a result without what was left to the engine."""
    fields = json.loads(asked.to_json())
    return replace(request, **{name: None for name, held in fields.items() if held is None})


@pytest.mark.parametrize("name", sorted(set(written.PAINTED) - {"text_to_image", "mesh_texture"}))
def test_a_stored_picture_carries_the_request_that_it_was_made_by(name: str) -> None:
    request = load_request(PICTURES / f"{name}.png")
    assert as_asked(request, written.PAINTED[name]) == written.PAINTED[name]
    if isinstance(request, Generation):
        assert request.scheduler is not None and (request.width, request.height) == (64, 64)
    assert read_picture(PICTURES / f"{name}.png").shape == (64, 64, 3)


def test_each_of_several_stored_pictures_carries_its_own_seed() -> None:
    asked = replace(written.PAINTED["text_to_image"], num_images=1)
    for index in (0, 1):
        path = PICTURES / f"text_to_image-{index}.png"
        assert load_request(path) == replace(asked, seed=5 + index)
        assert read_picture(path).shape == (72, 64, 3)


def test_the_stored_textures_of_a_mesh_carry_its_request() -> None:
    asked = written.PAINTED["mesh_texture"]
    for index in (0, 1):
        assert as_asked(load_request(PICTURES / f"mesh_texture-{index}.png"), asked) == asked


def test_stored_inputs_are_the_arrays_of_the_request() -> None:
    request = load_request(PICTURES / "inpaint.png")
    assert isinstance(request, Inpaint) and request.mask is not None
    assert np.array_equal(request.image, written.picture(64)) and np.array_equal(request.mask, written.mask(64))
    for digest, array in request.arrays().items():
        assert np.array_equal(load_array(PICTURES / "inpaint.inputs" / f"{digest}.npy"), array)


@pytest.mark.slow
def test_a_stored_picture_is_made_again_by_the_program(sd_core: Run, tmp_path: Path) -> None:
    stored, again = PICTURES / "text_to_image-1.png", tmp_path / "again.png"
    sd_core("run", stored, "--output", again, "--device", "cpu", "--dtype", "float32")
    assert load_request(again) == load_request(stored)
    changed = read_picture(again).astype(int) - read_picture(stored)
    assert np.abs(changed).max() <= 2, "other processors and numbers of threads round otherwise"


@pytest.mark.parametrize("ending", ["jpg", "webp"])
def test_other_stored_pictures_carry_the_text_of_their_settings(ending: str) -> None:
    with Image.open(PICTURES / f"picture.{ending}") as image:
        raw = image.getexif().get_ifd(0x8769)[0x9286]
    text = raw.decode("utf-8", "ignore").replace("\0", "") if isinstance(raw, bytes) else str(raw)
    assert "red wall" in text and "Seed: 5" in text and "Steps: 2" in text
    assert read_picture(PICTURES / f"picture.{ending}").shape == (64, 64, 3)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the stored home."""
    folder = tmp_path_factory.mktemp("stored") / "home"
    shutil.copytree(STORED / "server", folder)
    return folder


@pytest.fixture(scope="module")
def served(home: Path) -> Iterator[Client]:
    """A server in it."""
    with running(home) as (_, client):
        yield client


def test_stored_jobs_are_listed_in_their_states(served: Client) -> None:
    assert {job["id"]: job["state"] for job in served.jobs()} == {
        name: state for name, (state, _) in written.JOBS.items()
    }


@pytest.mark.parametrize("name", written.JOBS)
def test_a_stored_job_has_its_request(served: Client, name: str) -> None:
    assert served.job(name).request == written.JOBS[name][1]


def test_a_stored_result_has_its_pictures(served: Client) -> None:
    result = served.job("stored-done").result()
    assert result.request == written.PAINTED["text_to_image"]
    for index, image in enumerate(result.images):
        assert np.array_equal(image, read_picture(PICTURES / f"text_to_image-{index}.png"))
    adjusted = served.job("stored-input").result()
    assert np.array_equal(adjusted.images[0], read_picture(PICTURES / "adjust.png"))


def test_a_stored_animation_has_its_frames(served: Client) -> None:
    result = served.job("stored-film").result()
    assert [image.shape for image in result.images] == [(32, 32, 3)] * 2
    assert as_asked(result.request, written.FILM) == written.FILM


def test_stored_jobs_that_ended_otherwise_say_so(served: Client) -> None:
    with pytest.raises(RequestError, match="no_such_scheduler"):
        served.job("stored-failed").result()
    with pytest.raises(Cancelled):
        served.job("stored-cancelled").result()


@pytest.mark.slow
def test_a_stored_queue_that_was_held_runs_once_it_is_released(tmp_path: Path) -> None:
    shutil.copytree(STORED / "server", tmp_path / "home")
    with running(tmp_path / "home") as (_, client):
        assert client.jobs("queued")[0]["id"] == "stored-queued"
        client.hold(held=False)
        result = client.job("stored-queued").result()
        assert isinstance(result.request, TextToImage) and result.request.seed == 5
        assert result.images[0].shape == (64, 64, 3)
        cancelled = written.JOBS["stored-cancelled"][1]
        assert as_asked(client.resume("stored-cancelled").result().request, cancelled) == cancelled


def test_the_file_in_which_a_server_tells_where_it_listens_is_read(served: Client, home: Path, tmp_path: Path) -> None:
    stored = json.loads((home / "announced.json").read_text(encoding="utf-8"))
    assert stored == {"url": stored["url"], "token": "a-stored-token", "pid": stored["pid"]}
    now = json.loads((home / "server.json").read_text(encoding="utf-8"))
    (tmp_path / "server.json").write_text(json.dumps({name: now[name] for name in stored}), encoding="utf-8")
    with connect(home=tmp_path) as client:
        assert client.url == served.url and client.jobs() == served.jobs()


def test_stored_approvals_are_read_by_the_program(sd_core: Run, tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    shutil.copyfile(STORED / "home" / "allowed.json", tmp_path / "home" / "allowed.json")
    (tmp_path / "home" / "allowed.json").chmod(0o600)
    assert all(name in sd_core("models", "allowed").stdout for name in written.ALLOWED)
    sd_core("models", "disallow", written.ALLOWED[0])
    left = sd_core("models", "allowed").stdout
    assert written.ALLOWED[0] not in left and written.ALLOWED[1] in left


def test_stored_presets_are_offered_by_the_studio(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from jupyter_ext import Studio

    shutil.copytree(STORED / "home", tmp_path / "home")
    monkeypatch.setenv("SD_CORE_HOME", str(tmp_path / "home"))
    studio = Studio(request=TextToImage(prompt="x", seed=1))
    assert list(studio.presets) == sorted(written.PRESETS)
    held = studio.presets["mossy: wall/1"]
    stored = json.loads((STORED / "home" / "presets" / "mossy%3A wall%2F1.json").read_text(encoding="utf-8"))
    assert held.keys() == stored.keys()
    assert all(getattr(written.REQUESTS["text_to_image"], field) == value for field, value in held.items())
    assert {"num_inference_steps", "guidance_scale", "scheduler", "loras", "seamless", "model"} <= held.keys()
    studio.close()


def test_the_pictures_in_a_stored_notebook_are_still_shown() -> None:
    book = nbformat.read(STORED / "notebook" / "run.ipynb", as_version=4)
    shown = [output.data for cell in book.cells for output in cell.get("outputs", ()) if "data" in output]
    pictures = [Image.open(BytesIO(base64.b64decode(data["image/png"]))) for data in shown if "image/png" in data]
    assert [picture.size for picture in pictures] == [(64, 64)] * len(pictures) and len(pictures) >= 3
    assert all("'red wall'" in data["text/plain"] for data in shown if "image/png" in data)


def test_a_stored_sidecar_is_read() -> None:
    sidecar = read_sidecar(STORED / "sidecar" / "0001.exr")
    assert (sidecar.camera, sidecar.cut, sidecar.position_space) == (written.CAMERA, True, PositionSpace.REST)
