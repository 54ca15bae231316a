"""`sd-core serve`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from sd_core.wire import Announcement, home_folder

_GIBIBYTE = 1024**3


def serve(  # noqa: PLR0913, PLR0917 - one for each option
    host: Annotated[str, typer.Option(help="Address to listen on; any but loopback needs a token.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 8765,
    token: Annotated[
        str | None, typer.Option(envvar="SD_CORE_TOKEN", help="Bearer token; made at random if left out.")
    ] = None,
    no_token: Annotated[bool, typer.Option("--no-token", help="Ask for none; on loopback only.")] = False,
    device: Annotated[
        list[str] | None, typer.Option(help="One engine each: cpu, cuda:0 ... The best ones if left out.")
    ] = None,
    dtype: Annotated[str, typer.Option(help="auto, float32, bfloat16 or float16.")] = "auto",
    model: Annotated[str, typer.Option(help="Used by requests that name none.")] = "builtin",
    allow_model: Annotated[
        list[str] | None, typer.Option(help="File, folder or hub id that requests may name.")
    ] = None,
    allow_host: Annotated[
        list[str] | None, typer.Option(help="Further name under which this machine is addressed.")
    ] = None,
    blob_space: Annotated[float, typer.Option(min=0.01, help="GiB on disk for arrays and results.")] = 20.0,
    home: Annotated[
        Path | None, typer.Option(help="Folder of journal, blobs and logs.", show_default="SD_CORE_HOME")
    ] = None,
    new_journal: Annotated[
        bool, typer.Option("--new-journal", help="Put a damaged journal aside, begin an empty one.")
    ] = False,
    live_as_long_as_parent: Annotated[
        bool, typer.Option("--live-as-long-as-parent", help="Stop when standard input is closed.")
    ] = False,
) -> None:
    """Serve Blender, notebooks and scripts, on this machine or over the network."""
    from sd_core.server.run import new_token
    from sd_core.server.run import serve as serve_forever
    from sd_core.server.settings import Limits, ServerSettings

    settings = ServerSettings(
        home=home or home_folder(),
        host=host,
        port=port,
        token="" if no_token else token or new_token(),
        devices=tuple(device or ["auto"]),
        dtype=dtype,
        model=model,
        allow_models=tuple(allow_model or ()),
        allow_hosts=tuple(allow_host or ()),
        live_as_long_as_parent=live_as_long_as_parent,
        new_journal=new_journal,
        limits=Limits(store_bytes=round(blob_space * _GIBIBYTE)),
    )
    serve_forever(settings, lambda announcement: _greet(announcement, settings.home))


def _greet(announcement: Announcement, home: Path) -> None:
    console = Console(soft_wrap=True, highlight=False)
    console.print(f"Serving on [bold]{announcement.url}[/bold], interface at {announcement.url}/docs")
    if announcement.token:
        console.print(f"Token {announcement.token}", markup=False)
    console.print(f"Programs of this user find both in {home / 'server.json'}; Ctrl-C stops the server", markup=False)
