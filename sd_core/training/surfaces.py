"""Generated surfaces kept on disk for the length of a run: albedo, relief, glow, gloss, metal, and a picture of each."""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sd_core.files import write_files
from sd_core.training.data import MATERIALS, Material
from sd_core.training.data.sample import draw_surface

RELIEF_UNIT = 1 / 512
"""px: relief is stored in 16 bit steps of this size."""


@dataclass(frozen=True, slots=True)
class SurfaceBucket:
    """Surfaces of one size; `share` is its share of all pixels, `sizes` the range of their features in px."""

    side: int
    share: float
    sizes: tuple[float, float]

    @property
    def name(self) -> str:
        return f"surfaces-{self.side}"

    def count(self, images: int) -> int:
        """Surfaces in this bucket when the whole cache holds `images` areas of 128 x 128 px."""
        return max(2, round(images * self.share * 128 * 128 / self.side**2))


SURFACE_BUCKETS = (SurfaceBucket(128, 0.6, (20, 64)), SurfaceBucket(256, 0.4, (30, 120)))


@dataclass(frozen=True, slots=True)
class Surfaces:
    """A bucket, opened: memory-mapped arrays.

    texels: (n, h, w, 4) uint8, sRGB albedo and glow. relief: (n, h, w) int16 in `RELIEF_UNIT`. pictures: (n, h, w, 3).
    gloss: (n,). metal: (n,) 0 or 1.
    """

    texels: NDArray[np.uint8]
    relief: NDArray[np.int16]
    pictures: NDArray[np.uint8]
    gloss: NDArray[np.float32]
    metal: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.gloss)


@dataclass(frozen=True, slots=True)
class _Part:
    bucket: SurfaceBucket
    seed: int
    start: int
    stop: int
    folder: str
    materials: tuple[Material, ...]


def open_surfaces(folder: Path, bucket: SurfaceBucket) -> Surfaces:
    """Open a bucket that `generate_surfaces` has finished."""
    about = json.loads((folder / f"{bucket.name}.json").read_text())
    arrays = [np.load(folder / f"{bucket.name}.{name}.npy", mmap_mode="r", allow_pickle=False) for name in _ARRAYS]
    return Surfaces(*arrays, *(np.asarray(about[name], np.float32) for name in ("gloss", "metal")))


_ARRAYS = {"texels": (np.uint8, (4,)), "relief": (np.int16, ()), "pictures": (np.uint8, (3,))}


def generate_surfaces(
    folder: Path,
    *,
    images: int,
    seed: int,
    processes: int,
    materials: tuple[Material, ...] = MATERIALS,
    round_trip: Callable[[NDArray[np.uint8]], NDArray[np.uint8]],
    round_trips: float = 0.12,
) -> Iterator[tuple[int, int]]:
    """Fill `folder` with surfaces, skipping finished buckets; yields (done, count) in surfaces.

    Args:
        round_trip: what the autoencoder makes of pictures (n, h, w, 3); the first `round_trips` of them are replaced.
    """
    folder.mkdir(parents=True, exist_ok=True)
    counts = [bucket.count(images) for bucket in SURFACE_BUCKETS]
    done = 0
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        for index, (bucket, count) in enumerate(zip(SURFACE_BUCKETS, counts, strict=True)):
            if not (folder / f"{bucket.name}.json").exists():
                about: dict[str, list[float]] = {"gloss": [], "metal": []}
                for gloss, metal in pool.map(
                    _fill, _parts(folder, bucket, count, seed + index * 10_000_000, materials)
                ):
                    about["gloss"] += gloss
                    about["metal"] += metal
                    yield done + len(about["gloss"]), sum(counts)
                _replace(folder, bucket, round(count * round_trips), round_trip)
                write_files([(folder / f"{bucket.name}.json", json.dumps(about).encode())])
            done += count
            yield done, sum(counts)


def _parts(folder: Path, bucket: SurfaceBucket, count: int, seed: int, materials: tuple[Material, ...]) -> list[_Part]:
    for name, (dtype, channels) in _ARRAYS.items():
        shape = (count, bucket.side, bucket.side, *channels)
        np.lib.format.open_memmap(folder / f"{bucket.name}.{name}.npy", mode="w+", dtype=dtype, shape=shape)
    return [_Part(bucket, seed, i, min(i + 32, count), str(folder), materials) for i in range(0, count, 32)]


def _fill(part: _Part) -> tuple[list[float], list[float]]:
    """Generate one part into the memory-mapped arrays (in a worker process); the gloss and metal of its surfaces."""
    stem = Path(part.folder) / part.bucket.name
    texels, relief, pictures = (np.load(f"{stem}.{name}.npy", mmap_mode="r+", allow_pickle=False) for name in _ARRAYS)
    gloss, metal = [], []
    for index in range(part.start, part.stop):
        surface, picture, material = draw_surface(
            part.seed + index, part.bucket.side, sizes=part.bucket.sizes, materials=part.materials
        )
        stacked = np.dstack([surface.albedo, surface.glow])
        texels[index] = np.rint(np.clip(stacked, 0, 1) * 255)
        relief[index] = np.rint((surface.height - surface.height.mean()) / RELIEF_UNIT)
        pictures[index] = picture
        gloss.append(float(surface.gloss))
        metal.append(float(material is Material.METAL))
    return gloss, metal


def _replace(
    folder: Path, bucket: SurfaceBucket, count: int, round_trip: Callable[[NDArray[np.uint8]], NDArray[np.uint8]]
) -> None:
    pictures = np.load(folder / f"{bucket.name}.pictures.npy", mmap_mode="r+", allow_pickle=False)
    for start in range(0, count, 8):
        chosen = slice(start, min(start + 8, count))
        pictures[chosen] = round_trip(np.asarray(pictures[chosen]))
