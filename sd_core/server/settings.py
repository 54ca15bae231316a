"""How a server is set up."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import RequestError
from .identity import Identity

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
"""Names of this machine that nobody else can reach."""

_WILDCARDS = frozenset({"0.0.0.0", "::", ""})  # noqa: S104 - compared with, not bound to
_TOKEN = 16
"""Characters at least: of letters and digits made at random, 95 bits."""

_MEBIBYTE = 1024**2
_GIBIBYTE = 1024**3


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one client may ask for; more is refused with a reason.

    json_bytes, blob_bytes: size of a body.
    store_bytes: all blobs together; the least recently used go first, what a result was made from after the result, and what
        waiting jobs need never.
    jobs: waiting at the same time.
    prompt: characters.
    pixels: of the result, over all images.
    frames: of one animation.
    kept_jobs, kept_days: the finished jobs that the journal remembers, once a minute: the last so many, and none that ended
        before so many days. What they have made stays in the blob store until there is no room for it.
    """

    json_bytes: int = 4 * _MEBIBYTE
    blob_bytes: int = 512 * _MEBIBYTE
    store_bytes: int = 20 * _GIBIBYTE
    jobs: int = 10_000
    prompt: int = 10_000
    pixels: int = 256 * _MEBIBYTE
    frames: int = 10_000
    kept_jobs: int = 20_000
    kept_days: float = 365.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadlines:
    """Seconds after which an engine that shows no sign of life counts as hung.

    start: from the start of its process to the first message.
    load: without an event while a model is being loaded.
    step: without an event between two steps, or while decoding.
    silence: without a heartbeat, of a process that was stopped.
    stuck: without a heartbeat and without using the processor; on a busy machine a sound process may wait for its turn.
    busy: without a heartbeat although the processor is used (one native call that does not release the interpreter).
    """

    start: float = 300.0
    load: float = 3600.0
    step: float = 900.0
    silence: float = 2.0
    stuck: float = 20.0
    busy: float = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSettings:
    """All settings of `sd-core serve`.

    home: folder of journal, blobs, token and logs.
    host, port: where to listen; port 0 takes a free one.
    token: bearer token of the admin, at least 16 printable ASCII characters without spaces; empty: none is asked for, allowed on
        loopback only.
    tokens: further identities by the SHA-256 of their tokens, see `identity.read_tokens`.
    devices: one engine process each; ("auto",) is the best device and all others of its kind.
    dtype, model: as for `Engine`.
    allow_models: files, folders and hub ids that requests may name besides the catalogue and what `home` contains and approves.
    allow_hosts: further names under which the machine may be addressed.
    root_path: prefix that a proxy leaves in the paths, such as "/diffusion"; one that takes it away needs none.
    live_as_long_as_parent: stop when standard input is closed.
    new_journal: put a damaged journal aside and begin an empty one.
    start_held: start no waiting job until the queue is released, or the server is started without this.
    environment: variables set for the engine processes.
    """

    home: Path
    host: str = "127.0.0.1"
    port: int = 8765
    token: str = ""
    tokens: Mapping[str, Identity] = field(default_factory=dict)
    devices: tuple[str, ...] = ("auto",)
    dtype: str = "auto"
    model: str = "builtin"
    allow_models: tuple[str, ...] = ()
    allow_hosts: tuple[str, ...] = ()
    root_path: str = ""
    live_as_long_as_parent: bool = False
    new_journal: bool = False
    start_held: bool = False
    limits: Limits = field(default_factory=Limits)
    deadlines: Deadlines = field(default_factory=Deadlines)
    environment: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.token and not self.is_local:
            raise RequestError("token", f"is needed to listen on {self.host}", hint="give one, or listen on 127.0.0.1")
        if self.token:
            self._check_token()
        if self.tokens and not self.token:
            raise RequestError("tokens", "mean nothing to a server that asks for none", hint="leave out --no-token")
        if self.root_path and (not self.root_path.startswith("/") or self.root_path.endswith("/")):
            raise RequestError(
                "root_path", f"must begin with / and not end with it, got {self.root_path!r}", hint='"/sd"'
            )
        if not 0 <= self.port <= 65535:
            raise RequestError("port", f"must be from 0 to 65535, got {self.port}", hint="0 takes a free one")
        if not self.devices:
            raise RequestError("devices", "is empty", hint='use ("auto",)')

    def _check_token(self) -> None:
        if len(self.token) < _TOKEN or not all("!" <= letter <= "~" for letter in self.token):
            raise RequestError(
                "token",
                f"must have at least {_TOKEN} letters, digits and signs, and no spaces",
                hint="leave it out for a random one",
            )
        same = self.tokens.get(hashlib.sha256(self.token.encode()).hexdigest())
        if same is not None:
            # Its holder would be the admin, whatever the file says.
            raise RequestError("tokens", f"give {same.name} the token of the server itself", hint="make another one")

    @property
    def is_local(self) -> bool:
        """Whether only programs on this machine can connect."""
        return self.host in LOOPBACK

    @property
    def is_wildcard(self) -> bool:
        """Whether the server listens on every address of the machine."""
        return self.host in _WILDCARDS
