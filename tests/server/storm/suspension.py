"""A machine that sleeps: server and engines stop for a while and go on together."""

from __future__ import annotations

import random
import time
from collections.abc import Mapping

from tests.server.servers import wait_for

from .findings import Findings, Law
from .host import Host, hosted
from .ledger import Ledger
from .scene import Scene, Size, check_end, check_growth, timed

SCALED: Mapping[str, float] = {"start": 60.0, "load": 60.0, "step": 15.0, "silence": 2.0, "stuck": 2.0, "busy": 2.0}
"""Two minutes exceed the deadlines stuck and silence sixty- and sixfold and reach that of busy. Six seconds do so with these:
silence stays at 2 s, as a heartbeat comes each second, stuck and busy come down to it, and step exceeds a job."""

SLEEPS = 5


def suspend(scene: Scene, seed: int, seconds: float = 6.0, deadlines: Mapping[str, float] = SCALED) -> Findings:
    """Asleep for `seconds` at random moments: the engine goes on where it was, no job runs twice.

    With the server's own deadlines (an empty mapping) and 120 s this is the sleep of a laptop.
    """
    findings = Findings(f"asleep {seconds:.0f} s", seed)
    chance, works = random.Random(seed), scene.shuffled(seed)  # noqa: S311 - repeatable
    ledger = Ledger(findings, lambda job, error: False)
    host = Host(scene.home(f"asleep-{seconds:.0f}"), scene.models, deadlines=deadlines)
    with timed(findings), hosted(host):
        (engine,) = host.wait_until_ready().ready
        before = Size.of(host)
        sleeps = SLEEPS if seconds < 60 else 1
        with host.client() as client:
            for _ in range(sleeps):
                for _ in range(6):
                    work = works.next()
                    ledger.acknowledge(client.submit(work.request).id, work)
                time.sleep(chance.uniform(0, 0.5))  # the moment is what is random
                host.suspend(stopped=True)
                time.sleep(seconds)
                host.suspend(stopped=False)
                findings.count("sleeps")
                wait_for(lambda: host.health().status, 30)
                ledger.settle(host)
            runs = {job["id"]: job["runs"] for job in client.jobs() if job["runs"] != 1}
        findings.check(Law.ONCE, not runs, f"jobs that ran again: {runs}")
        health = host.health()
        findings.check(Law.HEALTH, health.ready == [engine], f"engine {engine} did not live on: {health}")
        ledger.audit(host)
        check_growth(host, before, findings)
        check_end(host, ledger)
    return findings
