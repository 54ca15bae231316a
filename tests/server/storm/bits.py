"""Bits that flip in journal, write-ahead log and blobs, of a stopped or a running server; a journal that others change."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import time
from pathlib import Path

from sd_core.errors import SDError
from tests.server.servers import wait_for

from .damage import JOURNAL, LOG, Template, make_template, recover
from .findings import Findings, Law
from .host import Host, hosted
from .ledger import tells
from .scene import Scene, timed


def flip_bits(scene: Scene, seed: int, pages: int = 4, logs: int = 2) -> Findings:
    """Forty bits with the usual numbers, each in a home of its own but for those of texts, blobs and the running server.

    8 in texts of rows, two in each of `pages` journals, four in each of `logs` logs, 8 in blobs of a stopped server, and 8 in
    journal, log and blobs of a running one.
    """
    findings = Findings("bits flipped", seed)
    chance = random.Random(seed)  # noqa: S311 - repeatable
    with timed(findings):
        template = make_template(scene, seed, "bits")
        flip_texts(template, findings, chance)
        for number in range(pages):
            host = template.copy(f"page-{number}", crashed=False)
            where = [flip(host.home / JOURNAL, chance, findings) for _ in range(2)]
            recover(host, template, findings, f"bits {where} of the journal")
        for number in range(logs):
            host = template.copy(f"log-{number}", crashed=True)
            where = [flip(host.home / LOG, chance, findings) for _ in range(4)]
            recover(host, template, findings, f"bits {where} of the log")
        host = template.copy("blobs", crashed=True)
        where = [flip(path, chance, findings) for path in chance.sample(sorted((host.home / "blobs").iterdir()), 8)]
        recover(host, template, findings, f"bits {where} of blobs")
        flip_running(template, findings, chance)
    return findings


def flip_texts(template: Template, findings: Findings, chance: random.Random) -> None:
    """A bit in the prompt of four finished and four waiting jobs: the server starts, and no other job notices."""
    host = template.copy("texts", crashed=False)
    waiting = [job_id for job_id in template.works if job_id not in template.done]
    prompted = [job_id for job_id in (*template.done, *waiting) if not template.works[job_id].name.startswith("Adjust")]
    chosen = [*chance.sample([x for x in prompted if x in template.done], 4)]
    chosen += chance.sample([x for x in prompted if x in waiting], 4)
    raw = bytearray((host.home / JOURNAL).read_bytes())
    for job_id in chosen:
        flipped = _flip_prompts(raw, job_id.encode())
        assert flipped, f"the row of {job_id} was not found"
        findings.count("bits")
    (host.home / JOURNAL).write_bytes(raw)
    started = recover(host, template, findings, "a bit in the prompts of eight jobs", only=frozenset(chosen))
    findings.check(Law.STATED, started, "a bit in the texts of eight jobs keeps the server from starting")


def flip_running(template: Template, findings: Findings, chance: random.Random) -> None:
    """Bits flip in journal, log and blobs while jobs run, then the server is killed."""
    host = template.copy("running", crashed=True)
    with hosted(host):
        host.wait_until_ready()
        for number in range(8):
            blobs = sorted((host.home / "blobs").glob("*.npy"))
            flip(chance.choice([host.home / JOURNAL, host.home / LOG, *chance.sample(blobs, 2)]), chance, findings)
            time.sleep(chance.uniform(0, 0.1 * number))  # the moment is what is random
        template.ledger(findings).settle(host, 60)
        host.kill()
    recover(host, template, findings, "bits under a running server")


def change_journals(scene: Scene, seed: int) -> Findings:
    """The journal of a running server is emptied, replaced, deleted: it says so, and acknowledges nothing that is lost."""
    findings = Findings("journal changed", seed)
    with timed(findings):
        template = make_template(scene, seed, "journal")
        for change in ("emptied", "replaced", "deleted"):
            _change_journal(template.copy(change, crashed=True), template, findings, change)
    return findings


def _change_journal(host: Host, template: Template, findings: Findings, change: str) -> None:
    ledger = template.ledger(findings)
    works = template.scene.shuffled(1)
    with hosted(host), host.client() as client:
        host.wait_until_ready()
        ledger.settle(host)
        match change:
            case "emptied":
                os.truncate(host.home / JOURNAL, 0)
            case "replaced":
                shutil.copy(template.clean / JOURNAL, host.home / "other")
                (host.home / "other").replace(host.home / JOURNAL)
            case "deleted":
                (host.home / JOURNAL).unlink()
        for _ in range(3):
            work = works.next()
            with contextlib.suppress(SDError):
                ledger.acknowledge(client.submit(work.request).id, work)
        with contextlib.suppress(AssertionError):
            wait_for(lambda: tells(str(host.health().body)), 15)
        health = host.health()
        findings.check(Law.HEALTH, tells(str(health.body)), f"journal {change}, health says {health}")
        host.kill()
    recover(host, template, findings, f"a journal that was {change}", ledger=ledger)


def flip(path: Path, chance: random.Random, findings: Findings) -> int:
    """Flip one bit of a file in place; gives which."""
    bit = chance.randrange(8 * path.stat().st_size)
    with path.open("r+b", buffering=0) as stream:
        stream.seek(bit // 8)
        (byte,) = stream.read(1)
        stream.seek(bit // 8)
        stream.write(bytes([byte ^ 1 << bit % 8]))
    findings.count("bits")
    return bit


def _flip_prompts(raw: bytearray, job_id: bytes) -> int:
    """Flip a bit in the prompt behind every place where the id stands; gives how many."""
    flipped, at = 0, raw.find(job_id)
    while at >= 0:
        next_id = raw.find(job_id, at + 1)
        prompt = raw.find(b'"prompt": "brick', at, at + 4000)
        if prompt >= 0:
            raw[prompt + 12] ^= 1
            flipped += 1
        at = next_id
    return flipped
