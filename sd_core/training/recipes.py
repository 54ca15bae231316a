"""What each stage prepares, trains and leaves behind."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn
from transformers import CLIPTokenizer

from sd_core.training.architecture import (
    build_autoencoder,
    build_controlnet,
    build_scheduler,
    build_text_encoder,
    build_unet,
)
from sd_core.training.autoencoder import AutoencoderTask, DecoderTask
from sd_core.training.batches import BatchSource
from sd_core.training.config import Stage, TrainConfig
from sd_core.training.data import vocabulary
from sd_core.training.embeddings import EMPTY, CaptionReader, cache_embeddings, distinct_captions
from sd_core.training.export import (
    load_autoencoder,
    load_controlnet,
    load_parts,
    load_text_encoder,
    save_part,
    save_parts,
    save_weights,
)
from sd_core.training.images import (
    CROP_BUCKETS,
    SCENE_BUCKETS,
    TEXTURE_BUCKETS,
    Bucket,
    Images,
    Label,
    generate,
    open_images,
)
from sd_core.training.latents import Latents, cache_latents, channel_statistics, fold_statistics, open_latents
from sd_core.training.loop import CHECKPOINT, Progress, Task
from sd_core.training.material_maps import MaterialMapsTask, build_maps, round_trip
from sd_core.training.parts import Parts
from sd_core.training.reading import learn_to_read
from sd_core.training.refit import Translation, refit
from sd_core.training.surfaces import SURFACE_BUCKETS, generate_surfaces, open_surfaces
from sd_core.training.text_to_image import ControlNetTask, TogetherTask, UNetTask
from sd_core.training.tokenizer import build_tokenizer

REFIT_CAPTIONS = 3000
"""Read by both text encoders where one takes the place of the other."""


@dataclass(frozen=True, slots=True)
class StageFiles:
    """Where a run keeps things: `out/model` is the model's folder, the rest are caches and checkpoints."""

    out: Path
    config: TrainConfig
    start: Path | None
    """A model whose weights the stage starts from; None: random weights, after what earlier stages left in `out/model`."""

    @property
    def model(self) -> Path:
        return self.out / "model"

    @property
    def stage(self) -> Path:
        return self.out / self.config.stage

    @property
    def base(self) -> Path:
        """The model folder that holds what earlier stages made."""
        return self.start or self.model

    @property
    def buckets(self) -> tuple[Bucket, ...]:
        """What the UNet or the ControlNet learns from."""
        return SCENE_BUCKETS if self.config.stage is Stage.CONTROLNET else (*TEXTURE_BUCKETS, *SCENE_BUCKETS)

    @property
    def embeddings(self) -> Path:
        """The cache of embedded captions."""
        return self.stage / "captions.npy"

    def captions(self) -> list[str]:
        """The captions that `embeddings` holds, in its order."""
        return distinct_captions(self.images("pictures", self.buckets))

    def reader(self, parts: Parts) -> CaptionReader:
        """The text encoder of `parts`, with the captions read before."""
        return CaptionReader.open(parts.text_encoder, parts.tokenizer, self.captions(), self.embeddings)

    def images(self, cache: str, buckets: tuple[Bucket, ...]) -> list[Images]:
        return [open_images(self.out / cache, bucket) for bucket in buckets]

    def latents(self, buckets: tuple[Bucket, ...]) -> list[Latents]:
        return open_latents(self.images("pictures", buckets), self.out / "pictures")

    def labels(self) -> list[Label]:
        """What is known of every picture."""
        return [label for images in self.images("pictures", self.buckets) for label in images.labels]

    def averages(self) -> dict[str, torch.Tensor]:
        """The averaged weights in this stage's checkpoint."""
        return torch.load(self.stage / CHECKPOINT, weights_only=True)["average"]


@dataclass(frozen=True, slots=True)
class Recipe:
    """One stage: `prepare` runs once, `task` in every process if there is one, `finish` once at the end."""

    prepare: Callable[[StageFiles], Iterator[Progress]]
    task: Callable[[StageFiles], Task] | None
    finish: Callable[[StageFiles], None]


def _generate(files: StageFiles, cache: str, buckets: tuple[Bucket, ...]) -> Iterator[Progress]:
    config = files.config
    for done, count in generate(
        files.out / cache, images=config.images, seed=config.seed, processes=config.processes, buckets=buckets
    ):
        yield Progress(stage=config.stage, phase="images", done=done, count=count)


