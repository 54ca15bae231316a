"""The client is an engine: the same results, events and errors."""

from __future__ import annotations

import shutil
import subprocess
import sys
import threading
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import sd_core
from sd_core import Adjust, Cancelled, EventKind, ModelNotFound, RequestError, ServerError, TextToImage
from sd_core.client import Client, connect
from sd_core.client.job import parse_events
from sd_core.client.transport import Answer
from sd_core.engine import Engine
from sd_core.requests import DepthToImage, ImageToImage, Inpaint, Lora, Request, Upscale
from sd_core.trust import approve
from sd_core.values import array_digest
from tests.conftest import Built
from tests.server.conftest import Served
from tests.server.cutter import cutting
from tests.server.servers import PATIENCE, adjust, endless, engine_pid, running, wait_for
from tests.tiny import TinyKind
from tests.tiny_adapters import LoraFormat

PICTURE = np.random.default_rng(5).integers(0, 256, (64, 64, 3), dtype=np.uint8)
DEPTH = np.random.default_rng(6).uniform(1, 9, (64, 64)).astype(np.float32)
MASK = (np.arange(64 * 64).reshape(64, 64) % 64 > 32).astype(np.float32)
COMMON = {"prompt": "red brick wall", "seed": 3, "num_inference_steps": 3, "scheduler": "ddim"}


@pytest.fixture(scope="module")
def engine(served: Served) -> Iterator[Engine]:
    with Engine(str(served.model), "cpu", "float32") as held:
        yield held


@pytest.mark.parametrize(
    "request_",
    [
        TextToImage(**COMMON, width=64, height=64, num_images=2),
        ImageToImage(**COMMON, image=PICTURE, strength=0.7),
        Inpaint(**COMMON, image=PICTURE, mask=MASK),
        Upscale(**COMMON, image=PICTURE, scale=2, strength=0.7),
        Adjust(image=PICTURE, exposure=1, hue=40, match=PICTURE[::-1].copy()),
    ],
    ids=lambda request: type(request).__name__,
)
def test_a_request_gives_the_same_bytes_in_process_and_over_the_client(
    served: Served, engine: Engine, request_: Request
) -> None:
    here, there = engine.run(request_), served.client.run(request_)
    assert [image.tobytes() for image in here.images] == [image.tobytes() for image in there.images]
    assert here.request == there.request
    assert here.decisions == there.decisions


def test_a_controlnet_named_by_path_gives_the_same_bytes(
    served: Served, engine: Engine, controlnet: Callable[..., Path]
) -> None:
    from tests.tiny import TinyKind

    request = DepthToImage(**COMMON, depth=DEPTH, controlnet=str(controlnet(TinyKind.SD1)))
    approve(served.home, [str(controlnet(TinyKind.SD1))])
    assert engine.run(request).images[0].tobytes() == served.client.run(request).images[0].tobytes()


def test_events_are_those_of_the_engine(served: Served, engine: Engine) -> None:
    request = TextToImage(**COMMON, width=64, height=64)
    engine.run(request), served.client.run(request)
    here, there = list(engine.stream(request)), list(served.client.stream(request))
    assert [event.kind for event in here] == [event.kind for event in there]
    steps = [event for event in there if event.kind == EventKind.STEP]
    assert [(step.index, step.count) for step in steps] == [(0, 3), (1, 3), (2, 3)]


def test_the_last_preview_arrives_as_it_was(served: Served, engine: Engine) -> None:
    request = TextToImage(**COMMON, width=64, height=64)
    here, there = list(engine.stream(request))[-2], list(served.client.stream(request))[-2]
    assert there.preview is not None
    assert here.preview.tobytes() == there.preview.tobytes()


def test_errors_of_the_engine_arrive_as_they_are(served: Served) -> None:
    with pytest.raises(ModelNotFound, match="no-such-model"):
        served.client.run(TextToImage(prompt="a", model=str(served.home / "models" / "no-such-model")))


def test_a_job_can_be_followed_more_than_once_and_after_its_end(served: Served) -> None:
    job = served.client.submit(adjust(1))
    result = job.result(PATIENCE)
    assert job.done
    assert [event.kind for event in job.events()][-1] == EventKind.RESULT
    again = served.client.job(job.id)
    assert again.result(PATIENCE).images[0].tobytes() == result.images[0].tobytes()
    assert again.request == adjust(1)


def test_result_waits_no_longer_than_asked(served: Served) -> None:
    first, second = served.client.submit(endless()), served.client.submit(adjust(2))
    with pytest.raises(TimeoutError):
        second.result(timeout=0.05)
    first.cancel()
    second.cancel()


def test_a_waiting_job_is_cancelled_at_once(served: Served) -> None:
    first, second = served.client.submit(endless()), served.client.submit(adjust(4))
    second.cancel()
    with pytest.raises(Cancelled):
        second.result(PATIENCE)
    assert not first.done
    first.cancel()


