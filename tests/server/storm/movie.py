"""A long animation whose engines and servers are killed: its bytes, and how often each frame was made."""

from __future__ import annotations

import contextlib
import random
import threading
import time
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Self

from sd_core.client import Client
from sd_core.engine import Engine
from sd_core.requests import Animation
from tests.animation import worlds
from tests.server.servers import kill, wait_for

from .findings import Findings, Law
from .host import Host, hosted
from .ledger import Ledger
from .scene import Scene, check_end, timed
from .work import Work, digest_of

FRAMES = 300
STEPS = 2
KILLS = 10
"""Half of them engines, half servers."""


def animate_through_kills(scene: Scene, seed: int, frames: int = FRAMES, kills: int = KILLS) -> Findings:
    """Kill at random frames; the animation equals that of one undisturbed run, and no finished frame is made again.

    Two things show what was made: the file of a finished frame stays the same file, and no engine takes a step for a frame
    before the last one that the engine before it was at.
    """
    findings = Findings(f"{frames} frames", seed)
    chance = random.Random(seed)  # noqa: S311 - repeatable
    request = Animation(
        prompt="brick wall",
        seed=seed,
        model=str(scene.models.depth),
        passes=worlds.pan(frames),
        num_inference_steps=STEPS,
    )
    with Engine(str(scene.models.plain), "cpu", "float32") as engine:
        start = time.monotonic()
        work = Work("animation", request, digest_of(engine.run(request)))
        findings.figures["undisturbed"] = f"{time.monotonic() - start:.0f} s"
    home = scene.home(f"movie-{frames}")
    counted = home.parent / "steps"
    environment = {"PYTHONPATH": str(Path(__file__).with_name("inside")), "SD_CORE_STEPS": str(counted)}
    host, ledger = Host(home, scene.models, environment=environment), Ledger(findings)
    moments = sorted(chance.sample(range(2, frames - 2), kills))
    victims = chance.sample(["engine", "server"] * (kills // 2), kills)
    with timed(findings), hosted(host), host.client() as client:
        host.wait_until_ready()
        remote = client.submit(request)
        ledger.acknowledge(remote.id, work)
        with _Watch(home / "jobs" / remote.id / "output" / "frames", findings) as watch:
            for moment, victim in zip(moments, victims, strict=True):
                if not _wait_for_frame(client, host, watch, remote.id, moment, findings):
                    break
                time.sleep(chance.uniform(0, 0.05))  # the moment is what is random
                _kill(host, victim, findings)
            ledger.settle(host)
        ledger.audit(host)
        _check_steps(counted, findings, frames)
        check_end(host, ledger)
    return findings


def _check_steps(counted: Path, findings: Findings, frames: int) -> None:
    """Each engine begins at the frame that the one before it was at, or behind it."""
    by_engine: dict[str, list[int]] = {}
    for line in counted.read_text().splitlines():
        process, frame = line.split()
        by_engine.setdefault(process, []).append(int(frame))
    ranges = [(min(of_engine), max(of_engine)) for of_engine in by_engine.values()]
    again = [frame for (_, last), (first, _) in pairwise(ranges) for frame in range(first, last)]
    findings.check(Law.ONCE, not again, f"frames made again: {again}; by engine {ranges}")
    findings.check(
        Law.ONCE, {frame for held in by_engine.values() for frame in held} == set(range(frames)), "frames left out"
    )
    findings.figures |= {"engines": len(ranges), "frames begun twice": sum(b[0] == a[1] for a, b in pairwise(ranges))}


def _wait_for_frame(client: Client, host: Host, watch: _Watch, job_id: str, frame: int, findings: Findings) -> bool:
    """Wait until a frame is finished; False where the job has ended before that."""
    ended: list[str] = []

    def there() -> bool:
        if watch.finished > frame:
            return True
        ended[:] = [job["state"] for job in client.jobs() if job["state"] in ("done", "failed", "cancelled")]
        return bool(ended)

    try:
        wait_for(there, 120)
    except AssertionError:
        findings.check(Law.STATED, holds=False, otherwise=f"stands at frame {watch.finished}: {host.health()}")
        return False
    return not ended


def _kill(host: Host, victim: str, findings: Findings) -> None:
    if victim == "server":
        host.kill()
        host.start()
    else:
        for pid in host.engines():
            with contextlib.suppress(ProcessLookupError):
                kill(pid)
    findings.count(f"{victim}s killed")


class _Watch:
    """Looks at the files of finished frames: each stays as it was first seen, while the folder is there."""

    def __init__(self, folder: Path, findings: Findings) -> None:
        self._folder = folder
        self._findings = findings
        self._seen: dict[str, tuple[int, int]] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    @property
    def finished(self) -> int:
        """How many frames have been seen."""
        return len(self._seen)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self._findings.figures["frames seen"] = self.finished

    def _look(self) -> None:
        reported: Counter[str] = Counter()
        while not self._stop.wait(0.02):
            for path in sorted(self._folder.glob("*.png")):
                try:
                    status = path.stat()
                except FileNotFoundError:
                    continue
                now = (status.st_ino, status.st_mtime_ns)
                before = self._seen.setdefault(path.name, now)
                if before != now and not reported[path.name]:
                    self._findings.check(Law.ONCE, holds=False, otherwise=f"{path.name} was made again")
                    reported[path.name] += 1
