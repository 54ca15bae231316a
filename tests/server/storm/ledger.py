"""What clients were told, and whether the server still stands by it when the storm is over."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from sd_core.client import Client
from sd_core.client.job import parse_events
from sd_core.errors import SDError
from sd_core.events import LAST_KINDS
from tests.server.servers import wait_for

from .findings import Findings, Law
from .host import Host
from .work import Work, digest_of

MayFail = Callable[[Mapping[str, Any], Mapping[str, Any]], bool]
"""Whether a job may have failed: of its view and its error."""

SETTLE = 150.0
"""Seconds within which all jobs have ended once the storm is over: an engine starts anew, then each takes 0.2 s."""

WORDS = ("damage", "checksum", "digest", "changed by others", "lost")
"""One of these tells of damage."""

_ENDS = {"done": "result", "failed": "failed", "cancelled": "cancelled"}


def tells(text: str) -> bool:
    """Whether it tells of damage."""
    return any(word in text.lower() for word in WORDS)


def second_death(job: Mapping[str, Any], error: Mapping[str, Any]) -> bool:
    """A job that was running at two deaths of engines may have caused them; no other may fail where nothing else is wrong."""
    return error["error"] == "EngineDied" and job["runs"] >= 2


class Ledger:
    """Acknowledged jobs, cancellations and ends.

    may_fail: which failures are no finding. evicts: results may be gone, as the store is small or damaged; then
    whoever asks for one is told.
    """

    def __init__(self, findings: Findings, may_fail: MayFail = second_death, *, evicts: bool = False) -> None:
        self.findings = findings
        self._evicts = evicts
        self.works: dict[str, Work] = {}
        self._may_fail = may_fail
        self._cancelled: dict[str, int] = {}
        self._ended: dict[str, tuple[str, int]] = {}
        self._heard: dict[str, int] = {}
        self._lock = threading.Lock()

    def acknowledge(self, job_id: str, work: Work) -> None:
        """The server has taken a job."""
        with self._lock:
            self.works[job_id] = work

    def acknowledge_cancel(self, job: Mapping[str, Any]) -> None:
        """The server has taken a cancellation: this is its answer."""
        with self._lock:
            self._cancelled.setdefault(job["id"], job["runs"])

    def hear(self, job_id: str, number: int) -> None:
        """Somebody who follows a job has read an event of this id."""
        with self._lock:
            self._heard[job_id] = max(number, self._heard.get(job_id, 0))

    def note(self, jobs: list[Mapping[str, Any]]) -> None:
        """A list of jobs: what has ended stays as it has ended."""
        with self._lock:
            for job in jobs:
                if job["state"] in _ENDS:
                    now = (job["state"], job["runs"])
                    before = self._ended.setdefault(job["id"], now)
                    self.findings.check(Law.ONCE, before == now, f"{job['id']} had ended as {before}, is {now}")

    def some_id(self, number: int) -> str | None:
        """One of the acknowledged jobs, the newer ones first."""
        with self._lock:
            newest = list(self.works)[-12:]
        return newest[number % len(newest)] if newest else None

    @property
    def share_cancelled(self) -> float:
        """Share of the jobs that somebody has cancelled."""
        return len(self._cancelled) / max(len(self.works), 1)

    def is_done(self, job_id: str) -> bool:
        """Whether a job was seen to be done."""
        return self._ended.get(job_id, ("",))[0] == "done"

    def settle(self, host: Host, seconds: float = SETTLE) -> None:
        """Wait until every acknowledged job has ended."""
        with host.client() as client:
            waiting: list[str] = []

            def ended() -> bool:
                jobs = client.jobs()
                self.note(jobs)
                waiting[:] = [f"{job['id']} {job['state']}" for job in jobs if job["state"] not in _ENDS]
                return not waiting

            try:
                wait_for(ended, seconds)
            except AssertionError:
                self.findings.check(Law.STATED, holds=False, otherwise=f"never ended: {waiting}; {host.health()}")

    def audit(self, host: Host) -> None:
        """Hold every acknowledged job against what the server knows of it."""
        with host.client() as client:
            jobs = client.jobs()
            self.note(jobs)
            self.findings.figures |= Counter(job["state"] for job in jobs)
            copies = Counter(job["id"] for job in jobs)
            for job_id in self.works:
                self.findings.check(Law.KEPT, copies[job_id], f"{job_id} was acknowledged and is lost")
                self.findings.check(Law.ONCE, copies[job_id] <= 1, f"{job_id} is there {copies[job_id]} times")
            self.audit_ended(client, jobs)

    def audit_ended(self, client: Client, jobs: list[Mapping[str, Any]]) -> None:
        """Events, pictures and reasons of the jobs that have ended."""
        for job in jobs:
            if job["id"] in self.works and job["state"] in _ENDS:
                self._audit_job(client, job)

    def _audit_job(self, client: Client, job: Mapping[str, Any]) -> None:
        work, name = self.works[job["id"]], f"{job['id']} ({self.works[job['id']].name})"
        self._check_events(client, job, name)
        if (runs := self._cancelled.get(job["id"])) is not None:
            text = f"{name} was cancelled in run {runs}, is {job['state']} after {job['runs']}"
            self.findings.check(Law.CANCEL, job["runs"] <= runs or job["state"] == "cancelled", text)
        if job["state"] == "cancelled":
            self.findings.check(Law.STATED, job["id"] in self._cancelled, f"{name} was cancelled by nobody")
        elif job["state"] == "failed":
            error = client.transport.json("GET", f"/v1/jobs/{job['id']}")["last_event"]["error"]
            self.findings.check(Law.STATED, self._may_fail(job, error), f"{name}, {job['runs']} runs: {error}")
        else:
            self.check_pictures(client, job["id"], work)

    def check_pictures(self, client: Client, job_id: str, work: Work) -> None:
        """Compare the result of a job with the right one."""
        try:
            made = digest_of(client.job(job_id).result(60))
        except (SDError, TimeoutError) as error:
            self.findings.count("results gone")
            self.findings.check(
                Law.PICTURE, self._evicts and isinstance(error, SDError), f"{job_id} ({work.name}): {error!r}"
            )
            return
        self.findings.check(Law.PICTURE, made == work.digest, f"{job_id} ({work.name}) has other pictures")

    def _check_events(self, client: Client, job: Mapping[str, Any], name: str) -> None:
        events = list(read_events(client, job["id"], 0))
        numbers, kinds = [number for number, _ in events], [data["kind"] for _, data in events]
        frames = [data["index"] for _, data in events if data["kind"] == "frame"]
        self.findings.check(Law.ONCE, numbers == sorted(set(numbers)), f"{name}: event ids {numbers}")
        self.findings.check(Law.ONCE, frames == sorted(set(frames)), f"{name}: frames {frames}")
        heard = self._heard.get(job["id"], 0)
        text = f"{name}: who had read event {heard} never hears the end, {numbers[-1:]}"
        self.findings.check(Law.ONCE, numbers[-1:] >= [heard], text)
        ends = [kind for kind in kinds if kind in LAST_KINDS]
        right = kinds[-1:] == ends == [_ENDS[job["state"]]]
        if self._evicts and job["state"] == "done" and kinds[-1:] == ends == ["failed"]:  # that event is damaged
            right = tells(events[-1][1]["error"]["message"])
        self.findings.check(Law.ONCE, right, f"{name} is {job['state']}, its events are {kinds}")


def read_events(client: Client, job_id: str, after: int) -> Iterator[tuple[int, dict[str, Any]]]:
    """The events of a job above `after` on one connection, as they come: (id, data)."""
    connection, response = client.transport.open_stream(f"/v1/jobs/{job_id}/events", {"Last-Event-ID": str(after)})
    try:
        if response.status != 200:
            raise ConnectionError(f"status {response.status}: {json.loads(response.read())}")
        yield from parse_events(response)
    finally:
        response.close()
        connection.close()
