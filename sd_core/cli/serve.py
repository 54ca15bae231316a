"""`sd-core serve`."""

from __future__ import annotations

import re
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer
from rich.console import Console

from sd_core.errors import RequestError
from sd_core.paths import home_folder
from sd_core.server.stop import Stop
from sd_core.wire import Announcement

from .exits import CANCELLED, say

if TYPE_CHECKING:
    from sd_core.server.identity import Identity
    from sd_core.server.settings import ServerSettings

_DEVICE = re.compile(r"auto|(cpu|cuda|mps)(:\d{1,3})?")
_GIBIBYTE = 1024**3
_SEEN_BY_OTHERS = (
    "Bearer token; made at random if left out. Other users can read it in the list of processes: better in the "
    "environment, or in a file."
)

_Token: TypeAlias = Annotated[str | None, typer.Option(envvar="SD_CORE_TOKEN", help=_SEEN_BY_OTHERS)]
_TokenFile: TypeAlias = Annotated[
    Path | None, typer.Option(help="File with the token; no other user may be able to read it.")
]
_TokensFile: TypeAlias = Annotated[
    Path | None, typer.Option(help="TOML file with the tokens of further users; see docs/administration.md.")
]
_RootPath: TypeAlias = Annotated[str, typer.Option(help="Prefix that a proxy leaves in the paths, such as /diffusion.")]
_Home: TypeAlias = Annotated[
    Path | None, typer.Option(help="Folder of journal, blobs and logs.", show_default="SD_CORE_HOME")
]
_Hold: TypeAlias = Annotated[bool, typer.Option("--hold", help="Start no job before the queue is released.")]
_NewJournal: TypeAlias = Annotated[
    bool, typer.Option("--new-journal", help="Set a damaged journal aside and begin an empty one.")
]
_WithParent: TypeAlias = Annotated[
    bool, typer.Option("--live-as-long-as-parent", help="Stop when standard input is closed.")
]


def serve(  # noqa: PLR0913, PLR0917 - one for each option
    ctx: typer.Context,
    host: Annotated[str, typer.Option(help="Address to listen on; any but loopback needs a token.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0: a free one.")] = 8765,
    token: _Token = None,
    token_file: _TokenFile = None,
    tokens_file: _TokensFile = None,
    no_token: Annotated[bool, typer.Option("--no-token", help="Require no token; on loopback only.")] = False,
    device: Annotated[
        list[str] | None, typer.Option(help="One engine for each device: cpu, cuda:0 ...; by default the best ones.")
    ] = None,
    dtype: Annotated[str, typer.Option(help="auto, float32, bfloat16 or float16.")] = "auto",
    model: Annotated[str, typer.Option(help="Model of requests that name none.")] = "builtin",
    allow_model: Annotated[
        list[str] | None, typer.Option(help="File, folder or Hugging Face id that requests may name.")
    ] = None,
    allow_host: Annotated[list[str] | None, typer.Option(help="Another host name of this machine.")] = None,
    root_path: _RootPath = "",
    blob_space: Annotated[float, typer.Option(min=0.01, help="GiB on disk for arrays and results.")] = 20.0,
    home: _Home = None,
    hold: _Hold = False,
    new_journal: _NewJournal = False,
    live_as_long_as_parent: _WithParent = False,
) -> None:
    """Serve Blender, notebooks and scripts, on this machine or over the network."""
    stop = Stop()
    with stop.on_signals():
        from sd_core.server.settings import Limits, ServerSettings

        settings = ServerSettings(
            home=_home_folder(home),
            host=host,
            port=port,
            token="" if no_token else _token(ctx, token, token_file),
            tokens=_tokens(tokens_file),
            devices=_devices(device or ["auto"]),
            dtype=dtype,
            model=_model(model),
            allow_models=tuple(allow_model or ()),
            allow_hosts=tuple(allow_host or ()),
            root_path=root_path,
            live_as_long_as_parent=live_as_long_as_parent,
            start_held=hold,
            new_journal=new_journal,
            limits=Limits(store_bytes=round(blob_space * _GIBIBYTE)),
        )
        _run(settings, stop)


def _home_folder(option: Path | None) -> Path:
    # An empty text, such as of a variable that is not set, has become the current folder.
    if option is not None and option == Path():
        raise RequestError("home", "names no folder", hint="leave --home out, or name a folder of the server's own")
    return option or home_folder()


def _devices(options: list[str]) -> tuple[str, ...]:
    for device in options:
        if not _DEVICE.fullmatch(device):
            raise RequestError("device", f"is no device: {device!r:.80}", hint="auto, cpu, cuda:0 or mps")
    return tuple(options)


def _model(option: str) -> str:
    """Names are looked up by the engine; that a path leads nowhere can be reported now."""
    is_path = option.startswith((".", "~")) or Path(option).is_absolute()
    if not option or (is_path and not Path(option).expanduser().exists()):
        raise RequestError(
            "model", f"is not there: {option!r:.300}", hint="name a file, a folder, or a model of `sd-core models`"
        )
    return option


def _run(settings: ServerSettings, stop: Stop) -> None:
    from sd_core.server.serve import serve as serve_forever

    serve_forever(settings, lambda announcement: _greet(announcement, settings.home), stop)
    if stop.signal is signal.SIGINT:
        raise typer.Exit(CANCELLED)


def _token(ctx: typer.Context, option: str | None, file: Path | None) -> str:
    from sd_core.server.identity import read_secret
    from sd_core.server.serve import new_token

    source = ctx.get_parameter_source("token")
    if source is not None and source.name == "COMMANDLINE":
        typer.echo("warning: other users can read --token in the list of processes; use SD_CORE_TOKEN", err=True)
    if file is None:
        return option or new_token()
    token = read_secret(file).strip()
    if not token:
        raise RequestError("token_file", "holds no token", hint="one line of at least 16 letters and digits")
    return token


def _tokens(file: Path | None) -> dict[str, Identity]:
    from sd_core.server.identity import read_tokens

    return {} if file is None else read_tokens(file)


def _greet(announcement: Announcement, home: Path) -> None:
    console = Console(soft_wrap=True, highlight=False)
    console.print(f"Serving on [bold]{announcement.url}[/bold], interface at {announcement.url}/docs")
    # What is redirected ends in a log, which lives longer than the token is meant to be known.
    if announcement.token and console.is_terminal:
        console.print(f"Token {announcement.token}", markup=False)
    path = home / "server.json"
    say(f"Programs of this user find it and its token in {path}; Ctrl-C stops the server")
