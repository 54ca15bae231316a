"""Seconds per guided step and peak memory: diffusers as it comes, diffusers in bfloat16, and this engine as it comes.

    python -m tests.benchmarks.engine_speed [--rounds 3] [--steps 5] [--side 512] [--quick] [--json FILE]

A model of the size of Stable Diffusion 1.5 with random weights, written once, at 512 px; on CUDA where there is one, else on
the CPU. Every arm is a process of its own, so that its peak memory is its own; they take turns, so that a busy machine
slows all of them alike. Random weights say nothing of pictures. `--quick` takes a tiny model, to see that the script runs.
A CPU without bfloat16 instructions imitates them and needs minutes for a step: there that arm is left out.

Wanted at full size on a CPU: at least 2.5 times as fast as diffusers' defaults, never slower than diffusers in
bfloat16, and at most 1 % over a bare loop of UNet and scheduler. Ends with status 1 if one of these fails.
"""

from __future__ import annotations

import argparse
import json
import logging
import multiprocessing
import os
import resource
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

PROMPT = "a red brick wall"
GUIDANCE = 7.5
FASTER_THAN_DEFAULTS = 2.5
LARGEST_OVERHEAD = 0.01

Sample = dict[str, list[float]]
"""Seconds of each guided step but the first, by what was timed."""

