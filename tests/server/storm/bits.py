"""Bits that flip in journal, write-ahead log and blobs, of a stopped or a running server; a journal that others change."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import sqlite3
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sd_core.errors import SDError
from tests.server.servers import wait_for

from .devices import faulty
from .findings import Findings, Law
from .host import Host, RefusedStartError, ended, hosted
from .ledger import Ledger, second_death
from .scene import Scene, timed
from .work import Work

JOURNAL, LOG = "journal.sqlite3", "journal.sqlite3-wal"
DONE, WAITING = 14, 10
"""Jobs of the home whose bits flip."""

WORDS = ("damage", "checksum", "digest", "changed by others", "lost")
"""One of these tells of damage."""


@dataclass(frozen=True, slots=True)
class Template:
    """Homes of a server that was killed with finished and waiting jobs: with its write-ahead log, and with that written back."""

    scene: Scene
    crashed: Path
    clean: Path
    works: Mapping[str, Work]
    done: tuple[str, ...]

    def copy(self, name: str, *, crashed: bool) -> Host:
        """A server, not started, on a home of its own."""
        home = self.scene.folder / name / "home"
        shutil.copytree(self.crashed if crashed else self.clean, home)
        return Host(home, self.scene.models)

    def ledger(self, findings: Findings) -> Ledger:
        """The acknowledged jobs; damage may take them, if it is told."""
        ledger = Ledger(findings, _for_damage, evicts=True)
        ledger.works = dict(self.works)
        return ledger


def make_template(scene: Scene, seed: int) -> Template:
    """Finish some jobs, let others wait behind one that hangs, and kill the server."""
    home = scene.home("bits")
    findings, works = Findings("", seed), scene.shuffled(seed)
    ledger = Ledger(findings)
    with hosted(Host(home, scene.models)) as host, host.client() as client:
        for _ in range(DONE):
            work = works.next()
            ledger.acknowledge(client.submit(work.request).id, work)
        ledger.settle(host)
        host.stop()
    done = tuple(ledger.works)
    with hosted(faulty(home, scene, "hang", ("cpu:0",))) as host, host.client() as client:
        for _ in range(WAITING):
            work = works.next()
            ledger.acknowledge(client.submit(work.request).id, work)
        wait_for(lambda: host.health().body["queue"]["running"])
        host.kill()
        wait_for(lambda: not host.processes())
    clean = home.with_name("clean")
    shutil.copytree(home, clean)
    with contextlib.closing(sqlite3.connect(clean / JOURNAL)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return Template(scene, home, clean, ledger.works, done)


def flip_bits(scene: Scene, seed: int, pages: int = 8, logs: int = 4) -> Findings:
    """Forty bits with the usual numbers: 8 in texts of rows, `pages` anywhere in the journal, two in each of `logs` logs, 8 in

    blobs of a stopped server and 8 in journal and blobs of a running one.
    """
    findings = Findings("bits flipped", seed)
    chance = random.Random(seed)  # noqa: S311 - repeatable
    with timed(findings):
        template = make_template(scene, seed)
        flip_texts(template, findings, chance)
        for number in range(pages):
            host = template.copy(f"page-{number}", crashed=False)
            where = flip(host.home / JOURNAL, chance, findings)
            _recover(host, template, findings, f"bit {where} of the journal")
        for number in range(logs):
            host = template.copy(f"log-{number}", crashed=True)
            where = [flip(host.home / LOG, chance, findings) for _ in range(2)]
            _recover(host, template, findings, f"bits {where} of the log")
        host = template.copy("blobs", crashed=True)
        where = [flip(path, chance, findings) for path in chance.sample(sorted((host.home / "blobs").iterdir()), 8)]
        _recover(host, template, findings, f"bits {where} of blobs")
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
    started = _recover(host, template, findings, "a bit in the prompts of eight jobs", only=frozenset(chosen))
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
    _recover(host, template, findings, "bits under a running server")


def change_journals(scene: Scene, seed: int) -> Findings:
    """The journal of a running server is emptied, replaced, deleted: it says so, and acknowledges nothing that is lost."""
    findings = Findings("journal changed", seed)
    with timed(findings):
        template = make_template(scene, seed)
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
            wait_for(lambda: _tells(str(host.health().body)), 15)
        health = host.health()
        findings.check(Law.HEALTH, _tells(str(health.body)), f"journal {change}, health says {health}")
        host.kill()
    _recover(host, template, findings, f"a journal that was {change}", ledger=ledger)


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


def _recover(
    host: Host,
    template: Template,
    findings: Findings,
    what: str,
    *,
    only: frozenset[str] | None = None,
    ledger: Ledger | None = None,
) -> bool:
    """Start the server on the damaged home and hold it to the laws; whether it started."""
    ledger = ledger or template.ledger(findings)
    try:
        host.start()
    except RefusedStartError as refusal:
        findings.count("starts refused")
        _check_refusal(host, findings, str(refusal), what)
        return False
    with ended(host):
        findings.count("starts")
        ledger.settle(host, 60)
        with host.client() as client:
            try:
                jobs = client.jobs()
            except SDError as error:
                told = _tells(str(error)) and host.health().status == 503
                findings.check(Law.STATED, told, f"{what}: jobs cannot be listed: {error}")
                return True
            known = {job["id"]: job["state"] for job in jobs}
            lost = [job_id for job_id in ledger.works if job_id not in known]
            findings.check(Law.KEPT, not lost or _tells(_everything(host)), f"{what}: lost in silence: {lost}")
            aside = [job_id for job_id, state in known.items() if state == "failed"]
            told = _tells(str(host.health().body))
            findings.check(
                Law.HEALTH, told or not (lost or aside), f"{what}: lost {lost}, failed {aside}: {host.health()}"
            )
            if only is not None:
                other = [job_id for job_id in aside if job_id not in only]
                findings.check(Law.STATED, not other, f"{what}: jobs without damage failed: {other}")
            ledger.audit_ended(client, [job for job in jobs if job["id"] in ledger.works])
        host.stop()
    return True


def _check_refusal(host: Host, findings: Findings, text: str, what: str) -> None:
    """A sentence, the journal kept as it is, and a way on."""
    findings.check(Law.STATED, "Traceback" not in text and _tells(text), f"{what}: {text[-300:]}")
    kept = list(host.home.glob(f"{JOURNAL}*damaged*"))
    findings.check(Law.KEPT, kept, f"{what}: refused, and no copy was kept")
    host.start("--new-journal")
    findings.check(Law.HEALTH, host.wait_until_ready().status == 200, f"{what}: a new journal does not help")
    host.stop()


def _tells(text: str) -> bool:
    return any(word in text.lower() for word in WORDS)


def _everything(host: Host) -> str:
    """All that the server has told: health, standard error, log."""
    log = host.home / "logs" / "server.jsonl"
    return f"{host.health().body} {host.said.read_text(errors='replace')} {log.read_text(errors='replace')}"


def _for_damage(job: Mapping[str, Any], error: Mapping[str, Any]) -> bool:
    """A job that says what is damaged."""
    return _tells(f"{error['message']} {error['hint']}") or second_death(job, error)
