"""The home of a server with finished and waiting jobs, and how a server that starts on it damaged must behave."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sd_core.errors import SDError
from tests.server.servers import wait_for

from .devices import faulty
from .findings import Findings, Law
from .host import Host, RefusedStartError, ended, hosted
from .ledger import Ledger, second_death, tells
from .scene import Scene
from .work import Work

JOURNAL, LOG = "journal.sqlite3", "journal.sqlite3-wal"
DONE, WAITING = 14, 10
"""Jobs of the home whose bits flip."""


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
        home = self.crashed.parent / name / "home"
        shutil.copytree(self.crashed if crashed else self.clean, home)
        return Host(home, self.scene.models)

    def ledger(self, findings: Findings) -> Ledger:
        """The acknowledged jobs; damage may take them, if it is told."""
        ledger = Ledger(findings, _for_damage, evicts=True)
        ledger.works = dict(self.works)
        return ledger


def make_template(scene: Scene, seed: int, name: str) -> Template:
    """Finish some jobs, let others wait behind one that hangs, and kill the server."""
    home = scene.home(name)
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


def recover(
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
                is_reported = tells(str(error)) and host.health().status == 503
                findings.check(Law.STATED, is_reported, f"{what}: jobs cannot be listed: {error}")
                return True
            known = {job["id"]: job["state"] for job in jobs}
            lost = [job_id for job_id in ledger.works if job_id not in known]
            findings.check(Law.KEPT, not lost or tells(_everything(host)), f"{what}: lost in silence: {lost}")
            aside = [job_id for job_id, state in known.items() if state == "failed"]
            is_reported = tells(str(host.health().body)) or host.health().body.get("set_aside", 0) >= len(aside)
            findings.check(
                Law.HEALTH, is_reported or not (lost or aside), f"{what}: lost {lost}, failed {aside}: {host.health()}"
            )
            if only is not None:
                other = [job_id for job_id in aside if job_id not in only]
                findings.check(Law.STATED, not other, f"{what}: jobs without damage failed: {other}")
            ledger.audit_ended(client, [job for job in jobs if job["id"] in ledger.works])
        host.stop()
    return True


def _check_refusal(host: Host, findings: Findings, text: str, what: str) -> None:
    """A sentence, the journal kept as it is, and a way on."""
    findings.check(Law.STATED, "Traceback" not in text and tells(text), f"{what}: {text[-300:]}")
    kept = list(host.home.glob(f"{JOURNAL}*damaged*"))
    findings.check(Law.KEPT, kept, f"{what}: refused, and no copy was kept")
    host.start("--new-journal")
    findings.check(Law.HEALTH, host.wait_until_ready().status == 200, f"{what}: a new journal does not help")
    host.stop()


def _everything(host: Host) -> str:
    """All that the server has told: health, standard error, log."""
    log = host.home / "logs" / "server.jsonl"
    return f"{host.health().body} {host.said.read_text(errors='replace')} {log.read_text(errors='replace')}"


def _for_damage(job: Mapping[str, Any], error: Mapping[str, Any]) -> bool:
    """A job that says what is damaged, or that what it needs had been, and was removed."""
    return error.get("status") == 410 or tells(f"{error['message']} {error['hint']}") or second_death(job, error)
