"""How well does the built-in autoencoder give back pictures that it never saw? PSNR and chroma, by material.

    python tests/benchmarks/builtin_autoencoder.py [--model FOLDER] [--count 4] [--size 128]

Textures and scenes, half each, of seeds beyond those of training. Ends with status 1 if the mean is under 27 dB, a material
under 22 dB, or the mean chroma under 32 dB.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import torch

from sd_core.models import BUILTIN_FOLDER
from sd_core.training.data import MATERIALS, Material, SampleKind, make_sample
from sd_core.training.export import load_autoencoder
from sd_core.training.losses import psnr, to_ycbcr

HELD_OUT_SEED = 900_000_000


def pictures(material: Material, kind: SampleKind, count: int, size: int) -> torch.Tensor:
    """(count, 3, size, size) in [-1, 1]."""
    made = [make_sample(HELD_OUT_SEED + seed, size, size, kind=kind, material=material).image for seed in range(count)]
    return torch.from_numpy(np.stack(made)).permute(0, 3, 1, 2).float() / 127.5 - 1


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=BUILTIN_FOLDER)
    parser.add_argument("--count", type=int, default=4)
    parser.add_argument("--size", type=int, default=128)
    arguments = parser.parse_args()
    autoencoder = load_autoencoder(arguments.model).eval()
    rows: dict[Material, list[float]] = {}
    chroma: list[float] = []
    for material in MATERIALS:
        rows[material] = []
        for kind in SampleKind:
            true = pictures(material, kind, arguments.count, arguments.size)
            with torch.inference_mode():
                made = autoencoder.decode(autoencoder.encode(true).latent_dist.mean).sample.clamp(-1, 1)
            rows[material].append(psnr(made, true).mean().item())
            chroma += psnr(to_ycbcr(made)[:, 1:], to_ycbcr(true)[:, 1:]).tolist()
    print(f"{'material':<14}{'texture':>9}{'scene':>9}  dB")
    for material, (texture, scene) in sorted(rows.items(), key=lambda item: item[1][0]):
        print(f"{material:<14}{texture:>9.1f}{scene:>9.1f}")
    values = np.array(list(rows.values()))
    mean, worst, colour = values.mean(), values.mean(axis=1).min(), float(np.mean(chroma))
    print(f"mean {mean:.2f} dB (textures {values[:, 0].mean():.2f}, scenes {values[:, 1].mean():.2f}; wanted 27)")
    print(
        f"worst material {worst:.2f} dB (wanted 22), worst texture {values[:, 0].min():.2f} dB; chroma {colour:.2f} dB (wanted 32)"
    )
    return 0 if mean >= 27 and worst >= 22 and colour >= 32 else 1


if __name__ == "__main__":
    sys.exit(main())
