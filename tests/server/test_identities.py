"""Several tokens: everybody sees their own jobs and pictures, and no others."""

from __future__ import annotations

import hashlib
import http.client
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest

from sd_core.client import Client
from sd_core.errors import OutputError, RequestError, ServerError
from sd_core.requests import TextToImage
from sd_core.server.blobs import BlobStore
from sd_core.server.holdings import Holdings
from sd_core.server.identity import ADMIN, Identities, Identity, Quota, Role, read_tokens
from sd_core.server.quotas import upload_bound
from sd_core.values import freeze, npy_bytes
from tests.server.servers import PATIENCE, adjust, endless, running, wait_for
from tests.server.speaking import Speaker

FINN, GUS = "finn's token, long enough", "gus's token, long enough"
ANNA, BEN, EVE, WATCH = (
    "anna's token, long",
    "ben's token, long enough",
    "eve's token, long enough",
    "watching, watching",
)
TOKENS = f"""
[anna]
sha256 = "{hashlib.sha256(ANNA.encode()).hexdigest()}"

[ben]
token = "{BEN}"

[eve]
token = "{EVE}"
queued_jobs = 1
upload_bytes = 3000
job_work = 100_000
queued_work = 5_000_000_000
streams = 1

[finn]
token = "{FINN}"
upload_bytes = 8000

[gus]
token = "{GUS}"
upload_bytes = 8000

[watch]
token = "{WATCH}"
role = "monitor"
"""


@dataclass(frozen=True, slots=True)
class Shared:
    """A server that several people use."""

    url: str
    home: Path
    admin: Client
    anna: Client
    ben: Client

    def speaker(self, token: str | None) -> Speaker:
        return Speaker(self.url, token)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shared]:
    home = tmp_path_factory.mktemp("shared")
    tokens = home / "tokens.toml"
    tokens.write_text(TOKENS)
    tokens.chmod(0o600)
    with running(home, "--tokens-file", str(tokens)) as (process, admin):
        url = process.announcement.url
        with Client(url, ANNA) as anna, Client(url, BEN) as ben:
            yield Shared(url, home, admin, anna, ben)


def test_a_job_of_somebody_else_is_not_there(shared: Shared) -> None:
    job = shared.anna.submit(adjust(1))
    job.result(PATIENCE)
    ben = shared.speaker(BEN)
    path = f"/v1/jobs/{job.id}"
    answers = [
        ben("GET", path),
        ben("GET", f"{path}/events"),
        ben("DELETE", path),
        ben("PATCH", path, b'{"position": 0}', {"Content-Type": "application/json"}),
    ]
    nothing = ben("GET", "/v1/jobs/nothing")
    for answer in answers:
        assert answer.status == 404
        assert answer.json() == {**nothing.json(), "message": f"there is no job {job.id}"}
    assert job.id not in [held["id"] for held in shared.ben.jobs()]
    assert [held["owner"] for held in shared.anna.jobs() if held["id"] == job.id] == ["anna"]
    assert job.id in [held["id"] for held in shared.admin.jobs()], "the admin sees all"


def test_the_queue_of_others_is_shown_to_nobody(shared: Shared) -> None:
    job = shared.anna.submit(endless())
    for event in job.events():
        if event.kind != "queued":
            break
    seen, seen_by_admin = shared.ben.health(), shared.admin.health()
    assert [device["job"] for device in seen["devices"]] == [None]
    assert [device["job"] for device in seen_by_admin["devices"]] == [job.id]
    assert (seen["queue"]["running"], seen_by_admin["queue"]["running"]) == (0, 1)
    assert seen["identity"] == "ben"
    job.cancel()


def test_an_id_of_somebody_else_is_taken_and_nothing_is_revealed_of_its_job(shared: Shared) -> None:
    job = shared.anna.submit(adjust(2), id="chosen")
    job.result(PATIENCE)
    for request in (adjust(2), adjust(3)):
        with pytest.raises(ServerError, match="is another one") as caught:
            shared.ben.submit(request, id="chosen")
        assert caught.value.status == 409


