"""An engine process that speaks the pipe's language and computes nothing; the prompt says what is to go wrong.

    python tests/server/fake_engine.py --device NAME ...

"NAME" of `--device`: "stillborn" never starts, "fragile" dies over every job. Words of a prompt: "poison" dies over the job,
"slow" takes a second, "deaf" hears no cancellation, "stale" tells of another job, "wrong" gives the result of another prompt,
"frames=N" tells of N frames, "deadly=I" dies before frame I every time, "garbage" sends what is no message.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from sd_core.events import CancelledEvent, Event, FrameEvent, Loading, ResultEvent, StepEvent
from sd_core.requests import Request, TextToImage, from_json, replace
from sd_core.results import Result
from sd_core.server.pipe import Message, MessageKind, Order, read_message
from sd_core.values import freeze, npy_bytes
from sd_core.wire import event_to_dict


def picture(prompt: str, index: int = 0) -> np.ndarray:
    """The picture that belongs to a prompt, and to no other."""
    raw = f"{prompt} {index}".encode().ljust(192, b".")[:192]
    return freeze(np.frombuffer(raw, np.uint8).reshape(8, 8, 3))


class FakeEngine:
    """Does one order after another, each in a thread, as the real one does."""

    def __init__(self, device: str, inputs: BinaryIO, outputs: BinaryIO) -> None:
        self._device = device
        self._inputs = inputs
        self._outputs = outputs
        self._sending = threading.Lock()
        self._cancelled: Order | None = None

    def serve(self) -> None:
        self.send(Message(MessageKind.READY, {"device": self._device, "memory": None, "others": [], "models": []}))
        threading.Thread(target=self._beat, daemon=True).start()
        while (message := read_message(self._inputs)) is not None:
            if message.kind is MessageKind.RUN:
                threading.Thread(target=self._run, args=(message.data,), daemon=True).start()
            elif message.kind is MessageKind.CANCEL:
                self._cancelled = Order.of(message.data)

    def send(self, message: Message) -> None:
        with self._sending:
            self._outputs.write(b"".join(message.parts()))
            self._outputs.flush()

    def _beat(self) -> None:
        while True:
            self.send(Message(MessageKind.ALIVE, {"memory": None}))
            time.sleep(0.5)

    def _run(self, data: Mapping[str, Any]) -> None:
        order = Order.of(data)
        request = from_json(json.dumps(data["request"]), folder=data["blobs"])
        words = str(getattr(request, "prompt", "")).split()
        values = {name: int(value) for name, _, value in (word.partition("=") for word in words) if value}
        if "poison" in words or self._device == "fragile":
            os._exit(3)
        if "garbage" in words:
            self._outputs.write(b"\xff\xff\xff\xff" * 100)
            self._outputs.flush()
        if "stale" in words:
            order = Order("another", order.run, order.engine)
        self._tell(order, Loading("model"))
        for index in range(4):
            time.sleep(0.25 if "slow" in words else 0)
            if order == self._cancelled and "deaf" not in words:
                self._tell(order, CancelledEvent())
                return
            self._tell(order, StepEvent(index, 4))
        self._frames(order, data, values)
        self._tell(order, ResultEvent(result_of(request, "wrong" in words)))

    def _frames(self, order: Order, data: Mapping[str, Any], values: Mapping[str, int]) -> None:
        """Those that lie in the output folder are told again, as by an animation that is resumed."""
        folder = Path(data["output"] or ".")
        for index in range(values.get("frames", 0)):
            path = folder / f"{index}.done"
            if data["output"] is not None and not (data["resume"] and path.exists()):
                if index == values.get("deadly"):
                    os._exit(4)
                path.touch()
            self._tell(order, FrameEvent(index, picture(order.job, index)))

    def _tell(self, order: Order, event: Event) -> None:
        data, arrays = event_to_dict(event)
        blobs = {digest: npy_bytes(array) for digest, array in arrays.items()}
        self.send(Message(MessageKind.EVENT, order.to_dict() | {"event": data}, blobs))


def result_of(request: Request, wrong: bool) -> Result:
    """The picture of the prompt, and the request as an engine resolves it."""
    prompt = str(getattr(request, "prompt", ""))
    if wrong:
        return Result(images=[picture("another")], request=TextToImage(prompt="another", seed=7))
    resolved = replace(request, seed=7) if getattr(request, "seed", 7) is None else request
    return Result(images=[picture(prompt)], request=resolved)


def main() -> None:
    parser = argparse.ArgumentParser()
    for name in ("device", "dtype", "model"):
        parser.add_argument(f"--{name}")
    device = parser.parse_args().device
    if device == "stillborn":
        raise SystemExit("this device does not start")
    FakeEngine(device, sys.stdin.buffer, sys.stdout.buffer).serve()
    os._exit(0)


if __name__ == "__main__":
    main()
