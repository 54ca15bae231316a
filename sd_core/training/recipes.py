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
from sd_core.training.batches import Source
from sd_core.training.config import Stage, TrainConfig
from sd_core.training.data import vocabulary
from sd_core.training.embeddings import EMPTY, Reader, cache_embeddings, known_captions
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
class Workshop:
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
        return known_captions(self.images("pictures", self.buckets))

    def reader(self, parts: Parts) -> Reader:
        """The text encoder of `parts`, with the captions read before."""
        return Reader.open(parts.text_encoder, parts.tokenizer, self.captions(), self.embeddings)

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

    prepare: Callable[[Workshop], Iterator[Progress]]
    task: Callable[[Workshop], Task] | None
    finish: Callable[[Workshop], None]


def _generate(shop: Workshop, cache: str, buckets: tuple[Bucket, ...]) -> Iterator[Progress]:
    config = shop.config
    for done, count in generate(
        shop.out / cache, images=config.images, seed=config.seed, processes=config.processes, buckets=buckets
    ):
        yield Progress(stage=config.stage, phase="images", done=done, count=count)


def _crops(shop: Workshop) -> Iterator[Progress]:
    yield from _generate(shop, "crops", CROP_BUCKETS)


def _pictures(shop: Workshop) -> Iterator[Progress]:
    buckets = shop.buckets
    yield from _generate(shop, "pictures", buckets)
    autoencoder = load_autoencoder(shop.base)
    for done, count in cache_latents(autoencoder, shop.images("pictures", buckets), shop.out / "pictures"):
        yield Progress(stage=shop.config.stage, phase="latents", done=done, count=count)


def _texts_and_pictures(shop: Workshop) -> Iterator[Progress]:
    yield from _pictures(shop)
    yield from _embed(shop)


def _embed(shop: Workshop) -> Iterator[Progress]:
    tokenizer = CLIPTokenizer.from_pretrained(shop.base / "tokenizer")
    for done, count in cache_embeddings(load_text_encoder(shop.base), tokenizer, shop.captions(), shop.embeddings):
        yield Progress(stage=shop.config.stage, phase="embeddings", done=done, count=count)


def _read(shop: Workshop) -> Iterator[Progress]:
    """Leave a text encoder that can read in the stage's folder; what a model starts from keeps its tokenizer.

    There are no checkpoints: killed, it begins again, with the pictures that are there, and takes two minutes.
    """
    config = shop.config
    yield from _generate(shop, "pictures", shop.buckets)
    if shop.start is None:
        build_tokenizer(vocabulary(), shop.model / "tokenizer").save_pretrained(shop.model / "tokenizer")
    tokenizer = CLIPTokenizer.from_pretrained(shop.base / "tokenizer")
    torch.manual_seed(config.seed)
    text_encoder = build_text_encoder(tokenizer, config.size)
    for done, right in enumerate(learn_to_read(text_encoder, tokenizer, shop.labels(), config), 1):
        yield Progress(stage=config.stage, phase="train", done=done, count=config.steps, figures={"right": right})
    save_part(text_encoder, shop.stage / "text_encoder")


def _finish_text_encoder(shop: Workshop) -> None:
    """Put the text encoder into the model, and what has learnt with another behind it."""
    shop.model.mkdir(exist_ok=True)
    if shop.start is not None:
        _refit(shop, shop.start)
    save_part(load_text_encoder(shop.stage), shop.model / "text_encoder")
    for path in shop.out.glob(f"*/{shop.embeddings.name}"):
        path.unlink()  # what another encoder said


