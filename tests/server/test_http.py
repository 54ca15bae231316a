"""What the server says to anybody who speaks HTTP."""

from __future__ import annotations

import hashlib
import http.client
import io
import json
import uuid
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest

from sd_core.server.schemas import JobChange
from sd_core.values import array_digest, freeze, npy_bytes
from sd_core.wire.results import blobs_named
from tests.server.conftest import Served
from tests.server.servers import PATIENCE, adjust, endless

Headers = dict[str, str]


class Raw:
    """Plain HTTP to a server, with its token."""

    def __init__(self, served: Served) -> None:
        self._parts = urlsplit(served.process.announcement.url)
        self._token = served.process.announcement.token

    def __call__(
        self,
        method: str,
        path: str,
        body: bytes | Iterator[bytes] | None = None,
        headers: Headers | None = None,
        *,
        token: str | None = None,
    ) -> tuple[int, Headers, bytes]:
        connection = http.client.HTTPConnection(self._parts.hostname or "", self._parts.port, timeout=PATIENCE)
        sent = {"Authorization": f"Bearer {self._token if token is None else token}", **(headers or {})}
        connection.request(method, path, body, sent)
        response = connection.getresponse()
        answer = response.status, {name.lower(): value for name, value in response.getheaders()}, response.read()
        connection.close()
        return answer

    def post(self, data: object) -> tuple[int, Any]:
        """Submit a job given as JSON."""
        status, _, body = self("POST", "/v1/jobs", json.dumps(data).encode(), {"Content-Type": "application/json"})
        return status, json.loads(body)

    def put(self, raw: bytes) -> str:
        """Store bytes; gives their digest."""
        digest = hashlib.sha256(raw).hexdigest()
        assert self("PUT", f"/v1/blobs/{digest}", raw)[0] == 201
        return digest


@pytest.fixture
def raw(served: Served) -> Raw:
    return Raw(served)


def job(request: object, **more: object) -> dict[str, object]:
    return {"id": uuid.uuid4().hex, "request": request, **more}


@pytest.mark.parametrize("token", ["", "wrong", "é"])
@pytest.mark.parametrize("path", ["/v1/jobs", "/v1/health", "/v1/blobs/" + "0" * 64, "/metrics", "/nothing"])
def test_nothing_is_answered_without_the_token(raw: Raw, path: str, token: str) -> None:
    status, headers, body = raw("GET", path, token=token)
    assert status == 401
    assert headers["www-authenticate"] == "Bearer"
    assert json.loads(body)["error"] == "ServerError"


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "", "[::1", "10.0.0.1"])
def test_foreign_host_names_are_refused(raw: Raw, host: str) -> None:
    assert raw("GET", "/v1/health", headers={"Host": host})[0] == 421


def test_no_other_origin_is_let_in(raw: Raw) -> None:
    _, headers, _ = raw("GET", "/v1/health", headers={"Origin": "https://evil.example"})
    assert not [name for name in headers if name.startswith("access-control")]


def test_a_blob_comes_back_whole_and_in_pieces(raw: Raw) -> None:
    content = npy_bytes(freeze(np.arange(5000, dtype=np.float32)))
    digest = raw.put(content)
    assert raw("GET", f"/v1/blobs/{digest}")[2] == content
    status, headers, piece = raw("GET", f"/v1/blobs/{digest}", headers={"Range": "bytes=100-299"})
    assert (status, piece) == (206, content[100:300])
    assert headers["content-range"] == f"bytes 100-299/{len(content)}"
    status, headers, nothing = raw("HEAD", f"/v1/blobs/{digest}")
    assert (status, nothing, int(headers["content-length"])) == (200, b"", len(content))


def test_png_bytes_are_kept_as_they_are(raw: Raw) -> None:
    from PIL import Image

    stream = io.BytesIO()
    Image.new("RGB", (8, 8)).save(stream, "PNG")
    digest = raw.put(stream.getvalue())
    assert raw("GET", f"/v1/blobs/{digest}")[2] == stream.getvalue()


def test_a_blob_with_another_digest_is_refused_and_not_kept(raw: Raw, served: Served) -> None:
    digest = "a" * 64
    status, _, body = raw("PUT", f"/v1/blobs/{digest}", b"something else")
    assert status == 422
    assert json.loads(body)["field"] == "sha256"
    assert raw("HEAD", f"/v1/blobs/{digest}")[0] == 404
    assert not list((served.home / "blobs").glob("*.tmp"))