def _crops(files: StageFiles) -> Iterator[Progress]:
    yield from _generate(files, "crops", CROP_BUCKETS)


def _pictures(files: StageFiles) -> Iterator[Progress]:
    buckets = files.buckets
    yield from _generate(files, "pictures", buckets)
    autoencoder = load_autoencoder(files.base)
    for done, count in cache_latents(autoencoder, files.images("pictures", buckets), files.out / "pictures"):
        yield Progress(stage=files.config.stage, phase="latents", done=done, count=count)


def _texts_and_pictures(files: StageFiles) -> Iterator[Progress]:
    yield from _pictures(files)
    yield from _embed(files)


def _embed(files: StageFiles) -> Iterator[Progress]:
    tokenizer = CLIPTokenizer.from_pretrained(files.base / "tokenizer")
    for done, count in cache_embeddings(load_text_encoder(files.base), tokenizer, files.captions(), files.embeddings):
        yield Progress(stage=files.config.stage, phase="embeddings", done=done, count=count)


def _read(files: StageFiles) -> Iterator[Progress]:
    """Leave a text encoder that can read in the stage's folder; what a model starts from keeps its tokenizer.

    There are no checkpoints: killed, it begins again, with the pictures that are there, and takes two minutes.
    """
    config = files.config
    yield from _generate(files, "pictures", files.buckets)
    if files.start is None:
        build_tokenizer(vocabulary(), files.model / "tokenizer").save_pretrained(files.model / "tokenizer")
    tokenizer = CLIPTokenizer.from_pretrained(files.base / "tokenizer")
    torch.manual_seed(config.seed)
    text_encoder = build_text_encoder(tokenizer, config.size)
    for done, right in enumerate(learn_to_read(text_encoder, tokenizer, files.labels(), config), 1):
        yield Progress(stage=config.stage, phase="train", done=done, count=config.steps, figures={"right": right})
    save_part(text_encoder, files.stage / "text_encoder")


def _finish_text_encoder(files: StageFiles) -> None:
    """Put the text encoder into the model, and what has learnt with another behind it."""
    files.model.mkdir(exist_ok=True)
    if files.start is not None:
        _refit(files, files.start)
    save_part(load_text_encoder(files.stage), files.model / "text_encoder")
    for path in files.out.glob(f"*/{files.embeddings.name}"):
        path.unlink()  # what another encoder said


