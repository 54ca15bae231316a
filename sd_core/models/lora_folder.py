"""The folder of LoRAs and textual inversions: its files go by their names there, in every front end alike."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from sd_core.error_codes import ErrorCode
from sd_core.errors import ModelNotFound
from sd_core.paths import home_folder

from .local import local_path
from .weights import find_weights

_SUFFIX = ".safetensors"


def lora_folder() -> Path:
    """`loras` in `SD_CORE_HOME`, else in the platform's folder for user data; it need not exist."""
    return home_folder() / "loras"


def names_in_folder() -> list[str]:
    """Names for `Lora.path` of the files in the folder and below it, with "/" between folders."""
    folder = lora_folder()
    names = (path.relative_to(folder).as_posix() for path in folder.rglob(f"*{_SUFFIX}") if path.is_file())
    return sorted(names, key=str.casefold)


def find_lora(name: str) -> Path:
    """The file of a LoRA or textual inversion: a path, a name in the LoRA folder, or on the hub, in this order.

    Raises:
        ModelNotFound: no such file.
        ModelMismatch: a pickle where none is allowed, or no file of weights.
    """
    inner = PurePosixPath(name)
    path = lora_folder() / inner
    # PurePosixPath drops the "./" by which a user says that a path is meant
    path_meant = inner.is_absolute() or ".." in inner.parts or name.startswith(("./", "~"))
    if path_meant or local_path(name).exists():
        return find_weights(name)
    if path.is_file() and path.suffix == _SUFFIX:
        return find_weights(str(path))
    if len(inner.parts) == 1 and inner.suffix == _SUFFIX:
        hint = "put it there, or name a file with its whole path"
        raise ModelNotFound(name, "is not in the LoRA folder", hint=hint, code=ErrorCode.LORA_NOT_FOUND)
    return find_weights(name)
