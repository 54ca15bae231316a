"""A disk, a blob store and a table of descriptors that are full for a while."""

from __future__ import annotations

import contextlib
import random
import resource
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from sd_core.errors import OutputError, SDError, ServerError
from tests.server.servers import kill

from .crowd import Crowd
from .findings import Findings, Law
from .host import Host, RefusedStartError, hosted
from .ledger import Ledger, second_death
from .scene import Scene, Size, check_rest, check_working, plant, timed

DISK = 48
"""MiB of the small disk; the jobs of a storm take about 20."""

STORE = 700_000
"""Bytes of the small blob store: the arrays of an animation take 430,000."""


def shortage(error: SDError) -> bool:
    """A refusal that tells of a lack of space or descriptors."""
    return isinstance(error, OutputError) or (isinstance(error, ServerError) and error.status in {503, 507})


def for_lack_of_space(job: Mapping[str, Any], error: Mapping[str, Any]) -> bool:
    """A job whose pictures could not be written down."""
    return error["error"] == "OutputError" or second_death(job, error)


@dataclass(frozen=True, slots=True)
class SmallDisk:
    """A file system of its own, seen by what is run with `prefix`, and by this process below `root`."""

    prefix: tuple[str, ...]
    root: Path
    filler: Path

    def fill(self) -> None:
        """Leave no byte."""
        with self.filler.open("wb", buffering=0) as stream:
            for size in (1 << 16, 1 << 12):
                with contextlib.suppress(OSError):
                    while True:
                        stream.write(b"x" * size)

    def free(self) -> None:
        """Give all back."""
        self.filler.unlink()


@contextlib.contextmanager
def small_disk(folder: Path, mebibytes: int = DISK) -> Iterator[SmallDisk]:
    """A tmpfs at `folder` in namespaces that a waiting process keeps: it takes no rights, and outlives the servers on it."""
    script = f"mount -t tmpfs -o size={mebibytes}m tmpfs '{folder}' && echo mounted && exec cat"
    command = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script]
    holder = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert holder.stdin is not None and holder.stdout is not None
    try:
        assert holder.stdout.readline() == b"mounted\n"
        enter = ("nsenter", f"--target={holder.pid}", "--user", "--preserve-credentials", "--mount")
        root = Path(f"/proc/{holder.pid}/root")
        yield SmallDisk(enter, root, root / folder.relative_to("/") / "filler")
    finally:
        holder.stdin.close()
        holder.wait()
        holder.stdout.close()


def fill_disks(scene: Scene, seed: int, rounds: int = 5) -> Findings:
    """The disk is full for some seconds, again and again; engines and servers are killed meanwhile."""
    findings = Findings("disk full", seed)
    chance, works = random.Random(seed), scene.shuffled(seed)  # noqa: S311 - repeatable
    ledger = Ledger(findings, for_lack_of_space, evicts=True)  # a full disk takes results back
    home = scene.home("disk")
    with timed(findings), small_disk(home) as disk:
        host = Host(home, scene.models, prefix=disk.prefix, view=disk.root)
        planted = plant(host.seen)
        with hosted(host):
            check_working(host, ledger, works)
            with Crowd(host, ledger, works, seed, forgiven=shortage):
                for number in range(rounds):
                    disk.fill()
                    _trouble(host, findings, chance, number)
                    disk.free()
                    if host.popen.poll() is not None:
                        host.start()
                    host.wait_until_ready()
                    time.sleep(chance.uniform(0, 1))
                    findings.count("fills")
            before = Size.of(host)
            check_working(host, ledger, works)
            check_rest(host, ledger, before, planted)
    return findings


def _trouble(host: Host, findings: Findings, chance: random.Random, number: int) -> None:
    """While there is no space: nothing more, a killed engine, or a killed server that tries to start again."""
    time.sleep(chance.uniform(0.5, 2))
    findings.check(Law.HEALTH, host.health().status in (200, 503), f"health on a full disk: {host.health()}")
    if number % 3 == 1:
        for pid in host.engines():
            kill(pid)
    if number % 3 == 2:
        host.kill()
        with contextlib.suppress(RefusedStartError):
            host.start()
        text = host.said.read_text(errors="replace")
        is_reported = host.popen.poll() is None or "error: " in text
        findings.check(Law.STATED, is_reported and "Traceback" not in text, f"start on a full disk: {text[-300:]}")
    time.sleep(chance.uniform(0.5, 1.5))


def fill_stores(scene: Scene, seed: int, seconds: float = 12) -> Findings:
    """The bound of the blob store is less than waiting jobs and results need."""
    findings = Findings("store full", seed)
    works, ledger = scene.shuffled(seed), Ledger(findings, for_lack_of_space, evicts=True)
    host = Host(scene.home("store"), scene.models, limits={"store_bytes": STORE})
    planted = plant(host.home)
    with timed(findings), hosted(host):
        host.wait_until_ready()
        before = Size.of(host)
        with Crowd(host, ledger, works, seed, forgiven=shortage, most_waiting=20), host.client() as client:
            give_up = time.monotonic() + seconds
            while time.monotonic() < give_up:  # looked at at once, as results soon make room for others
                work = works.next()
                with contextlib.suppress(OutputError):
                    job = client.submit(work.request)
                    ledger.acknowledge(job.id, work)
                    ledger.check_pictures(client, job.id, work)
        ledger.settle(host)
        check_rest(host, ledger, before, planted)
    return findings


def exhaust_descriptors(scene: Scene, seed: int, rounds: int = 5) -> Findings:
    """The server may open no more files for some seconds, again and again; engines are killed meanwhile."""
    findings = Findings("descriptors", seed)
    chance, works = random.Random(seed), scene.shuffled(seed)  # noqa: S311 - repeatable
    ledger = Ledger(findings, for_lack_of_space)
    host = Host(scene.home("descriptors"), scene.models, devices=("cpu", "cpu:0"))
    planted = plant(host.home)
    with timed(findings), hosted(host):
        check_working(host, ledger, works, lanes=2)
        before = Size.of(host)
        with Crowd(host, ledger, works, seed, forgiven=shortage):
            for number in range(rounds):
                with _no_descriptors(host.process, chance.randrange(3)):
                    time.sleep(chance.uniform(0.3, 1.5))
                    for pid in host.engines()[: number % 3]:
                        kill(pid)
                    time.sleep(chance.uniform(0.5, 1.5))
                findings.count("exhausted")
                time.sleep(chance.uniform(0.5, 2))
        check_working(host, ledger, works, lanes=2)
        check_rest(host, ledger, before, planted)
    return findings


@contextlib.contextmanager
def _no_descriptors(process: psutil.Process, spare: int) -> Iterator[None]:
    soft, hard = process.rlimit(resource.RLIMIT_NOFILE)
    process.rlimit(resource.RLIMIT_NOFILE, (process.num_fds() + spare, hard))
    try:
        yield
    finally:
        process.rlimit(resource.RLIMIT_NOFILE, (soft, hard))
