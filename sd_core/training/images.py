"""Generated images kept on disk for the length of a run: pictures, depth, captions, in buckets of one size each."""

import json
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import TypedDict

import numpy as np
from numpy.typing import NDArray

from sd_core.files import write_files
from sd_core.passes import depth_control
from sd_core.training.data import Sample, SampleKind, make_sample
from sd_core.training.data.captions import Look, texture_caption

AREA = 128 * 128


@dataclass(frozen=True, slots=True)
class Bucket:
    """Images of one size. `share` is its share of all pixels; `kinds` what it holds, in turn."""

    height: int
    width: int
    share: float
    kinds: tuple[SampleKind, ...] = (SampleKind.TEXTURE, SampleKind.SCENE)

    @property
    def name(self) -> str:
        return f"{'-'.join(dict.fromkeys(self.kinds))}-{self.height}x{self.width}"

    def count(self, images: int) -> int:
        """Images in this bucket when the whole cache holds `images` areas of 128 x 128 px."""
        return max(2, round(images * self.share * AREA / (self.height * self.width)))


TEXTURE, SCENE = SampleKind.TEXTURE, SampleKind.SCENE
CROP_BUCKETS = (Bucket(128, 128, 0.7), Bucket(256, 256, 0.3))
"""What the autoencoder sees, in crops."""
TEXTURE_BUCKETS = (Bucket(256, 256, 0.5, (TEXTURE,)), Bucket(512, 512, 0.1, (TEXTURE,)))
SCENE_BUCKETS = (
    Bucket(128, 128, 0.19, (SCENE,)), Bucket(128, 192, 0.035, (SCENE,)), Bucket(192, 128, 0.035, (SCENE,)),
    Bucket(192, 192, 0.06, (SCENE,)), Bucket(256, 256, 0.08, (SCENE,)),
)  # fmt: skip
"""What the UNet and the ControlNet see: textures to be cropped, scenes whole."""


class Label(TypedDict):
    """What is known of an image."""

    captions: list[str]
    material: str
    colour: str
    kind: str


@dataclass(frozen=True, slots=True)
class Images:
    """A bucket, opened: memory-mapped arrays and their labels."""

    bucket: Bucket
    pictures: NDArray[np.uint8]
    """(n, h, w, 3)"""
    controls: NDArray[np.uint8]
    """(n, h, w) control pictures; 0 is background and 1 to 255 stand for [0, 1]."""
    labels: list[Label]
    """Per image its captions, material, colour and kind."""

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True, slots=True)
class _Chunk:
    bucket: Bucket
    seed: int
    start: int
    stop: int
    folder: str


def open_images(folder: Path, bucket: Bucket) -> Images:
    """Open a bucket that `generate` has finished."""
    return Images(
        bucket=bucket,
        pictures=np.load(folder / f"{bucket.name}.pictures.npy", mmap_mode="r", allow_pickle=False),
        controls=np.load(folder / f"{bucket.name}.controls.npy", mmap_mode="r", allow_pickle=False),
        labels=json.loads((folder / f"{bucket.name}.json").read_text()),
    )


def generate(
    folder: Path, *, images: int, seed: int, processes: int, buckets: tuple[Bucket, ...]
) -> Iterator[tuple[int, int]]:
    """Fill `folder` with generated images, skipping finished buckets; yields (done, count) in areas of 128 x 128 px."""
    folder.mkdir(parents=True, exist_ok=True)
    total = sum(bucket.count(images) * bucket.height * bucket.width for bucket in buckets) // AREA
    done = 0.0
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        for index, bucket in enumerate(buckets):
            area = bucket.height * bucket.width / AREA
            count = bucket.count(images)
            if not (folder / f"{bucket.name}.json").exists():
                labels: list[Label] = []
                for part in pool.map(_fill, _chunks(folder, bucket, count, seed + index * 10_000_000)):
                    labels += part
                    yield int(done + len(labels) * area), total
                _commit(folder, bucket, labels)
            done += count * area
            yield int(done), total


def _chunks(folder: Path, bucket: Bucket, count: int, seed: int) -> list[_Chunk]:
    for name, shape in (
        ("pictures", (count, bucket.height, bucket.width, 3)),
        ("controls", (count, bucket.height, bucket.width)),
    ):
        np.lib.format.open_memmap(folder / f"{bucket.name}.{name}.npy", mode="w+", dtype=np.uint8, shape=shape)
    chunk = 32
    return [_Chunk(bucket, seed, start, min(start + chunk, count), str(folder)) for start in range(0, count, chunk)]


def _fill(chunk: _Chunk) -> list[Label]:
    """Generate one part into the memory-mapped arrays (in a worker process) and return its labels."""
    stem = Path(chunk.folder) / chunk.bucket.name
    pictures = np.load(f"{stem}.pictures.npy", mmap_mode="r+", allow_pickle=False)
    controls = np.load(f"{stem}.controls.npy", mmap_mode="r+", allow_pickle=False)
    labels = []
    for index in range(chunk.start, chunk.stop):
        kind = chunk.bucket.kinds[index % len(chunk.bucket.kinds)]
        sample = make_sample(chunk.seed + index, chunk.bucket.height, chunk.bucket.width, kind=kind)
        pictures[index], controls[index] = sample.image, stored_control(sample)
        labels.append(_label(sample, chunk.seed + index))
    return labels


def _label(sample: Sample, seed: int) -> Label:
    """Several captions for a texture, whose words are cheap to draw again; the one caption of a scene."""
    look = Look(material=sample.material, colour=sample.colour, modifiers=sample.modifiers)
    rng = np.random.default_rng(seed)
    again = [texture_caption(rng, look) for _ in range(5)] if sample.kind is SampleKind.TEXTURE else []
    return Label(captions=[sample.caption, *again], material=sample.material, colour=sample.colour, kind=sample.kind)


def stored_control(sample: Sample) -> NDArray[np.uint8]:
    """The control picture of a sample as bytes: 0 is background (or no depth at all), 1 to 255 stand for [0, 1]."""
    if sample.depth is None:
        return np.zeros(sample.image.shape[:2], np.uint8)
    foreground = np.isfinite(sample.depth)
    if not foreground.any():
        return np.zeros(sample.image.shape[:2], np.uint8)
    control = depth_control(sample.depth, None)
    return np.where(foreground, 1 + np.round(control * 254), 0).astype(np.uint8)


def _commit(folder: Path, bucket: Bucket, labels: list[Label]) -> None:
    write_files([(folder / f"{bucket.name}.json", json.dumps(labels).encode())])
