"""What results were made from: a result is read with its request, so the arrays of that must last as long as its own."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any

from ..events import EventKind
from ..wire.results import blobs_named


@dataclass(frozen=True, slots=True)
class Descent:
    """A result by the digests of its blobs.

    made: its images, maps, latents and mesh. source: the arrays of its request, as it was sent and as it came back.
    """

    made: frozenset[str]
    source: frozenset[str]


def descent_of(request: Mapping[str, Any], event: Mapping[str, Any]) -> Descent | None:
    """What a job's last event tells of its result; None where it has none."""
    if event.get("kind") != EventKind.RESULT:
        return None
    result = event["result"]
    source = blobs_named(request) | blobs_named(result["request"])
    made = blobs_named([held for name, held in result.items() if name != "request"])
    return Descent(frozenset(made), frozenset(source - made))


class Lineage:
    """Counts which blobs the results need that are still whole."""

    def __init__(self) -> None:
        self._numbers = count()
        self._sources: dict[int, frozenset[str]] = {}
        self._made_in: defaultdict[str, list[int]] = defaultdict(list)
        self._needed: Counter[str] = Counter()

    def add(self, descent: Descent) -> None:
        """Remember a result; one without blobs of its own needs nothing."""
        number = next(self._numbers)
        if descent.made and descent.source:
            self._sources[number] = descent.source
            self._needed.update(descent.source)
            for digest in descent.made:
                self._made_in[digest].append(number)

    def needs(self, digest: str) -> bool:
        """Whether a whole result was made from this blob."""
        return digest in self._needed

    def lose(self, digest: str) -> None:
        """Forget the results that this blob belonged to: they cannot be read any more."""
        for number in self._made_in.pop(digest, ()):
            for source in self._sources.pop(number, ()):
                self._needed[source] -= 1
                if not self._needed[source]:
                    del self._needed[source]