Arm = Callable[[], Sample]
"""One turn of an arm."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=5, help="guided steps to a turn; the first is not counted")
    parser.add_argument("--side", type=int, default=512, help="px; what the engine adds weighs more the smaller it is")
    parser.add_argument("--quick", action="store_true", help="a tiny model at 64 px: does the script run?")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    options = parser.parse_args()
    side = 64 if options.quick else options.side
    with tempfile.TemporaryDirectory(prefix="engine_speed-") as name:
        folder = Path(name) / "model"
        in_new_process(write_tiny if options.quick else write_full_size, folder)
        samples, peaks = measure(folder, side, options.steps, options.rounds)
    figures = {name: median(values) for name, values in samples.items()}
    fastest = {name: min(values) for name, values in samples.items()}
    report(figures, fastest, peaks, options.rounds)
    if options.json:
        options.json.write_text(json.dumps({"seconds_per_step": samples, "peak_bytes": peaks}, indent=2), "utf-8")
    return 0 if options.quick or not missed(figures) else 1


def measure(folder: Path, side: int, steps: int, rounds: int) -> tuple[Sample, dict[str, int]]:
    """Seconds of every step, and peak bytes of every process."""
    samples: Sample = {}
    with running_arms(wanted_arms(), folder, side, steps) as arms:
        for _ in range(rounds):
            for pipe in arms.values():
                pipe.send("turn")
                for name, seconds in pipe.recv().items():
                    samples.setdefault(name, []).extend(seconds)
        for pipe in arms.values():
            pipe.send("end")
        peaks = {name: pipe.recv() for name, pipe in arms.items()}
    return samples, peaks


def missed(figures: dict[str, float]) -> list[str]:
    """The goals that were not reached; those of speed hold for a CPU."""
    ours, bare = figures["sd_core"], figures["bare loop"]
    found = []
    if ours > bare * (1 + LARGEST_OVERHEAD):
        found.append(f"overhead over a bare loop above {LARGEST_OVERHEAD:.0%}")
    if ours > figures.get("diffusers bfloat16", float("inf")):
        found.append("slower than diffusers in bfloat16")
    if ours * FASTER_THAN_DEFAULTS > figures["diffusers"]:
        found.append(f"less than {FASTER_THAN_DEFAULTS} times as fast as diffusers' defaults")
    return found


def report(figures: dict[str, float], fastest: dict[str, float], peaks: dict[str, int], rounds: int) -> None:
    """Print the table."""
    import torch

    device = torch.cuda.get_device_name() if torch.cuda.is_available() else f"CPU, {torch.get_num_threads()} threads"
    print(f"{device}; load average {os.getloadavg()[0]:.1f}; medians and minima of all steps of {rounds} turns")
    print(f"{'':<20}{'s per guided step':>20}{'fastest':>10}{'times as fast':>16}{'peak memory, GiB':>20}")
    for name, seconds in figures.items():
        memory = f"{peaks[name] / 1024**3:.2f}" if name in peaks else ""
        ratio = figures["diffusers"] / seconds
        print(f"{name:<20}{seconds:>20.4f}{fastest[name]:>10.4f}{ratio:>16.2f}{memory:>20}")
    for name, steps in (("medians", figures), ("fastest steps, which a busy machine spares", fastest)):
        over = steps["sd_core"] - steps["bare loop"]
        print(f"sd_core over its bare loop, {name}: {over * 1000:+.2f} ms, {over / steps['bare loop']:+.2%}")
    if "diffusers bfloat16" not in figures:
        print(
            "diffusers in bfloat16 was left out: this CPU has no such instructions, so the engine computes in float32"
        )
    print("; ".join(missed(figures)) or "every goal is reached")


@contextmanager
def running_arms(names: list[str], folder: Path, side: int, steps: int) -> Iterator[dict[str, Connection]]:
    """Pipes to the processes of these arms, loaded and warm."""
    context = multiprocessing.get_context("spawn")
    pipes, processes = {}, []
    for name in names:
        ours, theirs = context.Pipe()
        process = context.Process(target=serve_arm, args=(name, folder, side, steps, theirs), daemon=True)
        process.start()
        theirs.close()
        ours.recv()  # one after the other: loading all at once would say nothing of one arm's peak
        pipes[name] = ours
        processes.append(process)
    try:
        yield pipes
    finally:
        for process in processes:
            process.join(timeout=30)
            process.kill()


def serve_arm(name: str, folder: Path, side: int, steps: int, pipe: Connection) -> None:
    """What the process of an arm does: load, warm up, then a turn whenever it is told."""
    logging.getLogger("transformers").setLevel(logging.ERROR)
    logging.getLogger("diffusers").setLevel(logging.ERROR)
    turn = ARMS[name](folder, side, steps)
    turn()
    pipe.send("ready")
    while pipe.recv() == "turn":
        pipe.send(turn())
    pipe.send(peak_bytes())


def peak_bytes() -> int:
    """The most memory that this process has held: on the device where there is one, else altogether."""
    import torch

    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def diffusers_arm(dtype: str) -> Callable[[Path, int, int], Arm]:
    """The stock pipeline in the number format `dtype`, otherwise as it comes."""

    def load(folder: Path, side: int, steps: int) -> Arm:
        import torch
        from diffusers import DDIMScheduler, StableDiffusionPipeline

        pipeline = StableDiffusionPipeline.from_pretrained(folder, dtype=getattr(torch, dtype), local_files_only=True)
        pipeline.scheduler = DDIMScheduler.from_config(pipeline.scheduler.config)
        pipeline.to("cuda" if torch.cuda.is_available() else "cpu")
        pipeline.set_progress_bar_config(disable=True)
        label = "diffusers" if dtype == "float32" else f"diffusers {dtype}"

        def turn() -> Sample:
            marks: list[float] = []

            def mark(_pipeline: Any, step: int, _timestep: Any, tensors: dict[str, Any]) -> dict[str, Any]:
                finish_queue()
                marks.append(perf_counter())
                return tensors

            pipeline(
                PROMPT,
                height=side,
                width=side,
                num_inference_steps=steps,
                guidance_scale=GUIDANCE,
                generator=torch.Generator().manual_seed(0),
                callback_on_step_end=mark,
            )
            return {label: gaps(marks)}

        return turn

    return load


def engine_arm(folder: Path, side: int, steps: int) -> Arm:
    """The engine as it comes, and beside it the least loop that one could write with the same networks."""
    from sd_core import Engine, TextToImage
    from sd_core.events import EventKind

    engine = Engine(model=str(folder))
    request = TextToImage(
        prompt=PROMPT,
        width=side,
        height=side,
        num_inference_steps=steps,
        guidance_scale=GUIDANCE,
        scheduler="ddim",
        seed=0,
    )

    def turn() -> Sample:
        events = engine.stream(request)
        marks = [perf_counter() for event in events if event.kind is EventKind.STEP]
        model = engine._resources.model(str(folder))  # the very networks that the engine runs
        return {"sd_core": gaps(marks), "bare loop": bare_loop(model, side, steps)}

    return turn


def gaps(marks: list[float]) -> list[float]:
    """Seconds between moments that follow each other."""
    return [after - before for before, after in pairwise(marks)]


def bare_loop(model: Any, side: int, steps: int) -> list[float]:
    """Seconds of each step but the first of guided UNet calls and scheduler steps, with nothing around them."""
    import torch
    from diffusers import DDIMScheduler

    place = model.placement
    scheduler = DDIMScheduler.from_config(model.scheduler.config)
    scheduler.set_timesteps(steps, device=place.device)
    width = model.text_encoders[0].config.hidden_size
    embeddings = torch.randn(2, 77, width, device=place.device, dtype=place.dtype)
    latents = torch.randn(1, 4, side // 8, side // 8, device=place.device)
    marks: list[float] = []
    with torch.no_grad():
        for timestep in scheduler.timesteps:
            both = torch.cat([latents] * 2).to(place.dtype)
            negative, text = model.unet(both, timestep, embeddings, return_dict=False)[0].float().chunk(2)
            prediction = negative + GUIDANCE * (text - negative)
            latents = scheduler.step(prediction, timestep, latents, return_dict=False)[0]
            finish_queue()
            marks.append(perf_counter())
    return gaps(marks)


def finish_queue() -> None:
    """Wait until the GPU, if there is one, has done all that it was told."""
    import torch

    if torch.cuda.is_available():
        torch.cuda.synchronize()


ARMS: dict[str, Callable[[Path, int, int], Arm]] = {
    "diffusers": diffusers_arm("float32"),
    "diffusers bfloat16": diffusers_arm("bfloat16"),
    "sd_core": engine_arm,
}


def wanted_arms() -> list[str]:
    """The names of the arms that this machine runs in sensible time: where the engine shuns bfloat16, it is emulated."""
    import torch

    from sd_core.devices import choose_placement

    emulated = choose_placement().dtype is torch.float32
    return [name for name in ARMS if not (emulated and name == "diffusers bfloat16")]


def in_new_process(work: Callable[[Path], None], folder: Path) -> None:
    """Run `work`, whose memory goes back to the machine with its process."""
    process = multiprocessing.get_context("spawn").Process(target=work, args=(folder,))
    process.start()
    process.join()
    if process.exitcode:
        raise SystemExit(f"{work.__name__} ended with status {process.exitcode}")


def write_tiny(folder: Path) -> None:
    """The tests' tiny pipeline."""
    from tests.tiny import TinyKind, tiny_pipeline

    tiny_pipeline(TinyKind.SD1, folder)