def _refit(files: StageFiles, start: Path) -> None:
    """Fit the UNet and the ControlNet of `start` to the new text encoder, and put them into the model."""
    parts, controlnet, rng = load_parts(start), load_controlnet(start), np.random.default_rng(files.config.seed)
    labels = files.labels()
    captions = [str(rng.choice(labels[index]["captions"])) for index in rng.integers(len(labels), size=REFIT_CAPTIONS)]
    captions += [EMPTY] * (REFIT_CAPTIONS // 30)
    new = load_text_encoder(files.stage)
    translation = Translation.between(parts.text_encoder, new, parts.tokenizer, captions, rng)
    for network, name in ((parts.unet, "unet"), (controlnet, "controlnet")):
        refit(network, translation)
        save_part(network, files.model / name)


def _autoencoder_task(files: StageFiles) -> AutoencoderTask:
    autoencoder = load_autoencoder(files.start) if files.start else build_autoencoder(files.config.size)
    return AutoencoderTask(autoencoder, files.images("crops", CROP_BUCKETS))


def _finish_autoencoder(files: StageFiles) -> None:
    autoencoder = build_autoencoder(files.config.size).eval()
    _restore(autoencoder, files.averages(), "autoencoder")
    fold_statistics(autoencoder, *channel_statistics(autoencoder, files.images("crops", CROP_BUCKETS)))
    save_part(autoencoder, files.model / "vae")


def _decoder_task(files: StageFiles) -> DecoderTask:
    return DecoderTask(load_autoencoder(files.base), files.images("crops", CROP_BUCKETS), files.config.size)


def _finish_decoder(files: StageFiles) -> None:
    autoencoder = load_autoencoder(files.base)
    _restore(autoencoder, files.averages(), "autoencoder")
    save_part(autoencoder, files.model / "vae")


def _parts(files: StageFiles) -> Parts:
    if files.start:
        return load_parts(files.start)
    tokenizer = CLIPTokenizer.from_pretrained(files.model / "tokenizer")
    return Parts(
        autoencoder=load_autoencoder(files.model), unet=build_unet(files.config.size), scheduler=build_scheduler(),
        text_encoder=load_text_encoder(files.model), tokenizer=tokenizer,
    )  # fmt: skip


def _unet_task(files: StageFiles) -> UNetTask:
    parts = _parts(files)
    return UNetTask(
        parts, files.reader(parts), BatchSource(files.latents(TEXTURE_BUCKETS), files.latents(SCENE_BUCKETS))
    )


def _finish_unet(files: StageFiles) -> None:
    parts = _parts(files)
    _restore(parts.unet, files.averages(), "unet")
    save_parts(parts, files.model, vocabulary())


def _controlnet_task(files: StageFiles) -> ControlNetTask:
    parts = load_parts(files.base)
    controlnet = load_controlnet(files.start) if files.start else build_controlnet(parts.unet, files.config.size)
    return ControlNetTask(parts, files.reader(parts), controlnet, BatchSource((), files.latents(SCENE_BUCKETS)))


def _finish_controlnet(files: StageFiles) -> None:
    controlnet = build_controlnet(load_parts(files.base).unet, files.config.size)
    _restore(controlnet, files.averages(), "controlnet")
    save_part(controlnet, files.model / "controlnet")


def _together_task(files: StageFiles) -> TogetherTask:
    parts, source = load_parts(files.base), BatchSource(files.latents(TEXTURE_BUCKETS), files.latents(SCENE_BUCKETS))
    return TogetherTask(parts, files.reader(parts), load_controlnet(files.base), source)


def _finish_together(files: StageFiles) -> None:
    parts, controlnet, averages = load_parts(files.base), load_controlnet(files.base), files.averages()
    _restore(parts.unet, averages, "unet")
    _restore(controlnet, averages, "controlnet")
    save_parts(parts, files.model, vocabulary())
    save_part(controlnet, files.model / "controlnet")


def _surfaces(files: StageFiles) -> Iterator[Progress]:
    """Surfaces, and what the autoencoder makes of pictures of some of them."""
    config, autoencoder = files.config, load_autoencoder(files.base)
    for done, count in generate_surfaces(
        files.out / "surfaces",
        images=config.images,
        seed=config.seed,
        processes=config.processes,
        round_trip=lambda pictures: round_trip(autoencoder, pictures),
    ):
        yield Progress(stage=config.stage, phase="surfaces", done=done, count=count)


def _maps_task(files: StageFiles) -> MaterialMapsTask:
    surfaces = [open_surfaces(files.out / "surfaces", bucket) for bucket in SURFACE_BUCKETS]
    return MaterialMapsTask(build_maps(files.config.size), surfaces)


def _finish_maps(files: StageFiles) -> None:
    network = build_maps(files.config.size)
    _restore(network, files.averages(), "maps")
    save_weights(network, files.model / "maps")


def complete(files: StageFiles) -> None:
    """Copy what the model started from holds and `out/model` lacks, so that the result is a whole model."""
    if files.start is None:
        return
    for item in files.start.iterdir():
        target = files.model / item.name
        if item.is_dir() and not target.exists():
            shutil.copytree(item, target)
        elif item.is_file() and not target.exists():
            shutil.copyfile(item, target)


def _restore(network: nn.Module, averages: dict[str, torch.Tensor], name: str) -> None:
    prefix = f"{name}."
    network.load_state_dict(
        {key.removeprefix(prefix): value for key, value in averages.items() if key.startswith(prefix)}
    )


RECIPES: dict[Stage, Recipe] = {
    Stage.AUTOENCODER: Recipe(_crops, _autoencoder_task, _finish_autoencoder),
    Stage.DECODER: Recipe(_crops, _decoder_task, _finish_decoder),
    Stage.TEXT_ENCODER: Recipe(_read, None, _finish_text_encoder),
    Stage.UNET: Recipe(_texts_and_pictures, _unet_task, _finish_unet),
    Stage.CONTROLNET: Recipe(_texts_and_pictures, _controlnet_task, _finish_controlnet),
    Stage.TOGETHER: Recipe(_texts_and_pictures, _together_task, _finish_together),
    Stage.MAPS: Recipe(_surfaces, _maps_task, _finish_maps),
}
