"""`sd-core backup`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sd_core.paths import home_folder

from .exits import say


def backup(
    target: Annotated[Path, typer.Argument(help="Folder that is created for the copy.")],
    home: Annotated[
        Path | None, typer.Option(help="Folder of the server, which may be running.", show_default="SD_CORE_HOME")
    ] = None,
) -> None:
    """Copy the jobs and the pictures of a server, while it runs; the copy is the home of a server."""
    from sd_core.server.backup import back_up

    copied = back_up(home or home_folder(), target)
    say(
        f"{target}: {copied.jobs} jobs, {copied.blobs} blobs, {copied.bytes / 1024**2:.1f} MiB; "
        f"look at it with: sd-core serve --home {target} --port 0 --hold"
    )