def test_missing_arrays_are_named(raw: Raw) -> None:
    status, answer = raw.post(job(json.loads(adjust(123456).to_json())))
    assert status == 409
    assert answer["missing"] == list(adjust(123456).arrays())


def test_a_file_that_is_no_array_is_refused(raw: Raw) -> None:
    digest = raw.put(b"\x93NUMPY then nonsense")
    reference = {"blob": digest, "dtype": "uint8", "shape": [8, 8, 3]}
    status, answer = raw.post(job({"type": "Adjust", "image": reference}))
    assert status == 422
    assert "npy" in answer["message"]


def test_an_array_of_objects_is_never_unpickled(raw: Raw) -> None:
    stream = io.BytesIO()
    np.save(stream, np.array([print], dtype=object), allow_pickle=True)
    digest = raw.put(stream.getvalue())
    status, answer = raw.post(job({"type": "Adjust", "image": {"blob": digest, "dtype": "object", "shape": [1]}}))
    assert status == 422
    assert "not numbers" in answer["message"]


@pytest.mark.parametrize(
    "request_",
    [
        {"type": "Adjust", "image": "/etc/passwd"},
        {"type": "ImageToImage", "prompt": "a", "image": "../../secret.png"},
        {"type": "DepthToImage", "prompt": "a", "depth": "file.npy"},
        {"type": "Animation", "prompt": "a", "passes": "/renders/####.exr"},
        {"type": "Animation", "prompt": "a", "passes": ["/renders/1.exr"]},
        {"type": "Animation", "prompt": "a", "passes": ["attachment:../x.exr"]},
        {"type": "MeshTexture", "prompt": "a", "mesh": "/models/mesh.glb"},
        {
            "type": "TextToImage",
            "prompt": "a",
            "controls": [{"type": "Control", "kind": "depth", "image": "/etc/passwd"}],
        },
    ],
)
def test_no_path_of_a_client_is_opened(raw: Raw, request_: dict[str, Any]) -> None:
    status, answer = raw.post(job(request_))
    assert status == 422
    assert answer["error"] == "RequestError"
    assert "text where an array belongs" in answer["message"] or "not sent" in answer["message"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 422),
        (b"{", 422),
        (b"[" * 200_000, 400),
        (b'{"id": "a", "request": ' + b'{"a":' * 5000 + b"1" + b"}" * 5001, 422),
        (b'{"id": "../a", "request": {}}', 422),
        (b'{"id": "a", "request": {"type": "TextToImage"}}', 422),
        (b'{"id": "a", "request": {"type": "TextToImage", "prompt": "a", "seed": NaN}}', 422),
        (b'{"id": "a", "request": {"type": "TextToImage", "prompt": "a", "seed": 1e999}}', 422),
        (b'{"id": "a", "request": {"type": "TextToImage", "prompt": "\\ud800"}}', 422),
        (b'{"id": "a", "request": {"type": "\\ud800"}}', 422),
        (b'{"id": "a", "request": {"type": "TextToImage", "prompt": "a", "seed": ' + b"9" * 5000 + b"}}", 400),
        (b'{"id": "a", "request": {"type": "Nothing"}}', 422),
        (b"x" * 5_000_000, 413),
    ],
)
def test_nonsense_is_refused_with_a_reason(raw: Raw, body: bytes, status: int) -> None:
    got, _, answer = raw("POST", "/v1/jobs", body, {"Content-Type": "application/json"})
    assert got in ({400, 422} if status != 413 else {413})
    described = json.loads(answer)
    assert described["error"] in {"ServerError", "RequestError"}
    assert described["message"]


def test_an_array_that_is_announced_as_too_large_is_refused_before_it_is_sent(raw: Raw) -> None:
    status, _, body = raw("PUT", f"/v1/blobs/{'0' * 64}", headers={"Content-Length": str(2**30)})
    assert status == 413
    assert json.loads(body)["hint"]


def test_a_body_that_turns_out_too_large_is_refused_with_a_remedy(raw: Raw) -> None:
    status, _, body = raw("POST", "/v1/jobs", (b" " * 2**16 for _ in range(80)), {"Content-Type": "application/json"})
    assert status == 413
    assert json.loads(body)["hint"] == "send less at a time"


