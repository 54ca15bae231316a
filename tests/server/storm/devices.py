"""A sound device beside a broken one, and a broken one alone."""

from __future__ import annotations

from pathlib import Path

from tests.server.servers import wait_for

from .findings import Findings, Law
from .host import Host, hosted
from .ledger import Ledger
from .scene import Scene, check_end, timed

FAULTS = ("start", "job", "after", "hang", "stop")
"""See `inside/sitecustomize.py`."""

JOBS = 40

DEADLINES = {"step": 4.0, "silence": 2.0, "stuck": 4.0}
"""Seconds: a hang is noticed at once. A heartbeat comes each second, a step of these jobs within 0.1 s."""


def break_devices(scene: Scene, seed: int, jobs: int = JOBS) -> list[Findings]:
    """`jobs` jobs for each kind of fault: all are done, as there is a sound device."""
    return [break_device(scene, seed, fault, jobs) for fault in FAULTS]


def break_device(scene: Scene, seed: int, fault: str, jobs: int = JOBS) -> Findings:
    """One kind of fault: every job is done by the sound device, and health names the broken one."""
    findings = Findings(f"device: {fault}", seed)
    works, ledger = scene.shuffled(seed), Ledger(findings, lambda job, error: False)
    host = faulty(scene.home(f"device-{fault}"), scene, fault, ("cpu", "cpu:0"))
    with timed(findings), hosted(host):
        host.wait_until_ready()
        with host.client() as client:
            for _ in range(jobs):
                work = works.next()
                ledger.acknowledge(client.submit(work.request, priority="batch").id, work)
        problems: set[str] = set()
        _settle(host, ledger, problems)
        ledger.audit(host)
        health = host.health()
        findings.check(Law.HEALTH, health.status == 200, f"the sound device works, health says {health}")
        findings.check(Law.HEALTH, problems, "health never named the broken device")
        findings.figures["engine starts"] = (host.home / "logs" / "engine-1.log").read_text().count("broken") or "-"
        check_end(host, ledger)
    return findings


def break_only_device(scene: Scene, seed: int) -> Findings:
    """No lane can work: health says 503 and why, jobs are taken and wait, and run once the device is sound."""
    findings = Findings("no device", seed)
    works, ledger = scene.shuffled(seed), Ledger(findings, lambda job, error: False)
    host = faulty(scene.home("no-device"), scene, "start", ("cpu:0",))
    with timed(findings), hosted(host):
        with host.client() as client:
            for _ in range(4):
                work = works.next()
                ledger.acknowledge(client.submit(work.request).id, work)
        log = host.home / "logs" / "engine-0.log"
        wait_for(lambda: log.is_file() and log.read_text().count("this device is broken") >= 4, 60)
        health = host.health()
        findings.check(Law.HEALTH, health.status == 503, f"no lane can work, health says {health}")
        findings.check(Law.HEALTH, "this device is broken" in str(health.body), f"health does not say why: {health}")
        with host.client() as client:
            states = [job["state"] for job in client.jobs()]
        findings.check(Law.STATED, set(states) == {"queued"}, f"no device, jobs are {states}")
        host.stop()
        host.environment = {}
        host.start()
        ledger.settle(host)
        ledger.audit(host)
        check_end(host, ledger)
    return findings


def faulty(home: Path, scene: Scene, fault: str, devices: tuple[str, ...]) -> Host:
    """A server whose device "cpu:0" has this fault."""
    environment = {"PYTHONPATH": str(Path(__file__).with_name("inside")), "SD_CORE_FAULT": fault}
    return Host(home, scene.models, devices=devices, deadlines=DEADLINES, environment=environment)


def _settle(host: Host, ledger: Ledger, problems: set[str]) -> None:
    """Wait for all jobs, and collect what health says of the broken device meanwhile."""

    def ended() -> bool:
        health = host.health()
        problems.update(str(device["problem"]) for device in health.devices[1:] if device["problem"])
        return health.unfinished == 0

    try:
        wait_for(ended, 90)
    except AssertionError:
        ledger.findings.check(Law.STATED, holds=False, otherwise=f"jobs never ended: {host.health()}")
