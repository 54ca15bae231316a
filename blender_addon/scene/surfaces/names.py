# SPDX-License-Identifier: GPL-3.0-or-later
"""What names of objects and materials mean: words for a prompt, or nothing; no bpy."""

from __future__ import annotations

import re

_DEFAULTS = frozenset(
    """
    armature bezier bezierball beziercircle beziercurve box camera capsule circle collection cone cube curve cylinder
    default defaultmaterial dots empty geo geometry grid group ico icosphere initialshadinggroup instance lambert light lod
    mat material mball mesh metaball model nurbs nurbscircle nurbscurve nurbspath nurbssphere nurbssurface obj object paint
    part path phong piece plane point poly pyramid roundcube scene shader sphere sun surface suzanne text texture torus
    untitled uv uvsphere
    """.split()  # noqa: SIM905 - a list of so many takes a page
)
"""Names that Blender and other programs give by themselves."""

_PREFIXES = frozenset({"sm", "sk", "m", "mi", "mat", "mtl", "geo", "msh", "mesh", "obj", "t", "tx", "grp"})
_SUFFIXES = frozenset({"mat", "mtl", "material", "geo", "mesh", "low", "high", "lp", "hp", "l", "r", "left", "right"})
_NUMBER = re.compile(r"[\d.]+|lod\d*|v\d+")
_SHORTEST = 3


def words_of(name: str) -> str:
    """The words of a name, such as "old barn" for "SM_OldBarn_LOD0.003"; empty where it means nothing."""
    apart = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    words = [word for word in re.split(r"[^A-Za-z\d.\u0080-\U0010ffff]+", apart) if word]
    words = [held for word in words if not _NUMBER.fullmatch(held := re.sub(r"[.\d]+$", "", word).lower() or "0")]
    while len(words) > 1 and words[0] in _PREFIXES:
        words = words[1:]
    while len(words) > 1 and words[-1] in _SUFFIXES:
        words = words[:-1]
    if "".join(words) in _DEFAULTS or all(word in _DEFAULTS for word in words):
        return ""
    text = " ".join(words)
    return text if len(text) >= _SHORTEST else ""


def named_prompt(name: str, prompt: str) -> str:
    """A prompt for what is called `name`, in words, within a shot with this prompt."""
    if not name or name in prompt.lower():
        return prompt
    return f"{name}, {prompt}" if prompt else name
