"""Clients that submit, cancel, move, list and follow at random."""

from __future__ import annotations

import http.client
import random
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Self

from sd_core.client import Client
from sd_core.errors import SDError, ServerError
from sd_core.events import LAST_KINDS

from .findings import Law
from .host import Host
from .ledger import Ledger, read_events
from .work import Works

Forgiven = Callable[[SDError], bool]
"""Whether an error is one that this storm may cause."""

PAUSE = 0.06
"""Seconds between two actions of one client, so that the machine has time for the jobs."""


BUSY, FOLLOWERS = 4, 2
_BUSY: Mapping[str, int] = {"submit": 20, "cancel": 1, "move": 3, "list": 3}
_FOLLOWING: Mapping[str, int] = {"follow": 1}
"""Actions of a client, by weight."""

MOST_CANCELLED = 0.15
"""Share of the jobs; the others have to end well."""

LEAVE = 5.0
"""Seconds within which clients leave."""


def nothing(error: SDError) -> bool:
    """A server that is there refuses nothing that these clients ask, but for what comes too late."""
    return False


class Crowd:
    """Threads, each a client with its own seeded choices; used as a context manager. Followers do nothing else, as they wait.

    most_waiting: while so many jobs are unfinished none is submitted. forgiven: errors that are no finding.
    """

    def __init__(
        self,
        host: Host,
        ledger: Ledger,
        works: Works,
        seed: int,
        *,
        most_waiting: int = 16,
        forgiven: Forgiven = nothing,
    ) -> None:
        self.stop = threading.Event()
        self._host = host
        self._ledger = ledger
        self._works = works
        self._most_waiting = most_waiting
        self._forgiven = forgiven
        kinds = [_BUSY] * BUSY + [_FOLLOWING] * FOLLOWERS
        self._threads = [
            threading.Thread(target=self._visit, args=(random.Random(f"{seed} {number}"), kind), daemon=True)  # noqa: S311
            for number, kind in enumerate(kinds)
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop.set()
        give_up = time.monotonic() + LEAVE
        for thread in self._threads:  # who follows a job that never ends leaves when the server does
            thread.join(max(0.0, give_up - time.monotonic()))

    def _visit(self, chance: random.Random, actions: Mapping[str, int]) -> None:
        with self._host.client() as client:
            while not self.stop.wait(PAUSE):
                action = chance.choices(list(actions), list(actions.values()))[0]
                try:
                    getattr(self, f"_{action}")(client, chance)
                except SDError as refusal:
                    status = refusal.status if isinstance(refusal, ServerError) else type(refusal).__name__
                    text = f"{action}: {status} {refusal}"
                    self._ledger.findings.count("refused")
                    self._ledger.findings.check(Law.STATED, self._forgiven(refusal), text)

    def _submit(self, client: Client, chance: random.Random) -> None:
        if self._host.health().unfinished >= self._most_waiting:
            return
        job_id, work = uuid.UUID(int=chance.getrandbits(128)).hex, self._works.next()
        client.submit(work.request, id=job_id, priority=chance.choice(("interactive", "batch")))
        self._ledger.acknowledge(job_id, work)

    def _cancel(self, client: Client, chance: random.Random) -> None:
        job_id = self._ledger.some_id(chance.randrange(99))
        if job_id is not None and self._ledger.share_cancelled < MOST_CANCELLED:
            self._ledger.acknowledge_cancel(client.transport.json("DELETE", f"/v1/jobs/{job_id}"))

    def _move(self, client: Client, chance: random.Random) -> None:
        if (job_id := self._ledger.some_id(chance.randrange(99))) is not None:
            try:
                client.move(job_id, position=chance.randrange(4))
            except ServerError as error:
                if error.status != 409:  # it does not wait any more
                    raise

    def _list(self, client: Client, chance: random.Random) -> None:
        self._ledger.note(client.jobs(chance.choice((None, "queued", "done", "failed"))))

    def _follow(self, client: Client, chance: random.Random) -> None:
        """Read the events of a job, and leave and come back at random."""
        job_id, last, ends = self._ledger.some_id(chance.randrange(99)), 0, 0
        findings = self._ledger.findings
        while job_id is not None and not ends and not self.stop.is_set():
            leave_after = chance.randrange(1, 12)
            try:
                for number, data in read_events(client, job_id, last):
                    findings.check(Law.ONCE, number > last, f"{job_id}: event {number} after {last}")
                    last, ends = number, ends + (data["kind"] in LAST_KINDS)
                    self._ledger.hear(job_id, number)
                    leave_after -= 1
                    if leave_after <= 0 or self.stop.is_set():
                        break
            except (OSError, http.client.HTTPException):
                findings.count("streams lost")
                if self.stop.wait(0.2):
                    return