def test_a_picture_is_read_by_its_owner_alone(shared: Shared) -> None:
    job = shared.anna.submit(adjust(4))
    job.result(PATIENCE)
    last = shared.anna.transport.json("GET", f"/v1/jobs/{job.id}")["last_event"]
    digest = last["result"]["images"][0]["blob"]
    for method in ("GET", "HEAD"):
        path = f"/v1/blobs/{digest}"
        found = [shared.speaker(token)(method, path).status for token in (ANNA, BEN, WATCH)]
        assert found == [200, 404, 403]
    assert shared.speaker(shared.admin.transport._headers["Authorization"][7:])("GET", path).status == 200


def test_knowing_a_digest_is_not_having_what_it_stands_for(shared: Shared) -> None:
    """Else Ben could have Anna's picture brightened by nothing, and read it."""
    picture = freeze(np.random.default_rng(5).integers(0, 256, (16, 16, 3), dtype=np.uint8))
    raw = npy_bytes(picture)
    digest, _ = shared.speaker(ANNA).put(raw)
    body = {
        "id": "stolen",
        "request": {"type": "Adjust", "image": {"blob": digest, "dtype": "uint8", "shape": [16, 16, 3]}},
    }
    answer = shared.speaker(BEN).post("/v1/jobs", body)
    assert (answer.status, answer.json()["missing"]) == (409, [digest])
    again, stored = shared.speaker(BEN).put(raw)
    assert (again, stored.status) == (digest, 201)
    assert shared.speaker(BEN).post("/v1/jobs", body).status == 201
    assert shared.speaker(BEN)("GET", f"/v1/blobs/{digest}").status == 200


def test_what_was_forgotten_is_not_read_from_somebody_else(shared: Shared) -> None:
    digests: list[str] = []
    jobs = [client.submit(adjust(40)) for client in (shared.anna, shared.ben)]
    for client, job in zip((shared.anna, shared.ben), jobs, strict=True):
        job.result(PATIENCE)
        digests.append(client.transport.json("GET", f"/v1/jobs/{job.id}")["last_event"]["result"]["images"][0]["blob"])
    assert digests[0] == digests[1]
    shared.anna.forget(jobs[0].id)
    path = f"/v1/blobs/{digests[0]}"
    assert [shared.speaker(token)("GET", path).status for token in (ANNA, BEN)] == [404, 200]


def test_users_do_not_learn_how_much_others_have_stored(shared: Shared) -> None:
    assert set(shared.ben.health()["blobs"]) == {"bound"}
    assert set(shared.admin.health()["blobs"]) == {"bound", "count", "bytes"}


def test_what_is_no_array_is_reported_as_such_and_not_where_it_lies(shared: Shared) -> None:
    def refused(digest: str) -> tuple[int, str]:
        array = {"blob": digest, "dtype": "uint8", "shape": [16, 16, 3]}
        answer = shared.speaker(BEN).post("/v1/jobs", {"id": "raw", "request": {"type": "Adjust", "image": array}})
        return answer.status, answer.body.decode()

    raw, _ = shared.speaker(BEN).put(b"\0" * 768)
    cut, _ = shared.speaker(BEN).put(npy_bytes(freeze(np.zeros((16, 16, 3), np.uint8)))[:-1])
    answers = [refused(raw), refused(cut), refused("../../etc/passwd")]
    assert [status for status, _ in answers] == [422, 422, 422]
    for (_, body), message in zip(answers, ("no .npy file", "damaged .npy file", "is no SHA-256"), strict=True):
        assert message in body
        assert str(shared.home) not in body


def test_a_full_store_does_not_tell_where_it_lies(tmp_path: Path) -> None:
    store = BlobStore(tmp_path, 10)
    store.open()
    with pytest.raises(OutputError) as caught:
        store.put({"0" * 64: b"a" * 11})
    assert str(tmp_path) not in str(caught.value.to_dict())


