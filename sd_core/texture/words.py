"""What the words of a prompt say about a surface: metal, gloss, and its relief."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from .word_table import (
    ABOUT,
    BESIDES,
    COLOURS,
    CORRODED,
    DEEP,
    DULL,
    GLOSSY,
    LAID,
    MATERIALS,
    PHRASES,
    SHALLOW,
    Kind,
)

_TYPICAL_ROUGHNESS = 0.7
_GLOSSIER, _DULLER = -0.35, 0.15
"""What a word such as "shiny" or "dusty" adds to the roughness."""


@dataclass(frozen=True, slots=True)
class PromptHints:
    """What a prompt says.

    metallic: 0 or 1; None where no word names a material. corroded: metal that is rusty or painted in parts. roughness: of
    an even, open place. relief: factor of its depth. joints: most of it lies high. says_gloss: whether a word speaks of gloss
    or names a material. reason: the words that count.
    """

    metallic: float | None
    corroded: bool
    roughness: float
    relief: float
    joints: bool
    says_gloss: bool
    reason: str


def prompt_hints(prompt: str) -> PromptHints:
    """Search a prompt for whole words about material, gloss and relief.

    The material is that of the head of the phrase, which English puts last: "silver birch bark" is bark. What is only beside
    the surface ("marble with gold veins") or names a colour ("steel blue") does not count.
    """
    words = re.findall(r"[a-z]+", prompt.lower().replace("'s", ""))
    material = _material(prompt)
    kind = None if material is None else MATERIALS[material]
    said = set(words)
    gloss, dull = sorted(said & GLOSSY), sorted(said & DULL)
    corroded = bool(said & CORRODED)
    heard: list[str] = [*([] if material is None else [material]), *sorted(said & CORRODED), *gloss, *dull]
    named = list(dict.fromkeys(heard))
    return PromptHints(
        metallic=None if kind is None else kind.metallic,
        corroded=corroded,
        roughness=_roughness(kind, bool(gloss), bool(dull), corroded),
        relief=_relief(kind, said),
        joints=kind is not None and kind.joints,
        says_gloss=bool(kind is not None or gloss or dull),
        reason=f"from the words {', '.join(named)}" if named else "no word of the prompt speaks of metal or gloss",
    )


def _material(prompt: str) -> str | None:
    """The word of the table that names the surface."""
    for clause in re.split(r"[,.;:()]", prompt.lower()):
        found = _head(_joined(re.findall(r"[a-z]+", clause)))
        if found is not None:
            return found
    return None


def _joined(words: Sequence[str]) -> list[str]:
    """PromptHints with those of `PHRASES` replaced."""
    text = f" {' '.join(words)} "
    for phrase, meant in PHRASES.items():
        text = text.replace(f" {phrase} ", f" {meant} " if meant else " ")
    return text.split()


def _head(words: Sequence[str]) -> str | None:
    """The last material of the first phrase that has one; what something is made of comes before what it is."""
    phrases = _phrases(words)
    for at, phrase in enumerate(phrases):
        if at + 1 < len(phrases) and phrases[at + 1][0] in ABOUT:
            inner = _last_material(phrases[at + 1])
            if inner is not None and _last_material(phrase) is None:
                return inner
        found = _last_material(phrase)
        if found is not None:
            return found
    return None


def _phrases(words: Sequence[str]) -> list[list[str]]:
    """Cut before "of" and "made", and at "with" and its like, after which nothing counts but what came before had none."""
    phrases: list[list[str]] = [[]]
    for word in words:
        if word in ABOUT or word in BESIDES:
            phrases.append([])
        phrases[-1].append(word)
    return [phrase for phrase in phrases if phrase]


def _last_material(phrase: Sequence[str]) -> str | None:
    for at in range(len(phrase) - 1, -1, -1):
        word, before = phrase[at], phrase[at - 1] if at else ""
        if word in MATERIALS and not _is_colour(phrase, at):
            return before if word in LAID and _is_metal(before) else word
    return None


def _is_metal(word: str) -> bool:
    return word in MATERIALS and MATERIALS[word].metallic > 0


def _is_colour(phrase: Sequence[str], at: int) -> bool:
    """Whether the name of a metal names the colour of what follows: "steel blue"."""
    return _is_metal(phrase[at]) and at + 1 < len(phrase) and phrase[at + 1] in COLOURS


def _roughness(kind: Kind | None, gloss: bool, dull: bool, corroded: bool) -> float:
    base = _TYPICAL_ROUGHNESS if kind is None else kind.roughness
    base += 0.25 * (corroded and kind is not None and kind.metallic > 0)
    return min(max(base + _GLOSSIER * gloss + _DULLER * dull, 0.05), 0.95)


def _relief(kind: Kind | None, said: set[str]) -> float:
    base = 1.0 if kind is None else kind.relief
    return base * (1.4 if said & DEEP else 1.0) * (0.4 if said & SHALLOW else 1.0)
