"""Engines and servers that are killed at random moments while clients work."""

from __future__ import annotations

import random
import time

from tests.server.servers import kill

from .crowd import Crowd
from .findings import Findings, Law
from .host import Host, hosted
from .ledger import Ledger
from .scene import (
    Scene,
    Size,
    check_rest,
    check_working,
    plant,
    timed,
)


def kill_engines(scene: Scene, seed: int, kills: int = 60) -> Findings:
    """Two lanes; most engines are killed at work, some while they start, some both at once.

    The first job of an engine takes about a second, later ones 0.1 s: about half of the engines have ended one before. A
    device whose engines never do is benched for longer and longer, which this storm would wait for.
    """
    findings = Findings("engines killed", seed)
    chance, works, ledger = random.Random(seed), scene.shuffled(seed), Ledger(findings)  # noqa: S311 - repeatable
    host = Host(scene.home("engines"), scene.models, devices=("cpu", "cpu:0"))
    planted = plant(host.home)
    with timed(findings), hosted(host):
        check_working(host, ledger, works, lanes=2)
        before = Size.of(host)
        with Crowd(host, ledger, works, seed):
            while int(str(findings.figures.get("kills", 0))) < kills:
                at_work = chance.random() < 0.85
                if at_work:
                    host.wait_until_ready()
                time.sleep(chance.uniform(0, 4 if at_work else 0.7))  # the moment is what is random
                victims = host.health().ready if at_work else host.engines()
                for pid in victims if chance.random() < 0.4 else victims[:1]:
                    _kill(pid, findings)
        check_working(host, ledger, works, lanes=2)
        check_rest(host, ledger, before, planted)
    return findings


def kill_servers(scene: Scene, seed: int, kills: int = 40) -> Findings:
    """One lane; a third of the servers is killed before its engine is up, the others at work, some with their engine."""
    findings = Findings("servers killed", seed)
    chance, works, ledger = random.Random(seed), scene.shuffled(seed), Ledger(findings)  # noqa: S311 - repeatable
    host = Host(scene.home("servers"), scene.models)
    planted = plant(host.home)
    with timed(findings), hosted(host):
        with Crowd(host, ledger, works, seed):
            for _ in range(kills):
                _kill_server(host, chance, findings)
        check_working(host, ledger, works)
        before = Size.of(host)
        engines = [process for process in host.processes() if process.pid in host.engines()]
        findings.check(Law.CLEAN, len(host.processes()) == 1 + len(engines), f"left behind: {host.processes()}")
        check_rest(host, ledger, before, planted)
    return findings


def _kill_server(host: Host, chance: random.Random, findings: Findings) -> None:
    if chance.random() < 0.67:
        host.wait_until_ready()
    time.sleep(chance.uniform(0, 0.7))  # the moment is what is random
    engines = host.engines()
    host.kill()
    findings.count("kills")
    if chance.random() < 0.2:
        for pid in engines:
            _kill(pid, None)
    host.start()


def _kill(pid: int, findings: Findings | None) -> None:
    try:
        kill(pid)
    except ProcessLookupError:
        return
    if findings is not None:
        findings.count("kills")