def test_limits_are_reported(raw: Raw) -> None:
    status, answer = raw.post(job({"type": "TextToImage", "prompt": "a" * 10_001}))
    assert (status, answer["field"]) == (422, "prompt")
    huge = {"type": "TextToImage", "prompt": "a", "width": 16384, "height": 16384, "num_images": 2}
    status, answer = raw.post(job(huge))
    assert (status, answer["field"]) == (422, "width")


def test_events_are_repeated_after_the_last_id(raw: Raw, served: Served) -> None:
    done = served.client.submit(adjust(8))
    done.result(PATIENCE)
    whole = raw("GET", f"/v1/jobs/{done.id}/events")[2].decode()
    ids = [int(line[4:]) for line in whole.splitlines() if line.startswith("id: ")]
    assert ids == sorted(ids)
    rest = raw("GET", f"/v1/jobs/{done.id}/events", headers={"Last-Event-ID": str(ids[-2])})[2].decode()
    assert [line for line in rest.splitlines() if line.startswith("id: ")] == [f"id: {ids[-1]}"]


def test_the_queue_can_be_seen_and_reordered(raw: Raw, served: Served) -> None:
    running = served.client.submit(endless())
    waiting = [served.client.submit(adjust(seed), priority="batch") for seed in (21, 22, 23)]
    front = served.client.submit(adjust(24))
    served.client.move(waiting[2].id, position=0)
    queued = [held["id"] for held in json.loads(raw("GET", "/v1/jobs?state=queued")[2])["jobs"]]
    wanted = [held.id for held in (front, waiting[2], waiting[0], waiting[1])]
    assert [held for held in queued if held in wanted] == wanted
    running.cancel()
    for held in (front, *waiting):
        held.result(PATIENCE)
    assert raw("PATCH", f"/v1/jobs/{front.id}", b'{"position": 0}', {"Content-Type": "application/json"})[0] == 409


def test_metrics_health_and_openapi_are_there(raw: Raw, served: Served) -> None:
    served.client.run(adjust(9))
    text = raw("GET", "/metrics")[2].decode()
    assert 'sd_core_jobs_ended_total{state="done"}' in text
    health = json.loads(raw("GET", "/v1/health")[2])
    assert health["devices"][0]["device"] == "cpu"
    assert health["devices"][0]["memory"]["free"] > 0
    assert raw("GET", "/docs", token="")[0] == 200
    assert "/v1/jobs/{job_id}/events" in json.loads(raw("GET", "/openapi.json", token="")[2])["paths"]


def test_the_log_is_json_lines(served: Served) -> None:
    served.client.run(adjust(10))
    lines = (served.home / "logs" / "server.jsonl").read_text().splitlines()
    assert any(json.loads(line).get("state") == "done" for line in lines)


def test_a_digest_is_that_of_the_npy_file(raw: Raw) -> None:
    array = freeze(np.zeros((2, 2), np.float32))
    assert raw.put(npy_bytes(array)) == array_digest(array)


@pytest.mark.parametrize("depth", [65, 500, 900])
@pytest.mark.parametrize("start", ["[", '{"a":', '{"blob": "a", "b":'])
def test_json_that_nests_too_deeply_is_refused_as_a_request(raw: Raw, depth: int, start: str) -> None:
    nested = start * depth + "1" + ("]" if start == "[" else "}") * depth
    body = f'{{"id": "{uuid.uuid4().hex}", "request": {{"type": "Adjust", "image": {nested}}}}}'
    status, _, answer = raw("POST", "/v1/jobs", body.encode(), {"Content-Type": "application/json"})
    assert (status, b"nested too deeply" in answer) == (422, True)


@pytest.mark.parametrize("depth", [990, 100_000])
def test_json_that_nests_deeper_than_it_can_be_read_is_refused(raw: Raw, depth: int) -> None:
    body = b'{"id": "a", "request": {"a": ' + b"[" * depth + b"]" * depth + b"}}"
    assert raw("POST", "/v1/jobs", body, {"Content-Type": "application/json"})[0] in {400, 422}


@pytest.mark.parametrize("position", ["true", '"0"', "0.5", "0.0"])
def test_a_place_in_the_queue_is_a_whole_number(position: str) -> None:
    with pytest.raises(ValueError, match="position"):
        JobChange.model_validate_json(f'{{"position": {position}}}')


def test_blobs_are_found_however_deep_json_nests() -> None:
    data: Any = {"blob": "a"}
    for _ in range(100_000):
        data = [data]
    assert blobs_named(data) == {"a"}
    while data and isinstance(data, list):  # taken apart from outside, as the interpreter would recurse
        data = data.pop()