def test_a_quota_says_what_it_is_and_when_to_try_again(shared: Shared) -> None:
    eve = shared.speaker(EVE)
    _, answer = eve.put(b"a" * 3001)
    assert answer.status == 429
    assert answer.json()["message"] == "your quota of upload_bytes is 3000, and this makes it 3001"
    assert "within the hour" in answer.json()["hint"]
    small = {"type": "TextToImage", "prompt": "a", "width": 64, "height": 64, "num_inference_steps": 20}
    large = {**small, "num_inference_steps": 40}
    answer = eve.post("/v1/jobs", {"id": "large", "request": large})
    assert answer.status == 429
    assert "job_work is 100000" in answer.json()["message"]
    before = shared.admin.submit(endless())
    assert eve.post("/v1/jobs", {"id": "first", "request": small}).status == 201
    answer = eve.post("/v1/jobs", {"id": "second", "request": small})
    assert answer.status == 429
    assert "queued_jobs is 1" in answer.json()["message"]
    assert eve.post("/v1/jobs", {"id": "first", "request": small}).status == 200, "it is there already"
    quotas = eve("GET", "/v1/health").json()["quotas"]
    assert quotas["queued_jobs"] == {"used": 1, "bound": 1}
    assert quotas["queued_work"]["used"] == 64 * 64 * 20
    assert eve("DELETE", "/v1/jobs/first").status == 200
    before.cancel()
    text = shared.speaker(WATCH)("GET", "/metrics").body.decode()
    assert 'sd_core_quota_total{quota="queued_jobs"} 1.0' in text


def chunked(shared: Shared, token: str, raw: bytes, digest: str) -> tuple[int, bytes]:
    """PUT without a Content-Length."""
    parts = urlsplit(shared.url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=PATIENCE)
    pieces = (raw[start : start + 1000] for start in range(0, len(raw), 1000))
    try:
        connection.request("PUT", f"/v1/blobs/{digest}", pieces, {"Authorization": f"Bearer {token}"})
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def test_bytes_without_a_length_or_under_a_wrong_digest_count_like_all_others(shared: Shared) -> None:
    status, body = chunked(shared, FINN, b"f" * 9000, "0" * 64)
    assert (status, b"upload_bytes is 8000" in body) == (429, True)
    assert shared.speaker(FINN)("GET", "/v1/health").json()["quotas"]["upload_bytes"]["used"] <= 8000
    assert chunked(shared, GUS, b"g" * 5000, "0" * 64)[0] == 422
    assert shared.speaker(GUS)("GET", "/v1/health").json()["quotas"]["upload_bytes"] == {"used": 5000, "bound": 8000}
    assert shared.speaker(GUS).put(b"h" * 3001)[1].status == 429
    assert shared.speaker(GUS).put(b"h" * 3000)[1].status == 201


def fail_after(holdings: Holdings, identity: Identity, size: int) -> None:
    with holdings.track_upload(identity) as arrive:
        arrive(size)
        raise OutputError("blobs", "full")


def test_uploads_at_the_same_time_count_together() -> None:
    holdings = Holdings()
    gus = Identity(name="gus", role=Role.USER, owner="gus")
    with holdings.track_upload(gus) as first, holdings.track_upload(gus) as second:
        assert (first(100), second(50)) == (100, 150)
        holdings.note_sent(gus, "0" * 64, 50)
    assert holdings.sent_bytes(gus, 0) == 50
    with pytest.raises(OutputError):
        fail_after(holdings, gus, 70)
    assert holdings.sent_bytes(gus, 0) == 50, "a full disk is not the sender's fault"
    with holdings.track_upload(gus) as last:
        assert last(1) == 1


def test_a_user_may_send_a_quarter_of_the_space_unless_the_table_says_otherwise() -> None:
    user = Identity(name="gus", role=Role.USER, owner="gus")
    bounds = [upload_bound(held, 4000) for held in (user, replace(user, quota=Quota(upload_bytes=9000)), ADMIN)]
    assert bounds == [1000, 9000, None]


def test_event_streams_are_counted(shared: Shared) -> None:
    before = shared.admin.submit(endless())
    eve = shared.speaker(EVE)
    small = {"type": "TextToImage", "prompt": "a", "width": 64, "height": 64, "num_inference_steps": 1}
    eve.post("/v1/jobs", {"id": "followed", "request": small})
    parts = urlsplit(shared.url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=PATIENCE)
    connection.request("GET", "/v1/jobs/followed/events", headers={"Authorization": f"Bearer {EVE}"})
    stream = connection.getresponse()
    assert stream.readline().startswith((b"event", b"id", b"data"))
    answer = eve("GET", "/v1/jobs/followed/events")
    assert (answer.status, "streams is 1" in answer.json()["message"]) == (429, True)
    eve("DELETE", "/v1/jobs/followed")
    stream.read()
    connection.close()
    assert eve("GET", "/v1/jobs/followed/events").status == 200
    before.cancel()


