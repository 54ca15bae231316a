"""Captions: plain descriptions with synonyms and a varied order of words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeVar

import numpy as np

from sd_core.training.data import words
from sd_core.training.data.bodies import Shape
from sd_core.training.data.colours import Colour
from sd_core.training.data.materials import Material
from sd_core.training.data.modifiers import SIZES, Modifier
from sd_core.training.data.scenes import Floor, SceneDescription, Setting

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What a caption says about the material."""

    material: Material
    colour: Colour
    modifiers: tuple[Modifier, ...]


def _pick(rng: np.random.Generator, options: Sequence[T]) -> T:
    return options[int(rng.integers(len(options)))]


def _usual(rng: np.random.Generator, options: Sequence[T], share: float = 0.6) -> T:
    """The first option with probability `share`, else any."""
    return options[0] if rng.random() < share else _pick(rng, options)


def _shuffle(rng: np.random.Generator, items: list[str]) -> str:
    return " ".join(items[i] for i in rng.permutation(len(items)))


def _article(text: str) -> str:
    return "an" if text[0] in "aeiou" else "a"


def _bare(noun: str) -> str:
    """A noun without its article."""
    return noun.removeprefix("a ").removeprefix("an ")


def _tidy(text: str) -> str:
    return " ".join(text.split()).replace(" ,", ",").strip(", ")


def texture_caption(rng: np.random.Generator, look: Look) -> str:
    """A caption for a flat texture."""
    colour = _usual(rng, words.COLOUR_WORDS[look.colour], 0.7)
    noun = _usual(rng, words.MATERIAL_NOUNS[look.material], 0.45)
    if rng.random() < 0.08:
        plain = _bare(noun)
        return _tidy(_pick(rng, words.SHORT_TEXTURE_PHRASES).format(plain=plain, colour=colour))
    said = [_usual(rng, words.MODIFIER_WORDS[m], 0.6) for m in look.modifiers]
    described = _shuffle(rng, [*said, colour]) if rng.random() < 0.5 else " ".join([*said, colour])
    phrase = _pick(rng, words.TEXTURE_PHRASES)
    if "{words}" not in phrase and "{look}" not in phrase:
        phrase = phrase + ", " + " ".join(said) if said else phrase
    bare = _bare(noun)
    lead = f"{_article(described)} " if bare != noun and rng.random() < 0.5 and phrase.startswith("{look}") else ""
    return _tidy(phrase.format(look=f"{lead}{described} {bare}", noun=bare, words=described, colour=colour))


def scene_caption(rng: np.random.Generator, look: Look, about: SceneDescription) -> str:
    """A caption for a scene."""
    colour = _usual(rng, words.COLOUR_WORDS[look.colour], 0.7)
    said = [_usual(rng, words.MODIFIER_WORDS[m], 0.6) for m in look.modifiers if m not in SIZES]
    described = _shuffle(rng, [*said, colour]) if rng.random() < 0.5 else " ".join([*said, colour])
    thing, plural = _thing(rng, about)
    phrase = _pick(rng, words.OBJECT_PHRASES)
    adjective = _usual(rng, words.MATERIAL_ADJECTIVES[look.material], 0.6)
    noun = _bare(_usual(rng, words.MATERIAL_NOUNS[look.material], 0.5))
    number, _, thing = thing.rpartition("|")
    text = phrase.format(article="{article}", words=described, adjective=adjective, noun=noun, object=thing)
    after = text.partition("{article} ")[2]
    text = _tidy(text.replace("{article}", number if plural else _article(after) if after else ""))
    for size in (m for m in look.modifiers if m in SIZES):
        pattern = _pick(rng, words.PATTERN_PHRASES).format(size=_pick(rng, words.MODIFIER_WORDS[size]))
        text = f"{text}, {pattern}"
    place = _place_phrase(rng, about)
    return f"{text} {place}" if place and rng.random() < 0.65 else text


def _thing(rng: np.random.Generator, about: SceneDescription) -> tuple[str, bool]:
    """What stands in the scene as "number|name", and whether it is more than one of a kind."""
    if about.setting is Setting.LANDSCAPE:
        return f"|{_usual(rng, words.SHAPE_WORDS[Shape.LANDSCAPE], 0.5)[0]}", False
    kinds = list(dict.fromkeys(about.shapes))
    if len(kinds) == 1 and len(about.shapes) > 1:
        name = _usual(rng, words.SHAPE_WORDS[kinds[0]])[1]
        return f"{_pick(rng, words.NUMBERS[len(about.shapes)])}|{name}", True
    if len(kinds) == 1:
        return f"|{_usual(rng, words.SHAPE_WORDS[kinds[0]])[0]}", False
    plural = len(about.shapes) > 2
    names = [_usual(rng, words.SHAPE_WORDS[kind])[1 if plural else 0] for kind in kinds[:2]]
    if plural:
        return f"|{names[0]} and {names[1]}", True
    return "|" + _pick(rng, words.JOINS).format(first=names[0], second=f"{_article(names[1])} {names[1]}"), False


def _place_phrase(rng: np.random.Generator, about: SceneDescription) -> str:
    if about.setting is Setting.LANDSCAPE:
        return _pick(rng, words.PLACE_PHRASES["sky"])
    if about.floor is Floor.MATERIAL:
        ground = words.MATERIAL_ADJECTIVES[about.floor_material][0]
        return _pick(rng, words.PLACE_PHRASES["material"]).format(
            ground=words.COLOUR_WORDS[about.floor_colour][0], ground_material=ground
        )
    if about.floor is Floor.PLAIN and rng.random() < 0.7:
        return _pick(rng, words.PLACE_PHRASES["floor"]).format(ground="grey")
    tone = "dark" if about.backdrop < 0.3 else "light" if about.backdrop > 0.65 else "middle"
    if tone == "middle" and about.floor is Floor.PLAIN:
        return words.PLACE_PHRASES["middle"][0]
    return _pick(rng, words.PLACE_PHRASES[tone])


@lru_cache(maxsize=1)
def vocabulary() -> frozenset[str]:
    """Every word that a caption can contain."""
    texts: list[str] = [*words.ARTICLES, *words.GROUND_TONES]
    for table in (
        words.COLOUR_WORDS,
        words.MATERIAL_NOUNS,
        words.MATERIAL_ADJECTIVES,
        words.MODIFIER_WORDS,
        words.NUMBERS,
    ):
        texts += [text for options in table.values() for text in options]
    texts += [text for options in words.SHAPE_WORDS.values() for pair in options for text in pair]
    texts += [text for options in words.PLACE_PHRASES.values() for text in options]
    texts += [
        *words.TEXTURE_PHRASES,
        *words.SHORT_TEXTURE_PHRASES,
        *words.OBJECT_PHRASES,
        *words.PATTERN_PHRASES,
        *words.JOINS,
    ]
    found = {word for text in texts for word in text.replace(",", " ").split()}
    return frozenset(word for word in found if "{" not in word)