def write_full_size(folder: Path) -> None:
    """A pipeline of Stable Diffusion 1.5's shapes with random weights, in half precision to spare the disk."""
    import torch
    from diffusers import AutoencoderKL, PNDMScheduler, StableDiffusionPipeline, UNet2DConditionModel
    from transformers import CLIPTextConfig, CLIPTextModel

    from tests.tiny import tiny_tokenizer

    with torch.device("meta"):
        unet = UNet2DConditionModel(sample_size=64, cross_attention_dim=768, attention_head_dim=8)
        vae = AutoencoderKL(
            block_out_channels=(128, 256, 512, 512),
            down_block_types=("DownEncoderBlock2D",) * 4,
            up_block_types=("UpDecoderBlock2D",) * 4,
            layers_per_block=2,
            latent_channels=4,
            sample_size=512,
        )
    tokenizer = tiny_tokenizer(folder / "tokenizer")
    text = CLIPTextConfig(
        hidden_size=768,
        intermediate_size=3072,
        num_hidden_layers=12,
        num_attention_heads=12,
        vocab_size=49408,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
    )
    StableDiffusionPipeline(
        vae=random_weights(vae),
        text_encoder=CLIPTextModel(text).to(torch.bfloat16),
        tokenizer=tokenizer,
        unet=random_weights(unet),
        scheduler=PNDMScheduler(
            beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", skip_prk_steps=True, steps_offset=1
        ),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    ).save_pretrained(folder)


def random_weights(network: Any) -> Any:
    """Give a network on the meta device weights: one block of noise over and over, which is cheap, scaled to its inputs."""
    import torch

    network = network.to(torch.bfloat16).to_empty(device="cpu")
    block = torch.randn(1 << 20, generator=torch.Generator().manual_seed(0)).to(torch.bfloat16)
    for name, parameter in network.named_parameters():
        flat = parameter.data.view(-1)
        if parameter.ndim == 1:
            flat.fill_(float(name.endswith("weight")))
            continue
        for start in range(0, len(flat), len(block)):
            piece = flat[start : start + len(block)]
            piece.copy_(block[: len(piece)])
        flat.mul_((len(flat) / len(parameter)) ** -0.5)
    return network


if __name__ == "__main__":
    raise SystemExit(main())
