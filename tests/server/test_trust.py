"""A server on loopback loads what its own rule allows, and nothing else that a client names."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from sd_core.errors import NotAllowed
from sd_core.requests import Animation, Request, TextToImage
from sd_core.trust import approve, withdraw
from tests.conftest import Built
from tests.safety.hostile import build_files
from tests.server.conftest import Served
from tests.server.servers import PATIENCE
from tests.tiny import TinyKind
from tests.trust.attacks import requests_naming

STEPS = {"prompt": "red", "width": 64, "height": 64, "num_inference_steps": 1, "seed": 1}


@pytest.fixture(scope="module")
def other(tiny: Built, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that nobody has told the server of."""
    return Path(shutil.copytree(tiny(TinyKind.SD1), tmp_path_factory.mktemp("elsewhere") / "model"))


def refused(served: Served, request: Request) -> NotAllowed:
    with pytest.raises(NotAllowed) as caught:
        served.client.submit(request).result(PATIENCE)
    return caught.value


def test_a_model_of_this_machine_runs_once_the_user_allows_it_and_not_after(served: Served, other: Path) -> None:
    request = TextToImage(**STEPS, model=str(other))
    error = refused(served, request)
    assert str(other) in str(error)
    assert f"sd-core models allow {other}" in error.hint
    approve(served.home, [str(other)])
    assert served.client.run(request).images[0].shape == (64, 64, 3)
    withdraw(served.home, [str(other)])
    refused(served, TextToImage(**{**STEPS, "seed": 2}, model=str(other)))


def test_a_model_in_the_servers_folder_runs_and_a_link_out_of_it_does_not(served: Served, other: Path) -> None:
    folder = served.home / "models"
    folder.mkdir(exist_ok=True)
    (folder / "link").symlink_to(other)
    refused(served, TextToImage(**STEPS, model=str(folder / "link")))
    shutil.copytree(other, folder / "mine")
    assert served.client.run(TextToImage(**STEPS, model=str(folder / "mine"))).images[0].shape == (64, 64, 3)


def test_the_model_that_the_server_was_started_with_may_be_named(served: Served) -> None:
    assert served.client.run(TextToImage(**STEPS, model=str(served.model))).images[0].shape == (64, 64, 3)


def test_an_attachment_is_no_model_by_name_and_by_path(served: Served, tmp_path: Path) -> None:
    (tmp_path / "frame.exr").write_bytes(b"whatever")
    frames = str(tmp_path / "frame.exr")
    refused(served, Animation(prompt="a", passes=frames, model="attachment:frame.exr"))
    approve(served.home, [str(served.home.parent)])
    try:
        refused(served, Animation(prompt="a", passes=frames, model=str(served.home / "jobs" / "a" / "files")))
    finally:
        withdraw(served.home, [str(served.home.parent)])


@pytest.mark.skipif(sys.platform == "win32", reason="links")
def test_the_engine_looks_once_more_before_it_loads(served: Served, other: Path) -> None:
    """The link comes after the server looked: while the job waits behind another one."""
    place = served.home / "models" / "swapped"
    place.mkdir(parents=True)
    slow = served.client.submit(TextToImage(**{**STEPS, "num_inference_steps": 900, "num_images": 50}))
    waiting = served.client.submit(TextToImage(**STEPS, model=str(place)))
    place.rmdir()
    place.symlink_to(other)
    slow.cancel()
    with pytest.raises(NotAllowed):
        waiting.result(PATIENCE)


def test_a_server_on_this_machine_refuses_each_file_in_every_place(served: Served, tmp_path: Path) -> None:
    marker = tmp_path / "code-has-run"
    corpus = list(build_files(tmp_path / "corpus", marker))
    before = len(served.client.jobs())
    places: list[Request] = [TextToImage(prompt="a", model=str(attack.path)) for attack in corpus]
    places += list(requests_naming(str(corpus[0].path)))
    for request in places:
        refused_by(served, request)
    assert len(served.client.jobs()) == before
    assert not marker.exists()


def refused_by(served: Served, request: Request) -> None:
    """As it stands: the client would send the files that its own user names."""
    body: dict[str, Any] = {"id": "a" * 32, "request": json.loads(request.to_json())}
    answer = served.client.transport.send(
        "POST", "/v1/jobs", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    assert answer.status == 422, answer
    output = json.loads(answer.body)
    assert output["error"] in ("NotAllowed", "RequestError")
    assert output["error"] == "NotAllowed" or "was not sent" in output["message"]
