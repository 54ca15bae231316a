"""One engine process: started, watched, given messages, killed when it hangs."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import secrets
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

from ..errors import EngineDied
from ..events import LAST_KINDS
from .liveness import Liveness, SleepDetector
from .logs import open_engine_log, trim_engine_log
from .pipe import Message, MessageKind, Order, receive_message
from .settings import ServerSettings

_log = logging.getLogger(__name__)

_WATCH = 0.5
"""Seconds between two checks of its liveness."""

_BUFFER = 1 << 20

_STOP_SECONDS = 20.0
"""Seconds in which an engine must end a job that the server has abandoned: a step of a large picture on a processor."""


class EngineProcess:
    """A spawned `sd_core.server.worker`. After an error make a new one.

    `device`, `memory`, `other_devices` (devices of the kind) and `models` (names in the catalogue) are as it tells; `mismatch` says
    what it has reported of a job that it was not given.
    """

    def __init__(self, settings: ServerSettings, device: str, log: Path) -> None:
        self.device = device
        self.memory: Mapping[str, int] | None = None
        self.other_devices: list[str] = []
        self.models: list[str] = []
        self.mismatch = ""
        self.ready = asyncio.Event()
        self.ended = asyncio.Event()
        self._settings = settings
        self._requested_device = device
        self._log_path = log
        self._process: asyncio.subprocess.Process | None = None
        self._liveness: Liveness | None = None
        self._name = secrets.token_hex(8)
        self._order: Order | None = None
        self._idle = asyncio.Event()
        self._events: asyncio.Queue[Message | None] = asyncio.Queue()
        self._answers: dict[MessageKind, list[asyncio.Future[Message]]] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._reason = ""

    @property
    def pid(self) -> int | None:
        """Process id."""
        return None if self._process is None else self._process.pid

    async def start(self) -> None:
        """Spawn the process and wait until it can take jobs.

        Raises:
            EngineDied: it ended or hung before that; the message has the end of its log.
        """
        temporary = await asyncio.to_thread(self._empty_temporary)
        with open_engine_log(self._log_path) as errors:
            self._process = await asyncio.create_subprocess_exec(
                *self._command(),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                limit=_BUFFER,
                env={**os.environ, **temporary, "SD_CORE_HOME": str(self._settings.home), **self._settings.environment},
                start_new_session=True,
            )
        self._liveness = Liveness(self._process.pid, self._settings.deadlines)
        self._tasks = [asyncio.create_task(self._read()), asyncio.create_task(self._watch())]
        ready = asyncio.create_task(self.ready.wait())
        await asyncio.wait([ready, self._tasks[0]], return_when=asyncio.FIRST_COMPLETED)
        ready.cancel()
        if not self.ready.is_set():
            raise EngineDied(
                f"{await self._exit_status()}: {self._last_log_line()}",
                hint=f"see {self._log_path.name} in the logs folder",
            )

    async def run(self, job: str, run_number: int, data: Mapping[str, Any]) -> AsyncIterator[Message]:
        """Run a job and yield its events; the last one ends it. Whoever leaves before that must `stop_order`.

        Raises:
            EngineDied: the process ended, hung, or reported another job; it has been killed.
        """
        assert self._liveness is not None
        assert self._order is None, "an engine does one order at a time"
        events = self._events = asyncio.Queue()  # nothing of an earlier run
        if self.ended.is_set():
            raise EngineDied(await self._exit_status(), hint="it is started again")
        self._order = Order(job, run_number, self._name)
        self._idle.clear()
        self._liveness.note_progress()
        await self.send(Message(MessageKind.RUN, {**data, **self._order.to_dict()}))
        while (message := await events.get()) is not None:
            yield message
            if message.data["event"]["kind"] in LAST_KINDS:
                return
        raise EngineDied(await self._exit_status(), hint="it may have run out of memory: use a smaller size")

    async def cancel(self, job: str) -> None:
        """Ask it to stop a job before its next step; nothing where it does another one by now."""
        if self._order is not None and self._order.job == job:
            await self.send(Message(MessageKind.CANCEL, self._order.to_dict()))

    async def stop_order(self, patience: float = _STOP_SECONDS) -> None:
        """Make sure that it does nothing any more: what it reports of an abandoned job is ignored.

        One that has not stopped after `patience` seconds is killed.
        """
        order = self._order
        if order is None or self._process is None:
            return
        self._events = asyncio.Queue()
        try:
            async with asyncio.timeout(patience):
                await self.cancel(order.job)
                await self._idle.wait()
        except TimeoutError:
            self.kill(f"it did not stop {order} within {patience:.0f} s")
            await self.ended.wait()

    async def ask(self, kind: MessageKind) -> Message:
        """Send a question and wait for its answer.

        Raises:
            EngineDied: the process ended.
        """
        if self.ended.is_set():
            raise EngineDied("the engine has ended", hint="try again: it is started again")
        answer: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        self._answers.setdefault(MessageKind.FREED if kind is MessageKind.FREE else kind, []).append(answer)
        await self.send(Message(kind))
        return await answer

    async def send(self, message: Message) -> None:
        """Send a message; one to a process that has just ended is lost, and `run` tells so."""
        assert self._process is not None
        assert self._process.stdin is not None
        with contextlib.suppress(ConnectionError):
            self._process.stdin.writelines(message.parts())
            await self._process.stdin.drain()

    def kill(self, reason: str) -> None:
        """End the process now, with everything that it has started."""
        if self._process is None or self._process.returncode is not None:
            return
        self._reason = self._reason or reason
        with contextlib.suppress(ProcessLookupError):
            if hasattr(os, "killpg"):
                os.killpg(self._process.pid, signal.SIGKILL)
            else:
                self._process.kill()

    async def close(self) -> None:
        """Kill the process and wait for its end."""
        self.kill("the server stops")
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._process is not None:
            await self._process.wait()

    def _empty_temporary(self) -> dict[str, str]:
        """A folder for temporary files in the home, emptied of what an engine left that was killed; gives the variables."""
        folder = self._settings.home / "temporary" / self._log_path.stem
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(folder))

    def _command(self) -> list[str]:
        module = [sys.executable, "-m", "sd_core.server.worker"]
        return [
            *module,
            "--device",
            self._requested_device,
            "--dtype",
            self._settings.dtype,
            "--model",
            self._settings.model,
        ]

    async def _read(self) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        try:
            while True:
                self._take(await receive_message(self._process.stdout))
        except asyncio.IncompleteReadError:
            pass
        except Exception as error:  # noqa: BLE001 - whatever it sent, the engine is of no use any more
            _log.exception("an engine's message cannot be read", extra={"device": self.device})
            self.kill(f"it sent something that cannot be read: {error!r:.200}")
        finally:
            self._end()

    def _take(self, message: Message) -> None:
        assert self._liveness is not None
        self._liveness.note_message()
        match message.kind:
            case MessageKind.READY:
                self.device, self.other_devices = message.data["device"], message.data["others"]
                self.models = message.data["models"]
                self._liveness.ready = True
                self.ready.set()
            case MessageKind.ALIVE:
                self.memory = message.data["memory"]
            case MessageKind.EVENT:
                self._take_event(message)
            case _:
                for answer in self._answers.pop(message.kind, []):
                    if not answer.done():
                        answer.set_result(message)

    def _take_event(self, message: Message) -> None:
        """Only what belongs to the order that it was given; anything else is another job's, and so is all that follows."""
        assert self._liveness is not None
        order = Order.of(message.data)
        if order != self._order or self.mismatch:
            self.mismatch = self.mismatch or f"it reported {order} while its order was {self._order or 'nothing'}"
            self.kill(self.mismatch)
            return
        kind = message.data["event"]["kind"]
        last = kind in LAST_KINDS
        self._liveness.note_progress(loading=kind == "loading", running=not last)
        self._events.put_nowait(message)
        if last:
            self._order = None
            self._idle.set()

    def _end(self) -> None:
        self._order = None
        self.ended.set()
        self._idle.set()
        self._events.put_nowait(None)
        error = EngineDied("the engine has ended", hint="try again: it is started again")
        for answer in (answer for answers in self._answers.values() for answer in answers):
            if not answer.done():
                answer.set_exception(error)
        self._answers.clear()

    async def _watch(self) -> None:
        assert self._liveness is not None
        naps = SleepDetector()
        while True:
            await asyncio.sleep(_WATCH)
            if naps.has_slept(_WATCH):
                _log.warning("the machine or the server slept", extra={"device": self.device})
                self._liveness.reset_deadlines()
            try:
                self._look()
            except Exception:  # noqa: BLE001 - one look failed, the next may not
                _log.exception("cannot look after an engine", extra={"device": self.device})

    def _look(self) -> None:
        assert self._liveness is not None
        problem = self._liveness.problem()
        if problem is not None:
            _log.warning("engine killed", extra={"device": self.device, "reason": problem})
            self.kill(problem)
        trim_engine_log(self._log_path)

    async def _exit_status(self) -> str:
        """How the process ended, as text."""
        assert self._process is not None
        code = await self._process.wait()
        if self._reason:
            return f"the engine on {self.device} was killed: {self._reason}"
        how = f"by signal {signal.Signals(-code).name}" if code < 0 else f"with exit code {code}"
        return f"the engine on {self.device} ended {how}"

    def _last_log_line(self) -> str:
        lines = self._log_path.read_text(errors="replace")[-2000:].strip().splitlines()
        return lines[-1] if lines else "it said nothing"
