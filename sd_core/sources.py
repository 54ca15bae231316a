"""The files that an animation or a mesh texture is made from: none may lie where frames or views are committed."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache, partial
from pathlib import Path

from .error_codes import ErrorCode
from .errors import RequestError
from .files import check_name
from .passes import frame_paths
from .requests import Request
from .trust import external_names
from .values import Role


def refuse_sources(request: Request, folder: Path) -> None:
    """Check that an output folder holds none of the files that a request is made from, under whatever name.

    Raises:
        OutputError: no folder can have such a name.
        RequestError: it does; names the file. Or no file is named like a pattern of the request.
    """
    check_name(folder)
    if not folder.is_dir():
        return
    within = cache(partial(_is_within, root=folder))
    for path in _files(request):
        # a frame may be a link, its folder too: both the place of the link and what it leads to are looked at
        inside = within(path.parent) or (path.is_symlink() and within(path.resolve().parent))
        if inside and path.is_file():
            raise RequestError(
                "output",
                f"{path} is what this is made from, and lies in the output folder {folder}",
                hint="choose another folder: what a result is made from is never overwritten",
                code=ErrorCode.OUTPUT_IS_SOURCE,
            )


def _files(request: Request) -> Iterator[Path]:
    """Paths that are read where they are there: frames, their sidecars, a video, a mesh."""
    for path in _named_files(request):
        yield path
        if path.suffix.lower() == ".exr":
            yield path.with_suffix(".json")


def _named_files(request: Request) -> Iterator[Path]:
    for name in (named.name for named in external_names(request) if named.role is Role.FILE):
        if "#" in Path(name).name and not Path(name).is_file():
            yield from frame_paths(name)
        else:
            yield Path(name)


def _is_within(folder: Path, root: Path) -> bool:
    """Whether `folder` is `root` or below it, whatever either is called: links, mounts, letters of another case."""
    real = folder.resolve()
    return any(above.is_dir() and above.samefile(root) for above in (real, *real.parents))
