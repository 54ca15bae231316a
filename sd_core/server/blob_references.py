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
class ResultBlobs:
    """A result by the digests of its blobs.

    outputs: its images, maps, latents and mesh. inputs: the arrays of its request, as it was sent and as it came back.
    """

    outputs: frozenset[str]
    inputs: frozenset[str]


def result_blobs(request: Mapping[str, Any], event: Mapping[str, Any]) -> ResultBlobs | None:
    """What a job's last event tells of its result; None where it has none."""
    if event.get("kind") != EventKind.RESULT:
        return None
    result = event["result"]
    source = blobs_named(request) | blobs_named(result["request"])
    made = blobs_named([value for name, value in result.items() if name != "request"])
    return ResultBlobs(frozenset(made), frozenset(source - made))


class BlobReferences:
    """Counts which blobs the results need that are still whole."""

    def __init__(self) -> None:
        self._numbers = count()
        self._inputs: dict[int, frozenset[str]] = {}
        self._results_of: defaultdict[str, list[int]] = defaultdict(list)
        self._counts: Counter[str] = Counter()

    def add(self, result: ResultBlobs) -> None:
        """Remember a result; one without blobs of its own needs nothing."""
        number = next(self._numbers)
        if result.outputs and result.inputs:
            self._inputs[number] = result.inputs
            self._counts.update(result.inputs)
            for digest in result.outputs:
                self._results_of[digest].append(number)

    def is_referenced(self, digest: str) -> bool:
        """Whether a whole result was made from this blob."""
        return digest in self._counts

    def forget_results_of(self, digest: str) -> None:
        """Forget the results that this blob belonged to: they cannot be read any more."""
        for number in self._results_of.pop(digest, ()):
            for source in self._inputs.pop(number, ()):
                self._counts[source] -= 1
                if not self._counts[source]:
                    del self._counts[source]
