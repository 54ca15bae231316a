"""Does the built-in model draw the material and the colour that the prompt names?

    python tests/benchmarks/builtin_prompts.py [--model builtin] [--count 200] [--size 256] [--train 9000] [--epochs 12]

Trains a classifier on generated textures, a third of them as the model's autoencoder gives them back, proves it on others, then
judges samples (20 steps): `count` prompts of pairs seen in training, and one of every pair held out of it; and measures how
much two seeds of one prompt agree, and how near the nearest generated texture is, to a sample and to a texture that was
generated apart. Ends with status 1 if a wanted figure is missed.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
from builtin_classifier import Classifier, accuracy, examples, held_out, judge, kept, load_autoencoder, through

from sd_core import Engine
from sd_core.requests import TextToImage
from sd_core.training.data import COLOURS, HELD_OUT_PAIRS, MATERIALS, Colour, Material

Pair = tuple[Material, Colour]


def draw(engine: Engine, pairs: list[Pair], size: int, seed: int) -> np.ndarray:
    """(n, size, size, 3) uint8, one picture for each pair."""
    made = [
        engine.run(
            TextToImage(
                prompt=f"a texture of {colour} {material}",
                width=size,
                height=size,
                seed=seed + index,
                num_inference_steps=20,
            )
        ).images[0]
        for index, (material, colour) in enumerate(pairs)
    ]
    return np.stack([picture[..., :3] for picture in made])


def score(classifier: Classifier, pictures: np.ndarray, pairs: list[Pair]) -> tuple[np.ndarray, np.ndarray]:
    """(n,) bool: material right, colour right. Prints what was taken for what."""
    materials, colours = judge(classifier, pictures)
    wrong = Counter(
        (str(pair[0]), str(MATERIALS[found]))
        for pair, found in zip(pairs, materials, strict=True)
        if pair[0] != MATERIALS[found]
    )
    wrong += Counter(
        (str(pair[1]), str(COLOURS[found]))
        for pair, found in zip(pairs, colours, strict=True)
        if pair[1] != COLOURS[found]
    )
    for (asked, found), times in wrong.most_common():
        print(f"    {asked} taken for {found}: {times}")
    right = [MATERIALS[found] == pair[0] for pair, found in zip(pairs, materials, strict=True)]
    coloured = [COLOURS[found] == pair[1] for pair, found in zip(pairs, colours, strict=True)]
    return np.array(right), np.array(coloured)


def correlation(first: np.ndarray, second: np.ndarray) -> float:
    """Pearson's correlation of the pixels of two pictures."""
    return float(np.corrcoef(first.astype(np.float64).ravel(), second.astype(np.float64).ravel())[0, 1])


def nearest(pictures: np.ndarray, count: int) -> float:
    """The highest correlation of a sample's middle with any of `count` generated textures, means of every channel removed."""
    known = examples(count, 0).pictures.astype(np.float32)
    middle = (pictures.shape[1] - 128) // 2
    asked = pictures[:, middle : middle + 128, middle : middle + 128].astype(np.float32)
    known, asked = (_normalised(values) for values in (known, asked))
    return float((asked @ known.T).max())


def _normalised(pictures: np.ndarray) -> np.ndarray:
    centred = (pictures - pictures.mean((1, 2), keepdims=True)).reshape(len(pictures), -1)
    return centred / np.linalg.norm(centred, axis=1, keepdims=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="builtin")
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--train", type=int, default=9000)
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--judge", type=Path, help="keep the trained judge in this file, or take it from there")
    arguments = parser.parse_args()
    autoencoder = load_autoencoder(arguments.model)
    classifier = kept(arguments.judge, arguments.train, arguments.epochs, autoencoder, arguments.size)
    data = held_out(1000, arguments.size)
    known = accuracy(classifier, data)
    print(f"judge on generated textures: material {known[0]:.1%}, colour {known[1]:.1%} (wanted 97 %)")
    decoded = accuracy(classifier, replace(data, pictures=through(autoencoder, data.pictures)))
    print(
        f"... encoded and decoded, the most that samples can reach: material {decoded[0]:.1%}, colour {decoded[1]:.1%}"
    )
    return report(arguments, classifier) or int(min(known) < 0.97)


def report(arguments: argparse.Namespace, classifier: Classifier) -> int:
    """Print every figure; 1 if one is missed."""
    rng = np.random.default_rng(0)
    seen: list[Pair] = [(m, c) for m in MATERIALS for c in COLOURS if (m, c) not in HELD_OUT_PAIRS]
    asked = [seen[i] for i in rng.permutation(arguments.count) % len(seen)] if arguments.count > len(seen) else []
    asked = asked or [seen[i] for i in rng.permutation(len(seen))[: arguments.count]]
    with Engine(model=arguments.model) as engine:
        pictures = draw(engine, asked, arguments.size, 0)
        again = draw(engine, asked[:10], arguments.size, 5000)
        held = sorted(HELD_OUT_PAIRS)
        unseen = draw(engine, held, arguments.size, 9000)
    right, coloured = score(classifier, pictures, asked)
    both = np.logical_and(*score(classifier, unseen, held))
    agree = max(correlation(first, second) for first, second in zip(pictures, again, strict=False))
    copy, usual = nearest(pictures, 3000), nearest(held_out(arguments.count, arguments.size).pictures, 3000)
    print(f"material right in {right.mean():.1%} of {len(asked)} (wanted 90 %)")
    print(f"colour right in {coloured.mean():.1%} (wanted 90 %)")
    print(f"both right in {both.mean():.1%} of {len(held)} held-out pairs (wanted 75 %)")
    print(f"highest correlation of two seeds of one prompt: {agree:.2f} (wanted under 0.9)")
    print(
        f"highest correlation with a generated texture: {copy:.2f}; of {arguments.count} other such textures: {usual:.2f}"
    )
    return int(right.mean() < 0.9 or coloured.mean() < 0.9 or both.mean() < 0.75 or agree >= 0.9)


if __name__ == "__main__":
    sys.exit(main())
