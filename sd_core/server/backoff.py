"""How long to wait after failures in a row."""

from __future__ import annotations

_FIRST, _LONGEST = 0.5, 60.0
"""Seconds. The first failure may be chance; a device that is out of order is tried once a minute, in case it was repaired."""


class BackOff:
    """Doubles the pause with every failure; a success resets it."""

    def __init__(self) -> None:
        self.failures = 0

    def fail(self) -> float:
        """Count a failure; gives the seconds to wait."""
        self.failures += 1
        return min(_FIRST * 2.0 ** min(self.failures - 1, 16), _LONGEST)

    def reset(self) -> None:
        """All is well again."""
        self.failures = 0
