"""What runs requests: an engine in this process, or the client of a server. Callers that take either take a `Backend`."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self, runtime_checkable

from .events import Event
from .jobs import Job
from .requests import Request
from .results import Result


class ControlNetFacts(Protocol):
    """A ControlNet that a model uses where a control names none; `kind` as in `Control.kind`."""

    @property
    def kind(self) -> str: ...

    @property
    def name(self) -> str: ...


class ModelFacts(Protocol):
    """A model that requests may name. `present`: all of it is on the machine of the engine. `size`: bytes there."""

    @property
    def name(self) -> str: ...

    @property
    def hub_id(self) -> str: ...

    @property
    def family(self) -> str | None: ...

    @property
    def licence(self) -> str: ...

    @property
    def about(self) -> str: ...

    @property
    def present(self) -> bool: ...

    @property
    def size(self) -> int: ...

    @property
    def controlnets(self) -> Sequence[ControlNetFacts]: ...


class LoraFacts(Protocol):
    """A file of the LoRA folder. `size`: bytes. `problem`: why it cannot be used; empty: it can."""

    @property
    def name(self) -> str: ...

    @property
    def family(self) -> str | None: ...

    @property
    def inversion(self) -> bool: ...

    @property
    def size(self) -> int: ...

    @property
    def problem(self) -> str: ...


class Backend(Protocol):
    """Runs requests one after another; `Engine` and `Client` both do, with the same methods, events and errors."""

    @abstractmethod
    def submit(
        self,
        request: Request,
        output: str | Path | None = None,
        resume: bool = False,
        overwrite: bool = False,
        *,
        id: str | None = None,  # noqa: A002 - as the job's attribute
    ) -> Job:
        """Queue a request and return at once; the arguments are explained by `Engine.submit` and `Client.submit`.

        Raises:
            SDError: it cannot be queued.
        """

    @abstractmethod
    def models(self) -> Sequence[ModelFacts]:
        """The models known by name."""

    @abstractmethod
    def loras(self) -> Sequence[LoraFacts]:
        """The files of the LoRA folder."""

    @abstractmethod
    def free_memory(self) -> None:
        """Drop every loaded model and give its memory back to the device; waits for the job that runs."""

    @abstractmethod
    def close(self) -> None:
        """Let go of everything that this object holds."""

    def run(
        self, request: Request, output: str | Path | None = None, resume: bool = False, overwrite: bool = False
    ) -> Result:
        """Run a request and wait for its result; Ctrl-C cancels it. The arguments are those of `submit`.

        Raises:
            SDError: what went wrong; `Cancelled` after Ctrl-C.
        """
        job = self.submit(request, output, resume, overwrite)
        try:
            return job.result()
        except KeyboardInterrupt:
            job.cancel()
            return job.result()

    def stream(
        self, request: Request, output: str | Path | None = None, resume: bool = False, overwrite: bool = False
    ) -> Iterator[Event]:
        """Run a request and yield its events as they come; leaving the loop early cancels it."""
        job = self.submit(request, output, resume, overwrite)
        ended = False
        try:
            yield from job.events()
            ended = True
        finally:
            if not ended:  # a server would be asked in vain
                job.cancel()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


@runtime_checkable
class RemoteBackend(Backend, Protocol):
    """A backend that keeps jobs, their frames and their results itself, also after the program that submitted them has ended."""

    @property
    @abstractmethod
    def url(self) -> str:
        """Base URL of the server."""

    @abstractmethod
    def job(self, job_id: str) -> Job:
        """A job that was submitted earlier, perhaps by another program."""

    @abstractmethod
    def jobs(self, state: str | None = None) -> Sequence[Mapping[str, Any]]:
        """The jobs that the server remembers, as `GET /v1/jobs` describes them."""
