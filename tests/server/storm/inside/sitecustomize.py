"""Changes engine processes from within; Python imports this by its name when it starts.

SD_CORE_FAULT makes that on the device "cpu:0" a broken one: "start" ends when it starts, "job" ends in every job, "after" ends
after every job, "hang" never ends a job, "stop" stops as a process that nobody continues. SD_CORE_STEPS names a file to which
every engine adds a line "<process> <image or frame>" for each denoising step, which lasts when the engine is killed.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import importlib.util
import os
import signal
import sys
import threading
import time
from types import ModuleType
from typing import Any

BROKEN = "cpu:0"


class _Patched(importlib.abc.Loader):
    """Loads a module as its own loader does, then breaks its engine."""

    def __init__(self, loader: importlib.abc.Loader) -> None:
        self._loader = loader

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        self._loader.exec_module(module)
        if "SD_CORE_STEPS" in os.environ:
            _count_steps(module.Job)  # type: ignore[attr-defined]
        if _is_broken():
            _break(module.Engine)  # type: ignore[attr-defined]


class _Finder(importlib.abc.MetaPathFinder):
    def find_spec(self, name: str, path: object, target: object = None) -> importlib.machinery.ModuleSpec | None:
        if name != "sd_core.engine.engine":
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        assert spec is not None and spec.loader is not None
        spec.loader = _Patched(spec.loader)
        return spec


def _is_broken() -> bool:
    return BROKEN in sys.orig_argv and "SD_CORE_FAULT" in os.environ


def _break(engine: Any) -> None:
    submit = engine.submit

    def broken(*arguments: object, **options: object) -> object:
        match os.environ["SD_CORE_FAULT"]:
            case "job":
                os._exit(9)
            case "stop":
                os.kill(os.getpid(), signal.SIGSTOP)
            case "hang":
                threading.Event().wait()
        job = submit(*arguments, **options)
        threading.Thread(target=_end_after, args=(job,), daemon=True).start()
        return job

    engine.submit = broken


def _count_steps(job: Any) -> None:
    report = job.report
    steps = os.open(os.environ["SD_CORE_STEPS"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def counted(self: object, event: Any) -> None:
        if event.kind == "step":
            os.write(steps, f"{os.getpid()} {event.image}\n".encode())
        report(self, event)

    job.report = counted


def _end_after(job: object) -> None:
    for _ in job.events():  # type: ignore[attr-defined]
        pass
    time.sleep(0.05)  # some of its last messages get through, others do not
    os._exit(9)


if "sd_core.server.worker" in sys.orig_argv:
    if _is_broken() and os.environ["SD_CORE_FAULT"] == "start":
        sys.stderr.write("this device is broken\n")
        os._exit(3)
    sys.meta_path.insert(0, _Finder())
