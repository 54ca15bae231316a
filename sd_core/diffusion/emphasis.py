"""Emphasis in prompts, in the syntax of AUTOMATIC1111's web interface."""

from __future__ import annotations

import re
from dataclasses import dataclass

_ROUND, _SQUARE = 1.1, 1 / 1.1
_PIECE = re.compile(
    r"\\(?P<escaped>[()\[\]\\])"
    r"|:\s*(?P<weight>[+-]?(?:\d+\.?\d*|\.\d+))\s*\)"
    r"|(?P<bracket>[()\[\]])"
    r"|(?P<text>[^\\()\[\]:]+|.)",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Fragment:
    """A stretch of a prompt with one weight."""

    text: str
    weight: float = 1.0


def parse_emphasis(prompt: str) -> tuple[Fragment, ...]:
    r"""Split a prompt into stretches of equal weight.

    `(x)` weighs 1.1 times as much, `[x]` 1/1.1 times, `(x:1.3)` 1.3 times; they nest. A backslash before a bracket makes it a
    character. A bracket that is never closed reaches to the end; one that was never opened is a character.

    >>> parse_emphasis(r"a (red:1.5) brick \(old\)")
    (Fragment(text='a ', weight=1.0), Fragment(text='red', weight=1.5), Fragment(text=' brick (old)', weight=1.0))
    """
    parser = _Parser()
    for piece in _PIECE.finditer(prompt):
        parser.read(piece)
    return parser.finish()


class _Parser:
    def __init__(self) -> None:
        self._fragments: list[Fragment] = []
        self._open: list[tuple[str, int]] = []

    def read(self, piece: re.Match[str]) -> None:
        """One bracket, weight or stretch of text."""
        kind, text = piece.lastgroup, piece.group()
        match kind, text:
            case "bracket", "(" | "[":
                self._open.append((text, len(self._fragments)))
            case "bracket", ")" if self._inside("("):
                self._close(_ROUND)
            case "bracket", "]" if self._inside("["):
                self._close(_SQUARE)
            case "weight", _ if self._inside("("):
                self._close(float(piece["weight"]))
            case "escaped", _:
                self._fragments.append(Fragment(piece["escaped"]))
            case _:
                self._fragments.append(Fragment(text))

    def finish(self) -> tuple[Fragment, ...]:
        """All fragments, neighbours of equal weight joined."""
        while self._open:
            self._close(_ROUND if self._inside("(") else _SQUARE)
        joined: list[Fragment] = []
        for fragment in self._fragments:
            if joined and joined[-1].weight == fragment.weight:
                joined[-1] = Fragment(joined[-1].text + fragment.text, fragment.weight)
            else:
                joined.append(fragment)
        return tuple(joined) or (Fragment(""),)

    def _inside(self, bracket: str) -> bool:
        return bool(self._open) and self._open[-1][0] == bracket

    def _close(self, factor: float) -> None:
        _, start = self._open.pop()
        self._fragments[start:] = [Fragment(f.text, f.weight * factor) for f in self._fragments[start:]]
