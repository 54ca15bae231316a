"""Material maps against the truth: the estimator in the package, the rule, and maps that say nothing.

Held-out pictures of every material of the generator: pairs of material and colour that training never draws, with seeds
of their own. `python tests/benchmarks/material_maps.py [--pictures 4] [--side 256] [--weights FILE] [--relit]`

    normals   mean angle to the true normals, degrees; `flat` is that of normals that point straight up
    height    correlation with the true height, where there is any (its standard deviation is above 0.15 px)
    albedo    mean absolute error of sRGB values; `picture` is that of the picture itself. `ratio`: exposure matched first
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from sd_core.requests import Seamless, TextureMap
from sd_core.texture import builtin_estimator, make_material, wrap_score
from sd_core.texture.estimate import Estimator
from sd_core.texture.learned import WEIGHTS
from sd_core.texture.relief import decode_normals, normals_from_height
from sd_core.training.data.materials import MATERIALS, Material
from sd_core.training.data.modifiers import Surface
from sd_core.training.data.sample import draw_surface
from sd_core.training.material_maps import LEAST_RELIEF, roughness_of
from sd_core.training.relight import SurfaceBatch, relight

SEED = 900_000_000
"""Training counts up from its own seed, and from 10 million: never as far."""

Picture = NDArray[np.float32]


def main() -> None:
    """Print the table; with `--json FILE` write it as well."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=int, default=4, help="of each material")
    parser.add_argument("--side", type=int, default=256, help="px")
    parser.add_argument("--weights", type=Path, default=WEIGHTS)
    parser.add_argument("--relit", action="store_true", help="under other lights than the generator's own")
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    ways: dict[str, Estimator | None] = {"estimator": builtin_estimator(weights=asked.weights), "rule": None}
    table = {
        str(material): _of_material(material, asked.pictures, asked.side, ways, relit=asked.relit)
        for material in MATERIALS
    }
    _print(table)
    if asked.json:
        asked.json.write_text(json.dumps(table, indent=1) + "\n")


def _of_material(
    material: Material, count: int, side: int, ways: dict[str, Estimator | None], *, relit: bool
) -> dict[str, float]:
    """The mean of every figure over pictures of one material."""
    rows = []
    first = SEED + 1000 * MATERIALS.index(material)  # one seed draws the same modifiers for every material
    for index in range(first, first + count):
        surface, drawn, _ = draw_surface(index, side, sizes=(34, 72), held_out=True, materials=(material,))
        picture = _relit(surface, index) if relit else drawn / np.float32(255)
        rows.append(_figures(surface, picture, ways))
    return {
        name: float(np.nanmean([row[name] for row in rows])) if _any(rows, name) else float("nan") for name in rows[0]
    }


def _any(rows: list[dict[str, float]], name: str) -> bool:
    return any(not np.isnan(row[name]) for row in rows)


def _figures(surface: Surface, picture: Picture, ways: dict[str, Estimator | None]) -> dict[str, float]:
    true = normals_from_height(surface.height, 1.0)
    upwards = np.broadcast_to(np.array([0, 0, 1], np.float32), true.shape)
    albedo = surface.albedo.astype(np.float32)
    found = {
        "normal flat": _angle(upwards, true),
        "albedo picture": _error(picture, albedo),
        "ratio picture": _ratio(picture, albedo),
    }
    for name, estimator in ways.items():
        maps = make_material(picture, estimator=estimator).maps
        base = maps[TextureMap.BASE_COLOR]
        found |= {
            f"normal {name}": _angle(decode_normals(maps[TextureMap.NORMAL]), true),
            f"height {name}": _correlation(maps[TextureMap.HEIGHT], surface.height),
            f"albedo {name}": _error(base, albedo),
            f"ratio {name}": _ratio(base, albedo),
            f"wrap {name}": max(wrap_score(plane, Seamless.XY) for plane in maps.values()),
        }
    return found


def _relit(surface: Surface, seed: int) -> Picture:
    tensor: Callable[[NDArray[np.generic]], torch.Tensor] = lambda a: torch.from_numpy(a.astype(np.float32))[None, None]  # noqa: E731
    height = tensor(surface.height)
    gloss = torch.full((1, 1, 1, 1), surface.gloss)
    batch = SurfaceBatch(
        tensor(surface.albedo)[0].permute(0, 3, 1, 2), height, roughness_of(gloss, height), torch.zeros_like(height),
        tensor(surface.glow),
    )  # fmt: skip
    return relight(batch, np.random.default_rng(seed))[0].permute(1, 2, 0).numpy()


def _angle(made: Picture, true: Picture) -> float:
    """Degrees; from the chord, since the cosine cannot tell small angles."""
    chord = np.linalg.norm(made - true, axis=-1) / 2
    return float(np.degrees(2 * np.arcsin(np.clip(chord, 0, 1))).mean())


def _correlation(made: Picture, true: Picture) -> float:
    """Not a number where the truth is flat; 0 where only the estimate is."""
    if true.std() < LEAST_RELIEF:
        return float("nan")
    return float(np.corrcoef(made.ravel(), true.ravel())[0, 1]) if made.std() > 1e-6 else 0.0


def _error(made: Picture, true: Picture) -> float:
    return float(np.abs(made - true).mean())


def _ratio(made: Picture, true: Picture) -> float:
    return _error(made * (float((made * true).sum()) / max(float((made**2).sum()), 1e-6)), true)


_COLUMNS = (
    "normal flat", "normal rule", "normal estimator", "height rule", "height estimator", "albedo picture", "albedo rule",
    "albedo estimator", "ratio picture", "ratio estimator", "wrap estimator",
)  # fmt: skip


def _print(table: dict[str, dict[str, float]]) -> None:
    print(f"{'':14s}" + "".join(f"{name.replace(' ', chr(10)).split()[0]:>8s}" for name in _COLUMNS))
    print(f"{'':14s}" + "".join(f"{name.split()[1][:7]:>8s}" for name in _COLUMNS))
    for material, row in table.items():
        print(f"{material:14s}" + "".join(f"{row[name]:8.3f}" for name in _COLUMNS))
    mean = {name: float(np.nanmean([row[name] for row in table.values()])) for name in _COLUMNS}
    print(f"{'mean':14s}" + "".join(f"{mean[name]:8.3f}" for name in _COLUMNS))
    normal = {m: row["normal estimator"] / max(row["normal flat"], 1e-3) for m, row in table.items()}
    worst = max(normal, key=lambda m: table[m]["normal estimator"] - table[m]["normal flat"])
    heights = {m: row["height estimator"] for m, row in table.items() if not np.isnan(row["height estimator"])}
    lowest = min(heights, key=lambda m: heights[m])
    albedo = {m: row["albedo estimator"] / row["albedo picture"] for m, row in table.items()}
    highest = max(albedo, key=lambda m: albedo[m])
    print(f"normals {mean['normal estimator'] / mean['normal flat']:.2f} of flat; worst against flat: {worst}")
    print(f"height {mean['height estimator']:.2f}; lowest: {lowest} {heights[lowest]:.2f}")
    print(
        f"albedo {mean['albedo estimator'] / mean['albedo picture']:.2f} of the picture; worst: {highest} {albedo[highest]:.2f}"
    )


if __name__ == "__main__":
    main()