def test_cancel_reaches_the_loop_within_one_step(served: Served) -> None:
    # At this size even a tiny model takes a large part of a second for a step.
    large = {"width": 512, "height": 512, "num_inference_steps": 900, "scheduler": "ddim"}
    job = served.client.submit(TextToImage(prompt="red wall", **large))
    seen = next(event.index for event in job.events() if event.kind == EventKind.STEP)
    job.cancel()
    with pytest.raises(Cancelled):
        job.result(PATIENCE)
    steps = [event.index for event in job.events() if event.kind == EventKind.STEP]
    # The step that runs when the order is given, and one more where a busy machine takes that long to carry it.
    assert steps[-1] <= seen + 2


def test_leaving_a_stream_cancels_its_job(served: Served) -> None:
    stream = served.client.stream(
        TextToImage(prompt="red wall", width=64, height=64, num_inference_steps=900, scheduler="ddim")
    )
    next(event for event in stream if event.kind == EventKind.STEP)
    stream.close()
    wait_for(lambda: served.client.jobs()[-1]["state"] == "cancelled")


def test_a_repeated_submit_is_harmless(served: Served) -> None:
    job_id = uuid.uuid4().hex
    first = served.client.submit(adjust(5), id=job_id)
    first.result(PATIENCE)
    second = served.client.submit(adjust(5), id=job_id)
    assert second.result(PATIENCE).images[0].tobytes() == first.result().images[0].tobytes()
    assert [job["runs"] for job in served.client.jobs() if job["id"] == job_id] == [1]


def test_an_id_stands_for_one_request(served: Served) -> None:
    job_id = uuid.uuid4().hex
    served.client.submit(adjust(6), id=job_id).result(PATIENCE)
    with pytest.raises(ServerError, match="another") as caught:
        served.client.submit(adjust(7), id=job_id)
    assert caught.value.status == 409


def test_a_lost_connection_is_taken_up_where_it_was(served: Served) -> None:
    request = TextToImage(
        prompt="red brick wall", seed=3, width=64, height=64, num_inference_steps=20, scheduler="ddim"
    )
    with cutting(served.process.announcement.url, bytes_per_connection=6000) as cutter:
        with Client(cutter.url, served.process.announcement.token) as client:
            events = list(client.stream(Adjust(image=PICTURE[:8, :8].copy())))
            assert events[-1].kind == EventKind.RESULT
            job = client.submit(request)
            steps = [event.index for event in job.events() if event.kind == EventKind.STEP]
        assert cutter.cuts > 3
    assert steps == list(range(20))


def test_arrays_are_sent_once(served: Served) -> None:
    picture = np.random.default_rng(99).integers(0, 256, (128, 128, 3), dtype=np.uint8)
    with (
        cutting(served.process.announcement.url) as relay,
        Client(relay.url, served.process.announcement.token) as client,
    ):
        client.run(Adjust(image=picture))
        first = relay.uploaded
        client.run(Adjust(image=picture, exposure=1))
        assert first > picture.nbytes
        assert relay.uploaded - first < 5000


def test_the_server_tells_where_it_is_in_its_output_and_its_token_in_a_file_of_this_user_alone(served: Served) -> None:
    with connect(home=served.home) as client:
        assert client.url == served.process.announcement.url
    said = (served.home / "start.log").read_text()
    assert served.process.announcement.url in said and served.process.announcement.token not in said
    if sys.platform != "win32":
        assert (served.home / "server.json").stat().st_mode & 0o077 == 0


def test_without_a_server_connect_says_how_to_start_one(tmp_path: Path) -> None:
    with pytest.raises(ServerError, match="sd-core serve"):
        connect(home=tmp_path)
    with pytest.raises(ServerError, match="no answer"):
        connect("http://127.0.0.1:9", "token")


def test_a_wrong_token_is_refused(served: Served) -> None:
    with pytest.raises(ServerError) as caught:
        connect(served.process.announcement.url, "wrong")
    assert caught.value.status == 401


def test_output_is_refused_with_a_reason(served: Served, tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="output"):
        served.client.submit(adjust(), output=tmp_path)


def test_free_memory_and_models_answer(served: Served) -> None:
    engine_pid(served.client)
    served.client.free_memory()
    assert "builtin" in [model.name for model in served.client.models()]


