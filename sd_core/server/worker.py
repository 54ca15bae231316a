"""The engine process: `python -m sd_core.server.worker`, driven through its standard input and output.

It ends when its input is closed, so that none is left behind when the server is killed.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import torch

from ..devices import choose_placement, memory
from ..engine import Engine
from ..errors import SDError
from ..events import LAST_KINDS, Event, Failed, Queued, ResultEvent
from ..jobs import Job
from ..models import CATALOGUE
from ..paths import home_folder
from ..requests import from_json
from ..trust import Allowed
from ..values import npy_bytes
from ..wire import event_to_dict
from .admission import check_models, with_files, without_files
from .parent import die_with_parent
from .pipe import Message, MessageKind, Order, read_message

_log = logging.getLogger(__name__)

HEARTBEAT = 1.0
"""Seconds."""


class Worker:
    """Answers messages; one job at a time runs in the engine's own thread."""

    def __init__(self, engine: Engine, device: torch.device, inputs: BinaryIO, outputs: BinaryIO) -> None:
        self._engine = engine
        self._device = device
        self._inputs = inputs
        self._outputs = outputs
        self._sending = threading.Lock()
        self._order: Order | None = None
        self._job: Job | None = None
        self._cancelled_order: Order | None = None

    def serve(self) -> None:
        """Answer until the input is closed."""
        while (message := read_message(self._inputs)) is not None:
            match message.kind:
                case MessageKind.RUN:
                    self._begin(message.data)
                case MessageKind.CANCEL:
                    self._cancel(Order.of(message.data))
                case MessageKind.FREE:
                    _start(self._free)
                case MessageKind.MODELS:
                    _start(self._list, MessageKind.MODELS, self._engine.models)
                case MessageKind.LORAS:
                    _start(self._list, MessageKind.LORAS, self._engine.loras)
                case _:
                    raise ValueError(f"an engine is never sent {message.kind}")

    def beat(self) -> None:
        """Tell, once a second and for ever, that the process lives."""
        while True:
            self.send(Message(MessageKind.ALIVE, _describe(self._device)))
            time.sleep(HEARTBEAT)

    def send(self, message: Message) -> None:
        """Send one message; any thread may."""
        with self._sending:
            for part in message.parts():
                self._outputs.write(part)
            self._outputs.flush()

    def _begin(self, data: Mapping[str, Any]) -> None:
        """One order at a time: a second one means that server and engine disagree, and ends the process."""
        order = Order.of(data)
        if self._order is not None:
            raise RuntimeError(f"was given {order} during {self._order}")
        self._order = order
        _start(self._run, order, data)

    def _run(self, order: Order, data: Mapping[str, Any]) -> None:
        try:
            self._follow(order, data)
        except SDError as error:
            self._send_event(order, Failed(error))
        except Exception as error:  # noqa: BLE001
            # The server must hear how the job ended; the reason stands in the log.
            _log.exception("job %s", order.job)
            failure = SDError(f"{type(error).__name__}: {error}", hint="this is a defect of sd_core: please report it")
            self._send_event(order, Failed(failure))

    def _follow(self, order: Order, data: Mapping[str, Any]) -> None:
        files = {name: Path(path) for name, path in data["files"].items()}
        asked = from_json(json.dumps(data["request"]), folder=data["blobs"])
        # Once more, just before it is loaded: files and links may have changed since the server looked.
        check_models(asked, Allowed(home=home_folder(), more=tuple(data["allow"])))
        request = with_files(asked, files)
        job = self._engine.submit(request, data["output"], data["resume"])
        digests = request.arrays().keys()
        self._job = job
        if order == self._cancelled_order:
            job.cancel()
        for event in job.events():
            if not isinstance(event, Queued):
                self._send_event(order, _for_clients(event, files), digests)

    def _send_event(self, order: Order, event: Event, server_digests: Collection[str] = ()) -> None:
        """Tell the server; the arrays in `server_digests` came from there."""
        data, arrays = event_to_dict(event)
        blobs = {digest: npy_bytes(array) for digest, array in arrays.items() if digest not in server_digests}
        if event.kind in LAST_KINDS:
            # Before it is sent: the next order may come at once.
            self._order = self._job = None
        self.send(Message(MessageKind.EVENT, order.to_dict() | {"event": data}, blobs))

    def _cancel(self, order: Order) -> None:
        self._cancelled_order = order
        job = self._job
        if job is not None and order == self._order:
            job.cancel()

    def _free(self) -> None:
        self._engine.free_memory()
        self.send(Message(MessageKind.FREED, _describe(self._device)))

    def _list(self, kind: MessageKind, list_items: Callable[[], Sequence[Any]]) -> None:
        self.send(Message(kind, {kind: [dataclasses.asdict(info) for info in list_items()]}))


def main() -> None:
    """Read the options, make the engine, and serve."""
    die_with_parent()
    options = _options()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    inputs, outputs = _private_streams()
    device = choose_placement(options.device, options.dtype).device
    with Engine(options.model, options.device, options.dtype) as engine:
        worker = Worker(engine, device, inputs, outputs)
        worker.send(
            Message(
                MessageKind.READY, _describe(device) | {"others": _other_devices(device), "models": list(CATALOGUE)}
            )
        )
        threading.Thread(target=worker.beat, name="sd_core-heartbeat", daemon=True).start()
        worker.serve()
        # A job may be deep in native code; nobody is left to hear of it.
        os._exit(0)


def _private_streams() -> tuple[BinaryIO, BinaryIO]:
    """Keep the two pipes to ourselves: what libraries print goes to standard error, and they read nothing."""
    inputs, outputs = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return inputs, outputs


def _describe(device: torch.device) -> dict[str, Any]:
    """The device and its memory in bytes; a CUDA device that is not used yet is not woken for that."""
    asleep = device.type == "cuda" and not torch.cuda.is_initialized()
    state = None if asleep else dataclasses.asdict(memory(device))
    return {"device": str(device), "memory": state}


def _other_devices(device: torch.device) -> list[str]:
    """The other devices of the same kind."""
    if device.type != "cuda":
        return []
    return [f"cuda:{index}" for index in range(torch.cuda.device_count()) if index != (device.index or 0)]


def _for_clients(event: Event, files: Mapping[str, Path]) -> Event:
    if isinstance(event, ResultEvent):
        result = event.result
        return ResultEvent(dataclasses.replace(result, request=without_files(result.request, files)))
    return event


def _start(target: Callable[..., None], *arguments: object) -> None:
    threading.Thread(target=target, args=arguments, daemon=True).start()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog=f"{Path(sys.executable).name} -m sd_core.server.worker", description=__doc__)
    for name in ("model", "device", "dtype"):
        parser.add_argument(f"--{name}", required=True)
    return parser.parse_args()


if __name__ == "__main__":
    main()
