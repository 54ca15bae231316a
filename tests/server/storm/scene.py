"""What every part of the storm begins with and ends with."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from .findings import Findings, Law
from .host import Host
from .ledger import Ledger
from .work import Models, Work, Works, make_works

SLACK = 8
"""Descriptors or threads by which a server may differ from before: a pool of threads, a connection that is just closing."""

GONE = 15.0
"""Seconds within which an engine has noticed that its server was killed."""

READY = 60.0
"""Seconds within which a lane works again: the longest pause between two starts is half of that."""

STRANGERS = ("notes.txt", "blobs/notes.txt", "blobs/holiday.tmp", "logs/notes.txt", "jobs/holiday pictures/beach.png")
"""Files of somebody else in the home of a server."""


@dataclass(frozen=True, slots=True)
class Scene:
    """Models, jobs with their right answers, and a folder for homes."""

    folder: Path
    models: Models
    works: list[Work]

    @classmethod
    def build(cls, folder: Path) -> Scene:
        """Write the models and run every job once in this process."""
        models = Models.build(folder / "models")
        return cls(folder, models, make_works(models))

    def shuffled(self, seed: int) -> Works:
        """The jobs in an order of their own."""
        return Works(self.works, seed)

    def home(self, name: str) -> Path:
        """A new home; its parent is there for what lies beside it."""
        home = self.folder / name / "home"
        home.mkdir(parents=True)
        return home


@contextlib.contextmanager
def timed(findings: Findings) -> Iterator[None]:
    """Note how long it takes."""
    start = time.monotonic()
    try:
        yield
    finally:
        findings.figures["seconds"] = round(time.monotonic() - start)


def plant(home: Path) -> Mapping[Path, bytes]:
    """Put files of somebody else into a home."""
    planted = {home / name: f"of somebody else: {name}".encode() for name in STRANGERS}
    for path, content in planted.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return planted


def check_planted(planted: Mapping[Path, bytes], findings: Findings) -> None:
    """They are as they were."""
    for path, content in planted.items():
        same = path.is_file() and path.read_bytes() == content
        findings.check(Law.FILES, same, f"{path.name} in {path.parent.name}/ was changed or deleted")


@dataclass(frozen=True, slots=True)
class Size:
    """Descriptors, threads and MiB of memory of a server."""

    descriptors: int
    threads: int
    memory: int

    @classmethod
    def of(cls, host: Host) -> Size:
        """As it is now."""
        process = host.process
        return cls(process.num_fds(), process.num_threads(), process.memory_info().rss >> 20)


def check_growth(host: Host, before: Size, findings: Findings, seconds: float = 20.0) -> None:
    """Descriptors and threads come down to what they were once nobody is connected."""
    give_up = time.monotonic() + seconds
    while True:
        now = Size.of(host)
        small = now.descriptors <= before.descriptors + SLACK and now.threads <= before.threads + SLACK
        if small or time.monotonic() > give_up:
            break
        time.sleep(0.1)
    findings.figures["descriptors"] = f"{before.descriptors} -> {now.descriptors}"
    findings.figures["threads"] = f"{before.threads} -> {now.threads}"
    findings.figures["MiB"] = f"{before.memory} -> {now.memory}"
    findings.check(Law.GROWTH, small, f"{before} has become {now}")


def check_rest(host: Host, ledger: Ledger, before: Size, planted: Mapping[Path, bytes]) -> None:
    """When everything has settled: what was acknowledged, growth, the end of the server, and what it leaves."""
    ledger.audit(host)
    check_growth(host, before, ledger.findings)
    check_end(host, ledger)
    check_planted(planted, ledger.findings)


def check_working(host: Host, ledger: Ledger, works: Works, dispatchers: int = 1) -> None:
    """Every lane takes jobs again, health says so, and what is submitted now is done."""
    findings = ledger.findings
    try:
        health = host.wait_until_ready(dispatchers, READY)
    except AssertionError:
        findings.check(Law.HEALTH, holds=False, otherwise=f"{dispatchers} lanes never became ready: {host.health()}")
        return
    findings.check(Law.HEALTH, health.status == 200, f"{dispatchers} lanes are ready, health says {health}")
    with host.client() as client:
        for _ in range(2 * dispatchers):
            work = works.next()
            job = client.submit(work.request)
            ledger.acknowledge(job.id, work)
    ledger.settle(host)


def check_end(host: Host, ledger: Ledger) -> None:
    """Stop the server: it ends well, and leaves no process, no temporary file and no folder of a job that is done."""
    findings = ledger.findings
    code = host.stop()
    findings.check(Law.CLEAN, code == 0, f"exit code {code}")
    give_up = time.monotonic() + GONE
    while (left := host.processes()) and time.monotonic() < give_up:
        time.sleep(0.05)
    findings.check(Law.CLEAN, not left, f"left behind: {left}")
    temporary = [path for path in (*host.temporary.iterdir(), *host.seen.rglob("*.tmp")) if path.name != "holiday.tmp"]
    findings.check(Law.CLEAN, not temporary, f"temporary files: {[str(path) for path in temporary[:5]]}")
    folders = [path.name for path in (host.seen / "jobs").glob("*") if ledger.is_done(path.name)]
    findings.check(Law.CLEAN, not folders, f"folders of jobs that are done: {folders[:5]}")
