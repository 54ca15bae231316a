"""What the way over the server costs: a 20-step job in process and over the client, and arrays raw against PNG.

    python tests/benchmarks/server_transport.py [--model builtin] [--size 256] [--runs 7]

Both sides alternate in one run; medians. The server and its engine run on 127.0.0.1 in a temporary folder.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from sd_core.client import Client, start_server
from sd_core.engine import Engine
from sd_core.requests import TextToImage, replace
from sd_core.values import array_digest, freeze, load_array, npy_bytes

SIDE = 512


def main() -> None:
    """Measure and print."""
    options = _options()
    with tempfile.TemporaryDirectory() as home:
        arguments = ["--device", "cpu", "--dtype", options.dtype, "--model", options.model]
        server = start_server(
            arguments=arguments, home=home, environment={"OMP_NUM_THREADS": str(options.threads)}, timeout=120
        )
        try:
            with server.connect() as client:
                compare_jobs(client, options)
                compare_arrays(client, Path(home) / "blobs", options.runs)
        finally:
            server.stop()


def compare_jobs(client: Client, options: argparse.Namespace) -> None:
    """The same job here and there, in turn."""
    request = TextToImage(
        prompt="red brick wall", width=options.size, height=options.size, num_inference_steps=20, seed=1
    )
    with Engine(options.model, "cpu", options.dtype) as engine:
        same = engine.run(request).images[0].tobytes() == client.run(request).images[0].tobytes()
        here, there = [], []
        for seed in range(options.runs):
            job = replace(request, seed=seed)
            here.append(seconds(lambda job=job: engine.run(job)))
            there.append(seconds(lambda job=job: client.run(job)))
    one, two = statistics.median(here), statistics.median(there)
    print(f"20 steps at {options.size} px, equal bytes: {same}")
    print(f"  in process {one * 1e3:8.1f} ms   over the client {two * 1e3:8.1f} ms   {100 * (two / one - 1):+.1f} %")


def compare_arrays(client: Client, folder: Path, runs: int) -> None:
    """A picture and its depth, from the arrays of a request to arrays on the engine's side: raw, and as 16-bit PNG."""
    generator = np.random.default_rng(0)
    raw, png = [], []
    for _ in range(runs):
        pair = [freeze(array) for array in scene(generator)]
        raw.append(seconds(lambda pair=pair: [move_raw(client, folder, array) for array in pair]))
        png.append(seconds(lambda pair=pair: [move_png(client, folder, array) for array in pair]))
    one, two = statistics.median(raw), statistics.median(png)
    print(f"{SIDE} px float32 RGB and depth, from one process to the other")
    print(f"  raw {one * 1e3:8.1f} ms   as PNG {two * 1e3:8.1f} ms   {two / one:.1f} x")


def move_raw(client: Client, folder: Path, array: np.ndarray) -> None:
    """Hash, send, check, store, read, check again: all that happens to an array of a job."""
    digest = array_digest(array)
    client.transport.check(client.transport.send("PUT", f"/v1/blobs/{digest}", npy_bytes(array)))
    load_array(folder / f"{digest}.npy")


def move_png(client: Client, folder: Path, array: np.ndarray) -> None:
    """The same way for 16-bit PNG as Pillow writes it by default; three channels as three grey pictures, as it knows no others."""
    scaled = np.rint(array / array.max() * 65535).astype(np.uint16)
    for channel in np.atleast_3d(scaled).transpose(2, 0, 1):
        stream = io.BytesIO()
        Image.fromarray(np.ascontiguousarray(channel)).save(stream, "PNG")
        content = stream.getvalue()
        digest = hashlib.sha256(content).hexdigest()
        client.transport.check(client.transport.send("PUT", f"/v1/blobs/{digest}", content))
        np.asarray(Image.open(io.BytesIO((folder / f"{digest}.bin").read_bytes())), np.float32)


def scene(generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """A picture with some noise, as renders have, and a smooth depth; new ones each time, so that nothing is there already."""
    y, x = np.mgrid[0:SIDE, 0:SIDE].astype(np.float32) / SIDE
    smooth = np.stack([x, y, 1 - x], axis=2)
    picture = np.clip(smooth + generator.normal(0, 0.02, smooth.shape), 0, 1).astype(np.float32)
    return picture, (2 + 5 * x * y + generator.uniform(0, 1)).astype(np.float32)


def seconds(work: Callable[[], object]) -> float:
    """Time of one call."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="builtin")
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--dtype", default="float32")
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--threads", type=int, default=int(os.environ.get("OMP_NUM_THREADS", "0")) or os.cpu_count())
    return parser.parse_args()


if __name__ == "__main__":
    main()
