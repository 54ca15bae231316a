"""What models there are, and which of them are on this machine."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from sd_core.errors import ModelMismatch, ModelNotFound, RequestError

from .catalogue import BUILTIN, BUILTIN_FOLDER, CATALOGUE, CONTROLNETS, Entry
from .formats import Format, check_format
from .hub import HUB_ID, cached_pipeline, download_pipeline, fetch_file
from .lora_folder import lora_folder, names_in_folder
from .loras import family_of, is_inversion
from .model import Defaults, Family, UNetInput
from .tensors import read_shapes


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlNetInfo:
    """A ControlNet that is known for a model.

    `kind`: what its pictures show, a `ControlKind`. `name`: for `Control.model`; empty: it lies in the model's own folder.
    """

    kind: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelInfo:
    """A model that can be named in a request.

    `present`: all of it is on this machine. `size`: bytes there, also of what is there only in part. `controlnets`: those that
    are used where a control names none.
    """

    name: str
    hub_id: str
    family: Family | None
    unet_input: UNetInput | None
    defaults: Defaults | None
    licence: str
    about: str
    present: bool
    size: int
    controlnets: tuple[ControlNetInfo, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LoraInfo:
    """A file of the LoRA folder.

    `name`: for `Lora.path`. `family`: None where the file does not tell. `inversion`: a textual inversion. `size`: bytes.
    `problem`: why it cannot be used; empty: it can.
    """

    name: str
    family: Family | None
    inversion: bool
    size: int
    problem: str = ""


def list_models() -> list[ModelInfo]:
    """The catalogue, then pipelines of the hub's cache that it does not name."""
    sizes = _cached_sizes()
    known = [_info(entry, sizes) for entry in CATALOGUE.values()]
    named = {entry.hub_id for entry in CATALOGUE.values()}
    others = [hub_id for hub_id in sorted(sizes) if hub_id not in named and _is_whole(hub_id)]
    return known + [_info_of_cached(hub_id, sizes[hub_id]) for hub_id in others]


def list_loras() -> list[LoraInfo]:
    """The files of the LoRA folder, see `sd_core.models.lora_folder`; only their headers are read."""
    return [_lora(name) for name in names_in_folder()]


def show_model(name: str) -> ModelInfo:
    """Facts about one model, by name or hub id.

    Raises:
        ModelNotFound: neither in the catalogue nor on this machine.
    """
    found = next((info for info in list_models() if name in (info.name, info.hub_id)), None)
    if found is None:
        raise ModelNotFound(name, hint="see: sd-core models list")
    return found


def pull_model(name: str) -> Path:
    """Fetch the newest files of a model from the hub.

    Raises:
        ModelNotFound: no such model, or no network.
    """
    entry = CATALOGUE.get(name)
    if name == BUILTIN:
        return BUILTIN_FOLDER
    if entry is None:
        if not HUB_ID.fullmatch(name):
            raise ModelNotFound(name, hint="name a model of the catalogue (sd-core models list) or a hub id")
        return download_pipeline(name, name)
    if entry.unet is not None:
        fetch_file(name, entry.unet.hub_id, entry.unet.file)
    return download_pipeline(name, entry.hub_id, variant=entry.variant, without=("unet",) if entry.unet else ())


def remove_model(name: str) -> int:
    """Delete a model's files from the hub's cache; returns the bytes set free.

    Raises:
        RequestError: the built-in model, which belongs to the package.
        ModelNotFound: nothing of it is on this machine.
    """
    if name == BUILTIN:
        raise RequestError("name", "the built-in model is part of the package", hint="uninstall sd-core to remove it")
    from huggingface_hub import scan_cache_dir

    entry = CATALOGUE.get(name)
    hub_id = entry.hub_id if entry else name
    if not _cached_sizes().get(hub_id):
        raise ModelNotFound(name, "nothing of it is on this machine", hint="see: sd-core models list")
    cache = scan_cache_dir()
    # revisions are deleted by commit, and two repositories may share one: leave only this one to choose from
    own = frozenset(repo for repo in cache.repos if repo.repo_id == hub_id and repo.repo_type == "model")
    commits = [revision.commit_hash for repo in own for revision in repo.revisions]
    strategy = replace(cache, repos=own).delete_revisions(*commits)
    strategy.execute()
    return strategy.expected_freed_size


def _lora(name: str) -> LoraInfo:
    path = lora_folder() / name
    size = path.stat().st_size
    try:
        if check_format(path) is not Format.SAFETENSORS:
            return LoraInfo(name=name, family=None, inversion=False, size=size, problem="a pickle called .safetensors")
        shapes = read_shapes(path)
    except (ModelMismatch, ModelNotFound):
        return LoraInfo(name=name, family=None, inversion=False, size=size, problem="damaged, or no safetensors file")
    return LoraInfo(name=name, family=family_of(shapes), inversion=is_inversion(shapes), size=size)


def _cached_sizes() -> dict[str, int]:
    """Bytes on this machine by hub id."""
    from huggingface_hub import scan_cache_dir
    from huggingface_hub.errors import CacheNotFound

    try:
        return {repo.repo_id: repo.size_on_disk for repo in scan_cache_dir().repos if repo.repo_type == "model"}
    except CacheNotFound:
        return {}


def _info(entry: Entry, sizes: dict[str, int]) -> ModelInfo:
    builtin = entry.name == BUILTIN
    files = BUILTIN_FOLDER.rglob("*") if builtin else ()
    return ModelInfo(
        name=entry.name,
        hub_id=entry.hub_id,
        family=entry.family,
        unet_input=entry.unet_input,
        defaults=entry.defaults,
        licence=entry.licence,
        about=entry.about,
        present=_is_present(entry, sizes),
        size=sum(file.stat().st_size for file in files if file.is_file()) if builtin else sizes.get(entry.hub_id, 0),
        controlnets=tuple(
            ControlNetInfo(kind=kind, name=name)
            for kind, name in ({"depth": ""} if builtin else CONTROLNETS[entry.family]).items()
        ),
    )


def _is_present(entry: Entry, sizes: dict[str, int]) -> bool:
    if entry.name == BUILTIN:
        return (BUILTIN_FOLDER / "model_index.json").is_file()
    if entry.unet is not None and entry.unet.hub_id not in sizes:
        return False
    without = ("unet",) if entry.unet else ()
    return entry.hub_id in sizes and _is_whole(entry.hub_id, without)


def _is_whole(hub_id: str, without: tuple[str, ...] = ()) -> bool:
    """Whether a pipeline is here and can be loaded; if not, loading it by name gives the reason."""
    try:
        return cached_pipeline(hub_id, without=without) is not None
    except ModelMismatch:
        return False


def _info_of_cached(hub_id: str, size: int) -> ModelInfo:
    return ModelInfo(
        name=hub_id,
        hub_id=hub_id,
        family=None,
        unet_input=None,
        defaults=None,
        licence="see its page",
        about="in the hub's cache",
        present=True,
        size=size,
    )
