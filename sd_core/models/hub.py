"""Files from the Hugging Face hub: what is on this machine is used as it is, the rest is fetched unless offline."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sd_core.errors import ModelMismatch, ModelNotFound

from .configurations import UNUSED_COMPONENTS
from .files import check_folder
from .folder import read_index
from .formats import pickles_allowed
from .libraries import pipeline_class, quiet_libraries

HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/(?![\w.-]*\.(?:safetensors|ckpt|pt|pth|bin)$)[\w.-]+")


def is_offline(offline: bool | None) -> bool:
    """`offline`, or what the environment variable HF_HUB_OFFLINE says where it is None."""
    from huggingface_hub.constants import is_offline_mode

    return is_offline_mode() if offline is None else offline


def cached_snapshot(hub_id: str) -> Path | None:
    """The folder of what was fetched of a repository, whole or not; None if nothing was."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, IncompleteSnapshotError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(hub_id, local_files_only=True))
    except IncompleteSnapshotError as error:
        # By the hub's measure: we never fetch all files of a repository.
        return Path(error.snapshot_path)
    except (LocalEntryNotFoundError, HFValidationError):
        return None


def cached_pipeline(hub_id: str, *, without: tuple[str, ...] = ()) -> Path | None:
    """The folder of a pipeline that is on this machine with all its parts but `without`, else None."""
    folder = cached_snapshot(hub_id)
    if folder is None:
        return None
    try:
        check_folder(folder, read_index(folder), without=without)
    except ModelNotFound:
        return None
    return folder


def fetch_pipeline(
    name: str, hub_id: str, *, variant: str | None = None, offline: bool | None = None, without: tuple[str, ...] = ()
) -> Path:
    """The folder of a pipeline, fetched where parts of it are missing.

    Args:
        name: for messages.
        hub_id: "owner/name".
        variant: "fp16" where the smaller files are wanted; plain ones are taken where there is no such variant.
        offline: fetch nothing; None: as HF_HUB_OFFLINE says.
        without: parts to leave out.

    Raises:
        ModelNotFound: not on the hub, or offline with files missing; names them.
    """
    cached = cached_pipeline(hub_id, without=without)
    if cached is not None:
        return cached
    if is_offline(offline):
        raise _incomplete(name, hub_id, without)
    return download_pipeline(name, hub_id, variant=variant, without=without)


def download_pipeline(name: str, hub_id: str, *, variant: str | None = None, without: tuple[str, ...] = ()) -> Path:
    """Fetch the newest files of a pipeline.

    Raises:
        ModelNotFound: not on the hub, or no network.
    """
    from huggingface_hub import model_info

    cls = pipeline_class("DiffusionPipeline")
    skipped = dict.fromkeys((*UNUSED_COMPONENTS, *without))
    # None: safetensors where there are any, else pickles
    safetensors_only = None if pickles_allowed() else True
    with _explaining(name, hub_id), quiet_libraries():
        # diffusers takes any refusal for a missing network; asking first tells them apart.
        model_info(hub_id)
        try:
            return Path(cls.download(hub_id, variant=variant, use_safetensors=safetensors_only, **skipped))
        except ValueError:
            if variant is None:
                raise
            return Path(cls.download(hub_id, use_safetensors=safetensors_only, **skipped))


def fetch_network(name: str, hub_id: str, *, offline: bool | None = None) -> Path:
    """The folder of a repository with one network of transformers: its weights and configurations, and nothing else of it.

    Raises:
        ModelNotFound: no such repository, or offline and nothing of it is on this machine.
    """
    from huggingface_hub import snapshot_download

    if is_offline(offline):
        folder = cached_snapshot(hub_id)
        if folder is None:
            raise _missing(name, [hub_id])
        return folder
    weights = ("*.safetensors", "*.bin") if pickles_allowed() else ("*.safetensors",)
    with _explaining(name, hub_id):
        return Path(snapshot_download(hub_id, allow_patterns=["*.json", *(f"*model{kind}" for kind in weights)]))


