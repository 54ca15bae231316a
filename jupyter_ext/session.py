"""The jobs of one notebook on a server: after a restart of the kernel they are found again by their ids."""

from __future__ import annotations

import hashlib
import logging
import os
import platform
import uuid
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from sd_core.backend import RemoteBackend
from sd_core.errors import ServerError
from sd_core.requests import Request
from sd_core.results import Result

if TYPE_CHECKING:
    from sd_core.jobs import Job

_log = logging.getLogger(__name__)

_MAX_JOBS = 50
"""Jobs that are taken up, the newest."""

_DONE, _GONE = "done", 404
_USEFUL_STATES = frozenset({_DONE, "running", "queued"})


class FinishedJob(NamedTuple):
    """A request as it was submitted, and what came of it."""

    request: Request
    result: Result


class Session:
    """Gives ids to the jobs of a notebook, and knows them from those of others.

    name: of the notebook; None: as Jupyter tells its kernels (`JPY_SESSION_NAME`). Where nobody tells, nothing is found.
    """

    def __init__(self, name: str | None = None, environment: Mapping[str, str] = os.environ) -> None:
        known = name or environment.get("JPY_SESSION_NAME") or uuid.uuid4().hex
        kernel_place = f"{platform.node()}:{Path.home()}:{known}"
        self._prefix = f"nb-{hashlib.sha256(kernel_place.encode()).hexdigest()[:12]}-"
        self._own = f"{self._prefix}{_kernel_id()}-"
        self._taken: set[str] = set()

    def new_id(self) -> str:
        """The id of a new job: which notebook, which kernel, and which of its jobs."""
        return f"{self._own}{uuid.uuid4().hex}"

    def collect_earlier_jobs(self, client: RemoteBackend, on_unfinished: Callable[[Job], object]) -> list[FinishedJob]:
        """What an earlier kernel of this notebook has had made, each job once, the oldest first.

        Failed and cancelled jobs are left out, as are those whose arrays had to make room on the server.

        Args:
            client: of the server.
            on_unfinished: is given the jobs that wait or run.

        Raises:
            ServerError: no answer.
        """
        views = [view for view in client.jobs() if self._is_earlier(view["id"]) and view["state"] in _USEFUL_STATES]
        made: list[FinishedJob] = []
        for view in views[-_MAX_JOBS:]:
            self._taken.add(view["id"])
            try:
                job = client.job(view["id"])
                if view["state"] == _DONE:
                    result = job.result()
                    _ = result.images[0]  # those of an animation are fetched only now
                    made.append(FinishedJob(job.request, result))
                else:
                    on_unfinished(job)
            except ServerError as error:
                if error.status != _GONE:
                    raise
                _log.info("job %s is not whole any more: %s", view["id"], error)
        return made

    def _is_earlier(self, job_id: str) -> bool:
        return job_id.startswith(self._prefix) and not job_id.startswith(self._own) and job_id not in self._taken


@cache
def _kernel_id() -> str:
    """Tells this process from those before it; its number would not, as a restarted container counts from the same one."""
    return uuid.uuid4().hex[:8]
