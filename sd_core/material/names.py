"""What the files of a material are called, after the two libraries that importers know."""

from __future__ import annotations

import re
from enum import StrEnum


class Naming(StrEnum):
    """Whose names to use: polyhaven.com's or ambientcg.com's."""

    POLY_HAVEN = "polyhaven"
    AMBIENTCG = "ambientcg"


class MaterialMap(StrEnum):
    """The pictures of a material; `ORM` packs occlusion, roughness and metal into red, green and blue."""

    BASE_COLOR = "base_color"
    NORMAL_OPENGL = "normal_opengl"
    NORMAL_DIRECTX = "normal_directx"
    HEIGHT = "height"
    ROUGHNESS = "roughness"
    AMBIENT_OCCLUSION = "ambient_occlusion"
    METALLIC = "metallic"
    ORM = "orm"


_POLY_HAVEN = {
    MaterialMap.BASE_COLOR: "diff",
    MaterialMap.NORMAL_OPENGL: "nor_gl",
    MaterialMap.NORMAL_DIRECTX: "nor_dx",
    MaterialMap.HEIGHT: "disp",
    MaterialMap.ROUGHNESS: "rough",
    MaterialMap.AMBIENT_OCCLUSION: "ao",
    MaterialMap.METALLIC: "metal",
    MaterialMap.ORM: "arm",
}
_AMBIENTCG = {
    MaterialMap.BASE_COLOR: "Color",
    MaterialMap.NORMAL_OPENGL: "NormalGL",
    MaterialMap.NORMAL_DIRECTX: "NormalDX",
    MaterialMap.HEIGHT: "Displacement",
    MaterialMap.ROUGHNESS: "Roughness",
    MaterialMap.AMBIENT_OCCLUSION: "AmbientOcclusion",
    MaterialMap.METALLIC: "Metalness",
    MaterialMap.ORM: "ORM",
}

_LONGEST = 48


def file_name(naming: Naming, stem: str, part: MaterialMap, size: tuple[int, int]) -> str:
    """The PNG's name, such as `mossy_stone_diff_1k.png` or `MossyStone_1K-PNG_Color.png`.

    Args:
        size: (height, width) in px; sides that are no whole "k" are given in px.
    """
    side = max(size)
    resolution = f"{side // 1024}k" if side % 1024 == 0 else str(side)
    if naming is Naming.POLY_HAVEN:
        return f"{stem}_{_POLY_HAVEN[part]}_{resolution}.png"
    return f"{_camel(stem)}_{resolution.upper()}-PNG_{_AMBIENTCG[part]}.png"


def exr_name(name: str) -> str:
    """That of the same picture as EXR: `mossy_stone_disp_1k.exr`, `MossyStone_1K-EXR_Displacement.exr`."""
    return f"{name.removesuffix('.png').replace('-PNG_', '-EXR_')}.exr"


def png_name(name: str) -> str:
    """The inverse of `exr_name`; a name of a PNG stays."""
    return f"{name.removesuffix('.exr').replace('-EXR_', '-PNG_')}.png" if name.endswith(".exr") else name


def set_name(naming: Naming, stem: str) -> str:
    """The name of the set's other files, without suffix."""
    return stem if naming is Naming.POLY_HAVEN else _camel(stem)


def stem_of(prompt: str) -> str:
    """A file stem from a prompt: "Mossy cobblestone!" gives "mossy_cobblestone"."""
    words = re.sub(r"[^a-z0-9]+", "_", prompt.lower()).strip("_")
    return words[:_LONGEST].rstrip("_") or "texture"


def _camel(stem: str) -> str:
    return "".join(word[:1].upper() + word[1:] for word in re.split(r"[_\s]+", stem))