def _refit(shop: Workshop, start: Path) -> None:
    """Fit the UNet and the ControlNet of `start` to the new text encoder, and put them into the model."""
    parts, controlnet, rng = load_parts(start), load_controlnet(start), np.random.default_rng(shop.config.seed)
    labels = shop.labels()
    captions = [str(rng.choice(labels[index]["captions"])) for index in rng.integers(len(labels), size=REFIT_CAPTIONS)]
    captions += [EMPTY] * (REFIT_CAPTIONS // 30)
    new = load_text_encoder(shop.stage)
    translation = Translation.between(parts.text_encoder, new, parts.tokenizer, captions, rng)
    for network, name in ((parts.unet, "unet"), (controlnet, "controlnet")):
        refit(network, translation)
        save_part(network, shop.model / name)


def _autoencoder_task(shop: Workshop) -> AutoencoderTask:
    autoencoder = load_autoencoder(shop.start) if shop.start else build_autoencoder(shop.config.size)
    return AutoencoderTask(autoencoder, shop.images("crops", CROP_BUCKETS))


def _finish_autoencoder(shop: Workshop) -> None:
    autoencoder = build_autoencoder(shop.config.size).eval()
    _restore(autoencoder, shop.averages(), "autoencoder")
    fold_statistics(autoencoder, *channel_statistics(autoencoder, shop.images("crops", CROP_BUCKETS)))
    save_part(autoencoder, shop.model / "vae")


def _decoder_task(shop: Workshop) -> DecoderTask:
    return DecoderTask(load_autoencoder(shop.base), shop.images("crops", CROP_BUCKETS), shop.config.size)


def _finish_decoder(shop: Workshop) -> None:
    autoencoder = load_autoencoder(shop.base)
    _restore(autoencoder, shop.averages(), "autoencoder")
    save_part(autoencoder, shop.model / "vae")


def _parts(shop: Workshop) -> Parts:
    if shop.start:
        return load_parts(shop.start)
    tokenizer = CLIPTokenizer.from_pretrained(shop.model / "tokenizer")
    return Parts(
        autoencoder=load_autoencoder(shop.model), unet=build_unet(shop.config.size), scheduler=build_scheduler(),
        text_encoder=load_text_encoder(shop.model), tokenizer=tokenizer,
    )  # fmt: skip


def _unet_task(shop: Workshop) -> UNetTask:
    parts = _parts(shop)
    return UNetTask(parts, shop.reader(parts), Source(shop.latents(TEXTURE_BUCKETS), shop.latents(SCENE_BUCKETS)))


def _finish_unet(shop: Workshop) -> None:
    parts = _parts(shop)
    _restore(parts.unet, shop.averages(), "unet")
    save_parts(parts, shop.model, vocabulary())


def _controlnet_task(shop: Workshop) -> ControlNetTask:
    parts = load_parts(shop.base)
    controlnet = load_controlnet(shop.start) if shop.start else build_controlnet(parts.unet, shop.config.size)
    return ControlNetTask(parts, shop.reader(parts), controlnet, Source((), shop.latents(SCENE_BUCKETS)))


def _finish_controlnet(shop: Workshop) -> None:
    controlnet = build_controlnet(load_parts(shop.base).unet, shop.config.size)
    _restore(controlnet, shop.averages(), "controlnet")
    save_part(controlnet, shop.model / "controlnet")


def _together_task(shop: Workshop) -> TogetherTask:
    parts, source = load_parts(shop.base), Source(shop.latents(TEXTURE_BUCKETS), shop.latents(SCENE_BUCKETS))
    return TogetherTask(parts, shop.reader(parts), load_controlnet(shop.base), source)


def _finish_together(shop: Workshop) -> None:
    parts, controlnet, averages = load_parts(shop.base), load_controlnet(shop.base), shop.averages()
    _restore(parts.unet, averages, "unet")
    _restore(controlnet, averages, "controlnet")
    save_parts(parts, shop.model, vocabulary())
    save_part(controlnet, shop.model / "controlnet")


def _surfaces(shop: Workshop) -> Iterator[Progress]:
    """Surfaces, and what the autoencoder makes of pictures of some of them."""
    config, autoencoder = shop.config, load_autoencoder(shop.base)
    for done, count in generate_surfaces(
        shop.out / "surfaces",
        images=config.images,
        seed=config.seed,
        processes=config.processes,
        round_trip=lambda pictures: round_trip(autoencoder, pictures),
    ):
        yield Progress(stage=config.stage, phase="surfaces", done=done, count=count)


def _maps_task(shop: Workshop) -> MaterialMapsTask:
    surfaces = [open_surfaces(shop.out / "surfaces", bucket) for bucket in SURFACE_BUCKETS]
    return MaterialMapsTask(build_maps(shop.config.size), surfaces)


def _finish_maps(shop: Workshop) -> None:
    network = build_maps(shop.config.size)
    _restore(network, shop.averages(), "maps")
    save_weights(network, shop.model / "maps")


def complete(shop: Workshop) -> None:
    """Copy what the model started from holds and `out/model` lacks, so that the result is a whole model."""
    if shop.start is None:
        return
    for item in shop.start.iterdir():
        target = shop.model / item.name
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