def test_what_is_for_everybody_takes_an_admin_and_figures_a_monitor(shared: Shared) -> None:
    assert shared.speaker(BEN).post("/v1/free_memory", {}).status == 403
    assert shared.speaker(BEN)("GET", "/metrics").status == 403
    assert shared.speaker(WATCH)("GET", "/metrics").status == 200
    assert shared.speaker(WATCH)("GET", "/v1/jobs").status == 403
    assert shared.speaker(WATCH)("GET", "/v1/health").json()["status"] == "ok"


def test_the_logs_say_who_did_what_and_hold_no_token(shared: Shared) -> None:
    job = shared.anna.submit(adjust(6))
    job.result(PATIENCE)
    shared.speaker(BEN)("GET", "/v1/jobs/a%0Ab%1B?token=hidden")
    shared.speaker("a wrong token")("GET", "/v1/jobs")
    logged: set[tuple[str | None, str, str, int]] = set()

    def are_told() -> bool:
        """A line is written when its answer is out."""
        access = [json.loads(line) for line in (shared.home / "logs" / "access.jsonl").read_text().splitlines()]
        assert all(line["ms"] >= 0 and line["bytes"] >= 0 for line in access)
        logged.update((line["identity"], line["method"], line["path"], line["status"]) for line in access)
        return expected <= logged

    expected = {
        ("anna", "POST", "/v1/jobs", 201), ("ben", "GET", "/v1/jobs/a\nb\x1b", 422), (None, "GET", "/v1/jobs", 401),
    }  # fmt: skip
    wait_for(are_told)
    submitted = [json.loads(line) for line in (shared.home / "logs" / "server.jsonl").read_text().splitlines()]
    mine = next(line for line in submitted if line["message"] == "job submitted" and line["job"] == job.id)
    assert (mine["owner"], mine["type"], mine["work"]) == ("anna", "Adjust", 256)
    for path in shared.home.rglob("*"):
        if path.is_file() and path.suffix in (".jsonl", ".log"):
            text = path.read_bytes()
            for secret in (ANNA, BEN, EVE, "hidden", "a wrong token", shared.admin.transport._headers["Authorization"]):
                assert secret.encode() not in text


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("anna = 1", "no table"),
        ("[admin]\ntoken = '0123456789abcdef'", "no table"),
        ("[anna]\ntoken = 'short'", "no token"),
        ("[anna]\nsha256 = 'ABC'", "no token"),
        ("[anna]\ntoken = '0123456789abcdef'\nrole = 'king'", "another role"),
        ("[anna]\ntoken = '0123456789abcdef'\njobs = 5", "'jobs'"),
        ("[anna]\ntoken = '0123456789abcdef'\nqueued_jobs = -1", "whole number"),
        ("[anna]\ntoken = '0123456789abcdef'\nqueued_jobs = true", "whole number"),
        ("[anna]\ntoken = '0123456789abcdef'\n[ben]\ntoken = '0123456789abcdef'", "same token"),
        ("[anna", "no TOML"),
    ],
)
def test_a_tokens_file_that_says_something_else_is_refused(tmp_path: Path, text: str, complaint: str) -> None:
    path = tmp_path / "tokens.toml"
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(RequestError, match=complaint):
        read_tokens(path)


def test_a_tokens_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "tokens.toml"
    path.write_text(TOKENS)
    path.chmod(0o640)
    with pytest.raises(RequestError, match="read by other users"):
        read_tokens(path)


def test_every_token_has_its_identity(tmp_path: Path) -> None:
    path = tmp_path / "tokens.toml"
    path.write_text(TOKENS)
    path.chmod(0o600)
    known = Identities("the token of the server", read_tokens(path))
    found = [known.find(token) for token in ("the token of the server", ANNA, WATCH, "", "nobody's", "é\udcff")]
    assert found[0] is ADMIN
    assert [None if held is None else (held.name, held.role) for held in found[1:]] == [
        ("anna", Role.USER), ("watch", Role.MONITOR), None, None, None,
    ]  # fmt: skip


def test_one_token_is_all_as_it_was(tmp_path: Path) -> None:
    with running(tmp_path) as (_, client):
        job = client.submit(TextToImage(prompt="a", width=64, height=64, num_inference_steps=1))
        job.cancel()
        assert [held["owner"] for held in client.jobs()] == [""]
        assert client.health()["quotas"]["queued_jobs"]["bound"] is None