def fetch_file(name: str, hub_id: str, file: str, *, offline: bool | None = None) -> Path:
    """One file of a repository.

    Raises:
        ModelNotFound: no such file, or offline and not on this machine.
    """
    from huggingface_hub import hf_hub_download

    cached = cached_file(hub_id, file)
    if cached is not None:
        return cached
    if is_offline(offline):
        raise _missing(name, [f"{hub_id}/{file}"])
    with _explaining(name, hub_id):
        return Path(hf_hub_download(hub_id, file))


def cached_file(hub_id: str, file: str) -> Path | None:
    """One file of a repository if it is on this machine."""
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        cached = try_to_load_from_cache(hub_id, file)
    except HFValidationError:
        return None
    return Path(cached) if isinstance(cached, str) else None


def list_files(name: str, hub_id: str, *, offline: bool | None = None) -> list[str]:
    """Names of a repository's files: on the hub, or offline those that are on this machine.

    Raises:
        ModelNotFound: no such repository, or offline and nothing of it is here.
    """
    from huggingface_hub import list_repo_files

    if not is_offline(offline):
        with _explaining(name, hub_id):
            return list_repo_files(hub_id)
    folder = cached_snapshot(hub_id)
    if folder is None:
        raise _missing(name, [hub_id])
    return [path.relative_to(folder).as_posix() for path in sorted(folder.rglob("*")) if path.is_file()]


def _incomplete(name: str, hub_id: str, without: tuple[str, ...]) -> ModelNotFound:
    """The error that says which files of a pipeline are missing."""
    folder = cached_snapshot(hub_id)
    if folder is None:
        return _missing(name, [f"all of {hub_id}"])
    try:
        check_folder(folder, read_index(folder), without=without)
    except ModelNotFound as error:
        return ModelNotFound(name, f"offline, and of {hub_id} {error.message}", hint=_ONLINE.format(name=name))
    return _missing(name, [hub_id])


def _missing(name: str, files: list[str]) -> ModelNotFound:
    listed = ", ".join(files)
    return ModelNotFound(name, f"offline, and not on this machine: {listed}", hint=_ONLINE.format(name=name))


@contextmanager
def _explaining(name: str, hub_id: str) -> Iterator[None]:
    """Turn the hub's errors into ours."""
    import httpx2
    from huggingface_hub.errors import (
        EntryNotFoundError,
        GatedRepoError,
        HfHubHTTPError,
        HFValidationError,
        LocalEntryNotFoundError,
        RepositoryNotFoundError,
    )

    url = f"https://huggingface.co/{hub_id}"
    try:
        yield
    except GatedRepoError as error:
        raise ModelNotFound(name, f"{url} asks for a licence", hint="accept it there, then: hf auth login") from error
    except RepositoryNotFoundError as error:
        raise ModelNotFound(
            name, f"there is no {url}", hint="check the name, or for a private one: hf auth login"
        ) from error
    except LocalEntryNotFoundError as error:
        raise ModelNotFound(name, f"{url} cannot be reached", hint=_ONLINE.format(name=name)) from error
    except (EntryNotFoundError, HFValidationError, HfHubHTTPError) as error:
        raise ModelNotFound(name, f"{url}: {str(error).splitlines()[0]}", hint="check the name") from error
    except (httpx2.HTTPError, OSError) as error:
        raise ModelNotFound(name, f"{url} cannot be used ({error})", hint=_ONLINE.format(name=name)) from error
    except ValueError as error:
        # diffusers says so of pipelines with code of their own, and of those without safetensors
        reason = str(error).strip().splitlines()[0]
        hint = "use a Stable Diffusion 1.x, 2.x or XL of diffusers' own classes, in safetensors"
        raise ModelMismatch(f"{url} cannot be used: {reason}", hint=hint) from error


_ONLINE = "with a network: sd-core models pull {name}; or copy the model here and name its folder"
