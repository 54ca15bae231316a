"""The engine: requests in, events out; owns models, a device and one worker thread."""

from __future__ import annotations

import gc
import logging
import threading
from dataclasses import replace
from pathlib import Path
from time import perf_counter

import torch

from sd_core.backend import Backend
from sd_core.devices import choose_placement, memory
from sd_core.errors import EngineDied, OutOfMemory, SDError
from sd_core.events import ResultEvent
from sd_core.jobs import Job, ProcessGuard
from sd_core.models import LoraInfo, ModelInfo, list_loras, list_models
from sd_core.requests import Request
from sd_core.results import Result
from sd_core.tasks import run_request

from .context import JobContext
from .resources import Resources
from .waiting import JobQueue

_log = logging.getLogger(__name__)


class Engine(Backend):
    """Runs requests one after another on one device.

    It belongs to the process that made it: a forked child has no thread that would run its jobs, and makes its own.

    Args:
        model: used by requests that name none.
        device: "auto", "cpu", "cuda", "cuda:1", "mps".
        dtype: "auto", "float32", "bfloat16" or "float16".
        keep_latents: give the final latents back in every result.
        memory_limit: bytes that loaded models may take; None: what the device has.

    Raises:
        RequestError: no such device or dtype.

    Examples:
        >>> from sd_core import Engine, TextToImage
        >>> with Engine(device="cpu") as engine:
        ...     request = TextToImage(prompt="red bricks", seed=7, width=64, height=64, num_inference_steps=2)
        ...     result = engine.run(request)
        >>> result.images[0].shape
        (64, 64, 3)
    """

    def __init__(
        self,
        model: str = "builtin",
        device: str = "auto",
        dtype: str = "auto",
        keep_latents: bool = False,
        memory_limit: int | None = None,
    ) -> None:
        self._default_model = str(model)
        self._keep_latents = keep_latents
        self._resources = Resources(choose_placement(device, dtype), memory_limit)
        self._owner = ProcessGuard(
            "this engine",
            "make the engine in the child, which multiprocessing should start by spawn, since torch does not outlive a fork",
        )
        self._waiting = JobQueue()
        self._busy = threading.Lock()
        self._worker = threading.Thread(target=self._work, name="sd_core-engine", daemon=True)
        self._worker.start()

    def submit(
        self,
        request: Request,
        output: str | Path | None = None,
        resume: bool = False,
        overwrite: bool = False,
        *,
        id: str | None = None,  # noqa: A002 - as the job's attribute
    ) -> Job:
        """Queue a request and return at once.

        Args:
            request: what to make.
            output: folder in which an animation or a mesh texture commits each finished frame or view.
            resume: go on with what an earlier run left in `output`.
            overwrite: what an earlier run left there may go, but for files that have changed since: those are set aside, and
                named in a warning. Without either, finished frames or views are an error.
            id: of the job, which nobody else may have; None: a new one.

        Raises:
            SDError: the engine is closed, or was made by the process that this one was forked from.
        """
        self._owner.check()
        job = Job(request, None if output is None else Path(output), resume, overwrite, id=id)
        self._waiting.put(job)
        return job

    def models(self) -> list[ModelInfo]:
        """The models known by name, and whether they are on this machine."""
        return list_models()

    def loras(self) -> list[LoraInfo]:
        """The files of the LoRA folder (`loras` in `SD_CORE_HOME`), which requests may name."""
        return list_loras()

    def free_memory(self) -> None:
        """Drop every loaded model and give its memory back to the device; waits for the job that runs.

        Raises:
            SDError: the engine was made by the process that this one was forked from.
        """
        self._owner.check()
        with self._busy:
            self._resources.free()
            gc.collect()

    def close(self) -> None:
        """Cancel what runs and what waits, and free the memory. In a forked child there is nothing to close."""
        if not self._owner.is_current_process():
            return
        self._waiting.close()
        self._worker.join()
        self.free_memory()

    def _work(self) -> None:
        try:
            while (job := self._waiting.take()) is not None:
                with self._busy:
                    self._run_job(job)
        finally:
            # Whatever ended the thread: nobody waits for it in vain.
            self._waiting.fail(EngineDied("the engine's thread has ended", hint="make a new engine: sd_core.Engine()"))

    def _run_job(self, job: Job) -> None:
        if not job.start():
            return
        context = JobContext(job, self._resources, self._default_model)
        try:
            job.report(ResultEvent(self._result(job, context)))
        except SDError as error:
            job.fail(error, tuple(context.warnings))
        except torch.OutOfMemoryError as error:
            job.fail(_out_of_memory(self._resources.placement.device, error), tuple(context.warnings))
        except Exception as error:  # noqa: BLE001
            # The queue must outlive a job that trips over a defect; the job itself carries the reason.
            _log.exception("job %s failed", job.id)
            job.fail(_unexpected_error(error), tuple(context.warnings))

    def _result(self, job: Job, context: JobContext) -> Result:
        start = perf_counter()
        result = run_request(job.request, context, keep_latents=self._keep_latents)
        timings = context.timings | {"total": perf_counter() - start}
        return replace(result, timings=timings, decisions=context.decisions, warnings=tuple(context.warnings))


def _out_of_memory(device: torch.device, error: torch.OutOfMemoryError) -> OutOfMemory:
    free = memory(device).free
    translated = OutOfMemory(free, free, str(error).splitlines()[0], hint="use a smaller size, or free memory first")
    translated.__cause__ = error
    return translated


def _unexpected_error(error: Exception) -> SDError:
    translated = SDError(f"{type(error).__name__}: {error}", hint="this is a defect of sd_core: please report it")
    translated.__cause__ = error
    return translated
