"""What a storm has found: how often each law was checked, and where it was broken."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum


class Law(StrEnum):
    """What holds whatever happens; the value is the heading of its column."""

    KEPT = "kept"
    ONCE = "once"
    PICTURE = "picture"
    STATED = "stated"
    CANCEL = "cancel"
    HEALTH = "health"
    FILES = "files"
    CLEAN = "clean"
    GROWTH = "growth"

    @property
    def sentence(self) -> str:
        """The law in words."""
        return _SENTENCES[self]


_SENTENCES = {
    Law.KEPT: "what was acknowledged is there, or its loss is told",
    Law.ONCE: "a job ends once, its events come once and in order, and no finished frame is made again",
    Law.PICTURE: "a result has the pictures of its own request, or an error in their place",
    Law.STATED: "every job ends, in a stated way; every refusal says why",
    Law.CANCEL: "a job whose cancellation was acknowledged does not run again",
    Law.HEALTH: "health is 200 only where a lane can work, and names what is wrong",
    Law.FILES: "files that the server did not write stay as they are",
    Law.CLEAN: "no process and no temporary file is left behind",
    Law.GROWTH: "descriptors and threads of the server do not grow",
}


@dataclass(slots=True)
class Findings:
    """Of one part of the storm; safe to use from any thread. `figures` are printed beside the laws."""

    name: str
    seed: int
    checks: Counter[Law] = field(default_factory=Counter)
    broken: list[tuple[Law, str]] = field(default_factory=list)
    figures: dict[str, object] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def check(self, law: Law, holds: object, otherwise: str) -> bool:
        """Count a check of `law`, and note `otherwise` where it does not hold."""
        with self._lock:
            self.checks[law] += 1
            if not holds:
                self.broken.append((law, otherwise))
        return bool(holds)

    def count(self, figure: str, more: int = 1) -> None:
        """Add to a figure."""
        with self._lock:
            self.figures[figure] = int(str(self.figures.get(figure, 0))) + more

    def told(self, most: int = 6) -> str:
        """The broken laws, with at most so many examples each; empty where all hold."""
        lines = []
        for law in Law:
            cases = [case for broken, case in self.broken if broken is law]
            if cases:
                lines += [f"{self.name} (seed {self.seed}): {law.sentence}: broken {len(cases)} times"]
                lines += [f"    {case}" for case in cases[:most]]
        return "\n".join(lines)


def table(parts: Iterable[Findings]) -> str:
    """One row for each part: under each law how often it was broken of how often it was checked, then the figures."""
    parts = list(parts)
    width = max(len(part.name) for part in parts)
    head = f"{'':{width}} {'seed':>5} " + " ".join(f"{law:>9}" for law in Law)
    rows = [
        f"{part.name:{width}} {part.seed:>5} " + " ".join(f"{_cell(part, law):>9}" for law in Law) for part in parts
    ]
    figures = [
        f"{part.name:{width}} " + ", ".join(f"{name} {value}" for name, value in part.figures.items()) for part in parts
    ]
    laws = [f"{law:>9}: {law.sentence}" for law in Law]
    return "\n".join(["broken / checked", head, *rows, "", *figures, "", *laws])


def _cell(part: Findings, law: Law) -> str:
    broken = sum(found is law for found, _ in part.broken)
    return f"{broken}/{part.checks[law]}" if part.checks[law] else "-"
