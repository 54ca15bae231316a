"""From a model's name to files on this machine."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from sd_core.errors import ModelNotFound

from .catalogue import BUILTIN, BUILTIN_FOLDER, CATALOGUE, Entry, known_hub_ids
from .formats import check_format
from .hub import HUB_ID, cached_file, cached_snapshot, fetch_file, fetch_pipeline
from .identity import Identity, identity
from .local import local_path

_SINGLE_FILES = (".safetensors", ".ckpt", ".pt", ".pth", ".bin")


@dataclass(frozen=True, slots=True)
class ModelSource:
    """Where a model's files are: a diffusers folder or a single file; `unet` stands for the folder's own where given."""

    name: str
    path: Path
    entry: Entry | None = None
    revision: str | None = None
    unet: Path | None = None


def find_source(name: str, *, allow_pickle: bool | None = None, offline: bool | None = None) -> ModelSource:
    """Find, and if need be fetch, the files of a model.

    The names of the catalogue, and its repositories on the hub, mean no folder that is called like them.

    Raises:
        ModelNotFound: no such model, or files are missing.
        ModelMismatch: a single file that is a pickle where none is allowed, or no file of weights.
    """
    if name in CATALOGUE:
        return _from_catalogue(CATALOGUE[name], offline)
    path = local_path(name)
    if name not in known_hub_ids() and path.exists():
        if not path.is_dir():
            check_format(path, allow_pickle=allow_pickle)
        return ModelSource(name, path)
    if HUB_ID.fullmatch(name) and path.suffix not in _SINGLE_FILES:
        entry = next((e for e in CATALOGUE.values() if e.hub_id == name and e.unet is None), None)
        folder = fetch_pipeline(name, name, variant=entry.variant if entry else None, offline=offline)
        return ModelSource(name, folder, entry, folder.name)
    raise ModelNotFound(name, hint=_suggestion(name))


def model_identity(name: str) -> Identity:
    """What the files are that the model's name stands for now; those that have not been fetched yet count as nothing."""
    path = local_path(name)
    if name in CATALOGUE:
        paths = _catalogue_files(CATALOGUE[name])
    elif name in known_hub_ids() or (HUB_ID.fullmatch(name) and not path.exists()):
        paths = [cached_snapshot(name)]
    else:
        paths = [path]
    return identity([path for path in paths if path is not None])


def _catalogue_files(entry: Entry) -> list[Path | None]:
    if entry.name == BUILTIN:
        return [BUILTIN_FOLDER]
    unet = cached_file(entry.unet.hub_id, entry.unet.file) if entry.unet else None
    return [cached_snapshot(entry.hub_id), unet]


def _from_catalogue(entry: Entry, offline: bool | None) -> ModelSource:
    if entry.name == BUILTIN:
        if not (BUILTIN_FOLDER / "model_index.json").is_file():
            raise ModelNotFound(
                BUILTIN, "its weights are not in this installation", hint="reinstall sd-core, or: sd-core train builtin"
            )
        return ModelSource(entry.name, BUILTIN_FOLDER, entry)
    without = ("unet",) if entry.unet else ()
    folder = fetch_pipeline(entry.name, entry.hub_id, variant=entry.variant, offline=offline, without=without)
    if entry.unet is None:
        return ModelSource(entry.name, folder, entry, folder.name)
    unet = fetch_file(entry.name, entry.unet.hub_id, entry.unet.file, offline=offline)
    return ModelSource(entry.name, folder, entry, folder.name, unet)


def _suggestion(name: str) -> str:
    close = get_close_matches(name, CATALOGUE, n=1)
    meant = f"did you mean {close[0]!r}? " if close else ""
    return f"{meant}name one of {', '.join(CATALOGUE)}, a hub id, a folder, or a .safetensors file"
