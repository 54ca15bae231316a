"""One engine process: started, watched, given messages, killed when it hangs."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

from ..errors import EngineDied
from ..events import LAST_KINDS
from .logs import open_engine_log, trim_engine_log
from .pipe import Message, MessageKind, receive_message
from .settings import ServerSettings
from .vitals import Vitals

_log = logging.getLogger(__name__)

_WATCH = 0.5
"""Seconds between two looks at the vitals."""

_BUFFER = 1 << 20


class EngineProcess:
    """A spawned `sd_core.server.worker`. After an error make a new one.

    `device`, `memory`, `others` (devices of the kind) and `models` (names in the catalogue) are as it tells.
    """

    def __init__(self, settings: ServerSettings, device: str, log: Path) -> None:
        self.device = device
        self.memory: Mapping[str, int] | None = None
        self.others: list[str] = []
        self.models: list[str] = []
        self.ready = asyncio.Event()
        self.ended = asyncio.Event()
        self._settings = settings
        self._wanted = device
        self._log_path = log
        self._process: asyncio.subprocess.Process | None = None
        self._vitals: Vitals | None = None
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
        with open_engine_log(self._log_path) as errors:
            self._process = await asyncio.create_subprocess_exec(
                *self._command(),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                limit=_BUFFER,
                env={**os.environ, "SD_CORE_HOME": str(self._settings.home), **self._settings.environment},
                start_new_session=True,
            )
        self._vitals = Vitals(self._process.pid, self._settings.deadlines)
        self._tasks = [asyncio.create_task(self._read()), asyncio.create_task(self._watch())]
        ready = asyncio.create_task(self.ready.wait())
        await asyncio.wait([ready, self._tasks[0]], return_when=asyncio.FIRST_COMPLETED)
        ready.cancel()
        if not self.ready.is_set():
            raise EngineDied(
                f"{await self._ending()}: {self._last_words()}", hint=f"see {self._log_path.name} in the logs folder"
            )

    async def run(self, order: Mapping[str, Any]) -> AsyncIterator[Message]:
        """Run a job and yield its events; the last one ends it.

        Raises:
            EngineDied: the process ended or hung; it has been killed.
        """
        assert self._vitals is not None
        self._vitals.progress()
        await self.send(Message(MessageKind.RUN, order))
        while (message := await self._events.get()) is not None:
            yield message
            if message.data["event"]["kind"] in LAST_KINDS:
                self._vitals.progress(running=False)
                return
        raise EngineDied(await self._ending(), hint="it may have run out of memory: use a smaller size")

    async def ask(self, kind: MessageKind) -> Message:
        """Send a question and wait for its answer.

        Raises:
            EngineDied: the process ended.
        """
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

    def _command(self) -> list[str]:
        module = [sys.executable, "-m", "sd_core.server.worker"]
        return [*module, "--device", self._wanted, "--dtype", self._settings.dtype, "--model", self._settings.model]

    async def _read(self) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        try:
            while True:
                self._take(await receive_message(self._process.stdout))
        except asyncio.IncompleteReadError:
            self._end()

    def _take(self, message: Message) -> None:
        assert self._vitals is not None
        self._vitals.beat()
        match message.kind:
            case MessageKind.READY:
                self.device, self.others = message.data["device"], message.data["others"]
                self.models = message.data["models"]
                self._vitals.ready = True
                self.ready.set()
            case MessageKind.ALIVE:
                self.memory = message.data["memory"]
            case MessageKind.EVENT:
                self._vitals.progress(loading=message.data["event"]["kind"] == "loading")
                self._events.put_nowait(message)
            case _:
                for answer in self._answers.pop(message.kind, []):
                    if not answer.done():
                        answer.set_result(message)

    def _end(self) -> None:
        self.ended.set()
        self._events.put_nowait(None)
        error = EngineDied("the engine has ended", hint="try again: it is started anew")
        for answer in (answer for answers in self._answers.values() for answer in answers):
            if not answer.done():
                answer.set_exception(error)
        self._answers.clear()

    async def _watch(self) -> None:
        assert self._vitals is not None
        while True:
            await asyncio.sleep(_WATCH)
            trim_engine_log(self._log_path)
            problem = self._vitals.problem()
            if problem is not None:
                _log.warning("engine killed", extra={"device": self.device, "reason": problem})
                self.kill(problem)

    async def _ending(self) -> str:
        """How the process ended, in words."""
        assert self._process is not None
        code = await self._process.wait()
        if self._reason:
            return f"the engine on {self.device} was killed: {self._reason}"
        how = f"by signal {signal.Signals(-code).name}" if code < 0 else f"with exit code {code}"
        return f"the engine on {self.device} ended {how}"

    def _last_words(self) -> str:
        lines = self._log_path.read_text(errors="replace")[-2000:].strip().splitlines()
        return lines[-1] if lines else "it said nothing"
