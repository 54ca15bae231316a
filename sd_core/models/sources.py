"""From a model's name to files on this machine."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from sd_core.errors import ModelNotFound

from .catalogue import BUILTIN, BUILTIN_FOLDER, CATALOGUE, Entry
from .files import check_format
from .hub import HUB_ID, fetch_file, fetch_pipeline

_SINGLE_FILES = (".safetensors", ".ckpt", ".pt", ".pth", ".bin")


@dataclass(frozen=True, slots=True)
class Source:
    """Where a model's files are: a diffusers folder or a single file; `unet` stands for the folder's own where given."""

    name: str
    path: Path
    entry: Entry | None = None
    revision: str | None = None
    unet: Path | None = None


def find_source(name: str, *, allow_pickle: bool = False, offline: bool | None = None) -> Source:
    """Find, and if need be fetch, the files of a model.

    Raises:
        ModelNotFound: no such model, or files are missing.
        ModelMismatch: a pickle, and pickles are not allowed.
    """
    if name in CATALOGUE:
        return _from_catalogue(CATALOGUE[name], offline)
    path = Path(name).expanduser()
    check_format(path, allow_pickle=allow_pickle)
    if path.exists():
        return Source(name, path)
    if HUB_ID.fullmatch(name) and path.suffix not in _SINGLE_FILES:
        entry = next((e for e in CATALOGUE.values() if e.hub_id == name and e.unet is None), None)
        folder = fetch_pipeline(name, name, variant=entry.variant if entry else None, offline=offline)
        return Source(name, folder, entry, folder.name)
    raise ModelNotFound(name, hint=_suggestion(name))


def _from_catalogue(entry: Entry, offline: bool | None) -> Source:
    if entry.name == BUILTIN:
        if not (BUILTIN_FOLDER / "model_index.json").is_file():
            raise ModelNotFound(
                BUILTIN, "its weights are not in this installation", hint="reinstall sd-core, or: sd-core train builtin"
            )
        return Source(entry.name, BUILTIN_FOLDER, entry)
    without = ("unet",) if entry.unet else ()
    folder = fetch_pipeline(entry.name, entry.hub_id, variant=entry.variant, offline=offline, without=without)
    if entry.unet is None:
        return Source(entry.name, folder, entry, folder.name)
    unet = fetch_file(entry.name, entry.unet.hub_id, entry.unet.file, offline=offline)
    return Source(entry.name, folder, entry, folder.name, unet)


def _suggestion(name: str) -> str:
    close = get_close_matches(name, CATALOGUE, n=1)
    meant = f"did you mean {close[0]!r}? " if close else ""
    return f"{meant}name one of {', '.join(CATALOGUE)}, a hub id, a folder, or a .safetensors file"
