"""Single weight files: given by path, by folder, or by hub id; their kind is recognised by their content."""

from __future__ import annotations

from pathlib import Path

from sd_core.errors import ModelMismatch, ModelNotFound

from .formats import ALLOW_PICKLE, check_format, pickles_allowed
from .hub import HUB_ID, fetch_file, list_files
from .local import local_path

# The names that diffusers itself writes come first where a folder holds several files.
_PREFERRED = ("pytorch_lora_weights.safetensors", "learned_embeds.safetensors")


def find_weights(name: str, *, offline: bool | None = None) -> Path:
    """A file of weights on this machine.

    Args:
        name: a file, a folder that holds one, "owner/repository" that holds one, or "owner/repository/file".
        offline: fetch nothing; None: as HF_HUB_OFFLINE says.

    Raises:
        ModelNotFound: no such file, or several to choose from.
        ModelMismatch: a pickle where none is allowed, or no file of weights.
    """
    path = local_path(name)
    if path.is_dir():
        path = path / _only_file(name, [file.name for file in sorted(path.glob("*.safetensors"))])
    if path.exists():
        check_format(path)
        return path
    parts = name.split("/")
    hub_id, file = "/".join(parts[:2]), "/".join(parts[2:])
    if not HUB_ID.fullmatch(hub_id) or path.is_absolute():
        raise ModelNotFound(name, "no such file", hint="name a .safetensors file, a folder, or owner/repository/file")
    chosen = file or _only_file(
        name, [f for f in list_files(name, hub_id, offline=offline) if f.endswith(".safetensors")]
    )
    if not chosen.endswith(".safetensors") and not pickles_allowed():
        hint = f"name a .safetensors file, or set {ALLOW_PICKLE}=1 in the environment of the engine"
        raise ModelMismatch(f"{name} is no .safetensors file, and nothing else is fetched from the hub", hint=hint)
    fetched = fetch_file(name, hub_id, chosen, offline=offline)
    check_format(fetched)
    return fetched


def _only_file(name: str, files: list[str]) -> str:
    preferred = [file for file in files if file in _PREFERRED] or files
    if len(preferred) == 1:
        return preferred[0]
    if not preferred:
        raise ModelNotFound(name, "there is no .safetensors file in it", hint="name another file or folder")
    raise ModelNotFound(name, f"several files to choose from: {', '.join(files)}", hint=f"name one: {name}/FILE")
