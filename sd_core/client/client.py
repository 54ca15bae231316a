"""`sd_core.connect(...)`: the engine's methods over HTTP."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from ..backend import LoraFacts, ModelFacts, RemoteBackend
from ..errors import RequestError, ServerError
from ..paths import home_folder
from ..requests import Request
from ..values import Array, from_npy, npy_bytes
from ..wire import read_announcement
from .job import RemoteJob, no_change
from .submission import Submission, submission_of
from .transport import Transport

_BYTES = {"Content-Type": "application/octet-stream"}
_UNABLE = 503
"""With this status a server tells how it fares when that is not well."""

_ROUNDS = 3
"""Attempts to send all arrays: between two, a full store may drop one again."""


def connect(
    url: str | None = None, token: str | None = None, *, home: str | Path | None = None, patience: float = 30.0
) -> Client:
    """Connect to a server.

    Args:
        url: such as "http://127.0.0.1:8765"; None: the server that runs on this machine for this user.
        token: bearer token; None: that of the server on this machine, if it is the one at `url`.
        home: folder of that server; None: `SD_CORE_HOME` or the platform's.
        patience: seconds for which a server that was there and does not answer is tried again.

    Raises:
        ServerError: no server, or the token is wrong.
    """
    if url is None or token is None:
        url, token = _local_server(url, Path(home) if home is not None else home_folder())
    client = Client(url, token, patience=0)
    try:
        client.health()
    except BaseException:
        client.close()
        raise
    client.patience = patience
    return client


class Client(RemoteBackend):
    """An engine behind a server; the same methods, events and errors as `Engine`. Safe to use from any thread."""

    def __init__(self, url: str, token: str = "", *, patience: float = 30.0) -> None:
        self.transport = Transport(url, token, patience)

    @property
    def url(self) -> str:
        """Base URL of the server."""
        return self.transport.url

    @property
    def patience(self) -> float:
        """Seconds for which a server that does not answer is tried again."""
        return self.transport.patience

    @patience.setter
    def patience(self, seconds: float) -> None:
        self.transport.patience = seconds

    def submit(
        self,
        request: Request,
        output: str | Path | None = None,
        resume: bool = False,
        overwrite: bool = False,
        *,
        id: str | None = None,  # noqa: A002 - as the job's attribute
        priority: str = "interactive",
    ) -> RemoteJob:
        """Queue a request and return when the server has written it down.

        Args:
            request: what to make.
            output: not supported behind a server, which keeps finished frames itself and resumes by itself.
            resume: as `output`.
            overwrite: as `output`.
            id: letters, digits, "-" and "_"; the same id twice is the same job. None: a new one.
            priority: "interactive", or "batch", which goes after all of those.

        Raises:
            RequestError: the server refuses the request.
            ServerError: no answer.
        """
        if output is not None or resume or overwrite:
            raise RequestError("output", "is a folder of this machine", hint="leave it out and save the result here")
        job_id = id or uuid.uuid4().hex
        submission = submission_of(request)
        body = {"id": job_id, "priority": priority, "request": submission.body, "attachments": submission.names}
        self._post(body, submission)
        return RemoteJob(self.transport, self.fetch, request, submission.restore, job_id)

    def job(self, job_id: str) -> RemoteJob:
        """A job that was submitted earlier, perhaps by another program.

        How it ended can be asked also where the arrays of its request have made room for newer ones.

        Raises:
            ServerError: there is none (status 404), or no answer.
        """
        body = self.transport.json("GET", f"/v1/jobs/{job_id}")["request"]
        return RemoteJob(self.transport, self.fetch, body, no_change, job_id)

    def jobs(self, state: str | None = None) -> list[Mapping[str, Any]]:
        """The jobs that the server remembers, as `GET /v1/jobs` describes them."""
        found: list[Mapping[str, Any]] = []
        query, after = "" if state is None else f"&state={state}", 0
        while after is not None:
            page = self.transport.json("GET", f"/v1/jobs?limit=1000&after={after}{query}")
            found += page["jobs"]
            after = page["next"]
        return found

    def move(self, job_id: str, *, position: int | None = None, priority: str | None = None) -> None:
        """Move a waiting job: its place among those of its priority (0: next), or its priority."""
        self.transport.json("PATCH", f"/v1/jobs/{job_id}", {"position": position, "priority": priority})

    def resume(self, job_id: str, request: Request | None = None) -> RemoteJob:
        """Let a failed or cancelled job run again, from the frames that it had finished.

        Args:
            job_id: which job.
            request: what was submitted, to send arrays again that have made room for others on the server.

        Raises:
            ServerError: there is none (status 404); it is in another state, or needs arrays that are gone (409).
        """
        path = f"/v1/jobs/{job_id}/resume"
        answer = self.transport.send("POST", path)
        missing = answer.json().get("missing") if answer.status == 409 else None
        if missing is not None and request is not None:
            submission = submission_of(request)
            for digest in missing:
                self._upload(digest, submission)
            answer = self.transport.send("POST", path)
        self.transport.check(answer)
        return self.job(job_id)

    def forget(self, job_id: str) -> None:
        """Delete a job that has ended, with those of its pictures that no other job names.

        Raises:
            ServerError: there is none (status 404), or it has not ended (409).
        """
        self.transport.check(self.transport.send("POST", f"/v1/jobs/{job_id}/forget"))

    def models(self) -> Sequence[ModelFacts]:
        """The models known by name, and whether they are on the server's machine; with the attributes of `ModelInfo`."""
        return self._fetch_infos("models")

    def loras(self) -> Sequence[LoraFacts]:
        """The files of the server's LoRA folder, which requests may name; with the attributes of `LoraInfo`."""
        return self._fetch_infos("loras")

    def health(self) -> Mapping[str, Any]:
        """Devices, memory, queue, the caller's quotas; `status` is "unable" where no device can work."""
        answer = self.transport.send("GET", "/v1/health")
        if answer.status == _UNABLE and "devices" in (health := answer.json()):
            return health
        return self.transport.check(answer).json()

    def hold(self, *, held: bool = True) -> None:
        """Have the server start no waiting job until it is released, over new starts too; `held=False` releases them."""
        self.transport.check(self.transport.send("POST", f"/v1/queue/{'hold' if held else 'release'}"))

    def free_memory(self) -> None:
        """Drop every loaded model and give its memory back to the device; waits for the job that runs."""
        self.transport.json("POST", "/v1/free_memory")

    def close(self) -> None:
        """Close the connections. Jobs go on."""
        self.transport.close()

    def fetch(self, digest: str) -> Array:
        """The array of this digest, whose bytes have been compared with that.

        Raises:
            ServerError: 404, the server has it no more; 410, it is damaged there; 502, it was changed on the way.
        """
        answer = self.transport.check(self.transport.send("GET", f"/v1/blobs/{digest}"))
        if hashlib.sha256(answer.body).hexdigest() != digest:
            raise ServerError(f"the bytes of {digest} were changed on the way", status=502, hint="fetch them again")
        return from_npy(answer.body, digest[:12])

    def _fetch_infos(self, what: str) -> Sequence[Any]:
        answer = self.transport.check(self.transport.send("GET", f"/v1/{what}"))
        return getattr(json.loads(answer.body, object_hook=lambda fields: SimpleNamespace(**fields)), what)

    def _post(self, body: Mapping[str, Any], submission: Submission) -> None:
        """Arrays are sent only when the server says that it has them not."""
        raw = json.dumps(body, allow_nan=False).encode()
        for _ in range(_ROUNDS):
            answer = self.transport.send("POST", "/v1/jobs", raw, {"Content-Type": "application/json"})
            missing = answer.json().get("missing") if answer.status == 409 else None
            if missing is None:
                self.transport.check(answer)
                return
            for digest in missing:
                self._upload(digest, submission)
        raise ServerError(
            "the server loses arrays as soon as they are sent", status=507, hint="give it more space for blobs"
        )

    def _upload(self, digest: str, submission: Submission) -> None:
        path = f"/v1/blobs/{digest}"
        if digest in submission.arrays:
            self.transport.check(self.transport.send("PUT", path, npy_bytes(submission.arrays[digest]), _BYTES))
            return
        file = submission.files[digest]
        with file.open("rb") as stream:
            size = {"Content-Length": str(file.stat().st_size)}
            self.transport.check(self.transport.send("PUT", path, stream, _BYTES | size))


def _local_server(url: str | None, home: Path) -> tuple[str, str]:
    """URL and token of the server on this machine; its token goes to no other URL."""
    if url is None:
        found = read_announcement(home)
        return found.url, found.token
    try:
        found = read_announcement(home)
    except ServerError:
        return url, ""
    return url, found.token if found.url == url.rstrip("/") else ""