def test_a_lora_in_the_servers_folder_is_offered_and_used_by_its_name(served: Served, lora: Built) -> None:
    held = lora(TinyKind.SD1, LoraFormat.DIFFUSERS)
    approve(served.home, [str(held)])
    place = served.home / "loras" / "styles" / "brick.safetensors"
    place.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(held, place)
    assert [(info.name, info.problem) for info in served.client.loras()] == [("styles/brick.safetensors", "")]
    fields = {"prompt": "red wall", "width": 64, "height": 64, "num_inference_steps": 2, "seed": 1}
    by_name, by_path, without = (
        served.client.run(TextToImage(**fields, loras=loras)).images[0]
        for loras in ((Lora("styles/brick.safetensors", 0.8),), (Lora(str(held), 0.8),), ())
    )
    assert np.array_equal(by_name, by_path) and not np.array_equal(by_name, without)
    with pytest.raises(ModelNotFound, match=r"gone\.safetensors"):
        served.client.run(TextToImage(**fields, loras=(Lora("gone.safetensors"),)))


@pytest.mark.slow
def test_a_server_for_others_offers_the_loras_of_its_folder_and_no_other_files(
    served: Served, lora: Built, tmp_path: Path
) -> None:
    held = lora(TinyKind.SD1, LoraFormat.DIFFUSERS)
    (tmp_path / "loras").mkdir()
    shutil.copyfile(held, tmp_path / "loras" / "brick.safetensors")
    fields = {"prompt": "red wall", "width": 64, "height": 64, "num_inference_steps": 2, "seed": 1}
    options = ("--host", "0.0.0.0", "--token", "secret-and-long-enough", "--model", str(served.model))  # noqa: S104 - that is the point
    with running(tmp_path, *options) as (_, client):
        assert client.run(TextToImage(**fields, loras=(Lora("brick.safetensors"),))).images[0].shape == (64, 64, 3)
        with pytest.raises(RequestError, match="does not offer"):
            client.submit(TextToImage(**fields, loras=(Lora(str(held)),)))
        with pytest.raises(ModelNotFound, match=r"gone\.safetensors"):  # it means that folder, where it is missed
            client.run(TextToImage(**fields, loras=(Lora("gone.safetensors"),)))


def test_many_threads_may_use_one_client(served: Served) -> None:
    results: dict[int, bytes] = {}

    def work(seed: int) -> None:
        results[seed] = served.client.run(adjust(seed)).images[0].tobytes()

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert len(results) == 20
    assert len(set(results.values())) == 20


def test_the_client_needs_neither_torch_nor_pillow() -> None:
    program = "import sys, sd_core; sd_core.connect; print({'torch', 'PIL', 'fastapi', 'pydantic'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
    assert sd_core.connect is connect


def test_an_event_that_was_cut_off_is_left_out() -> None:
    lines = [b"id: 1\n", b'data: {"kind": "queued"}\n', b"\n", b": ping\n", b"\n", b"id: 2\n", b'data: {"kind":\n']
    assert list(parse_events(iter(lines))) == [(1, {"kind": "queued"})]


def test_a_cancelled_job_is_resumed_and_a_finished_one_forgotten(served: Served) -> None:
    served.client.hold()
    try:
        job = served.client.submit(adjust(41))
        job.cancel()
        with pytest.raises(Cancelled):
            job.result(PATIENCE)
        again = served.client.resume(job.id)
        assert served.client.health()["held"]
    finally:
        served.client.hold(held=False)
    image = again.result(PATIENCE).images[0]
    with pytest.raises(ServerError, match="only failed and cancelled"):
        served.client.resume(job.id)
    served.client.forget(job.id)
    with pytest.raises(ServerError, match="no job"):
        served.client.job(job.id)
    with pytest.raises(ServerError, match="no blob"):
        served.client.fetch(array_digest(image))


def test_a_result_that_has_rotted_on_the_disk_is_reported_and_no_other_pixels_are_shown(served: Served) -> None:
    job = served.client.submit(adjust(42))
    digest = array_digest(job.result(PATIENCE).images[0])
    path = served.home / "blobs" / f"{digest}.npy"
    raw = bytearray(path.read_bytes())
    raw[-1] ^= 1
    path.write_bytes(raw)
    with pytest.raises(ServerError, match=digest) as caught:
        served.client.job(job.id).result(PATIENCE)
    assert caught.value.status == 410
    assert list((served.home / "blobs" / "damaged").iterdir())


def test_an_input_that_has_rotted_is_sent_again_by_itself(served: Served) -> None:
    request = adjust(43)
    first = served.client.run(request)
    path = served.home / "blobs" / f"{next(iter(request.arrays()))}.npy"
    path.write_bytes(b"")
    assert served.client.run(request).images[0].tobytes() == first.images[0].tobytes()


def test_bytes_that_were_changed_on_the_way_are_refused(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    image = served.client.run(adjust(44)).images[0]
    transport = served.client.transport
    original = transport.send

    def changed(*arguments: Any, **named: Any) -> Answer:
        answer = original(*arguments, **named)
        return Answer(answer.status, answer.body[:-1] + bytes([answer.body[-1] ^ 1]))

    monkeypatch.setattr(transport, "send", changed)
    with pytest.raises(ServerError, match="changed on the way"):
        served.client.fetch(array_digest(image))
