"""Who may speak to the server: the right host name, no page of another site, the right token, a body of a size that is read."""

from __future__ import annotations

from fastapi.responses import JSONResponse
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from ..errors import ServerError
from .connections import Connection
from .identity import ADMIN, Identities, Identity, Role
from .origins import Origins
from .settings import ServerSettings

DOCS = "/docs"
HEALTH, LIVE, METRICS = "/v1/health", "/v1/live", "/metrics"
_OPEN = frozenset({DOCS, "/openapi.json", LIVE})
"""The description of the interface, and that the process lives, hold nothing of anybody."""

_MONITORED = frozenset({HEALTH, METRICS})


class Guard:
    """ASGI middleware: refuses what `Origins` refuses, wrong tokens with 401, and forms of web pages with 415.

    The identity of the token is `scope["state"]["identity"]`; there is none where somebody without a token asks for what is
    open to all. A body that is announced as too large gets a reason with its 413; one that is not announced is cut off by
    FastAPI.
    """

    def __init__(self, app: ASGIApp, settings: ServerSettings) -> None:
        self._app = app
        self._origins = Origins(settings)
        self._identities = Identities(settings.token, settings.tokens) if settings.token else None
        self._limits = settings.limits
        self._root = settings.root_path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        self._strip(scope)
        refusal = self._refusal(scope, Headers(scope=scope))
        if refusal is None:
            await self._app(scope, receive, send)
            return
        response = JSONResponse(refusal.to_dict(), refusal.status)
        if refusal.status == 401:
            response.headers["WWW-Authenticate"] = "Bearer"
        await response(scope, receive, send)

    def _strip(self, scope: Scope) -> None:
        """A proxy may leave its own prefix in the path, or take it away."""
        if self._root and scope["path"].startswith(f"{self._root}/"):
            scope["path"] = scope["path"][len(self._root) :]

    def _refusal(self, scope: Scope, headers: Headers) -> ServerError | None:
        refusal = self._origins.refusal(headers, is_page=scope["method"] == "GET" and scope["path"] == DOCS)
        return refusal or self._stranger(scope, headers) or _form(scope, headers) or self._too_large(scope, headers)

    def _stranger(self, scope: Scope, headers: Headers) -> ServerError | None:
        if self._identities is None:
            scope["state"]["identity"] = ADMIN
            return _trust_connection(scope, ADMIN)
        sent = headers.get("authorization")
        identity = self._identities.find(_token(sent or ""))
        scope["state"]["identity"] = identity
        if identity is None:
            is_open = _is_open(scope["path"]) or (scope["path"] == HEALTH and sent is None)
            return None if is_open else _NO_TOKEN
        return _beyond_role(scope, identity) or _trust_connection(scope, identity)

    def _too_large(self, scope: Scope, headers: Headers) -> ServerError | None:
        limit = self._limits.blob_bytes if scope["path"].startswith("/v1/blobs/") else self._limits.json_bytes
        length = headers.get("content-length", "0")
        if (int(length) if length.isdecimal() else 0) > limit:
            return ServerError(f"a body may have {limit} bytes here", status=413, hint="send less at a time")
        return None


_NO_TOKEN = ServerError("the token is missing or wrong", status=401, hint="send Authorization: Bearer <token>")
_NO_JSON = ServerError("a body is JSON here", status=415, hint="send Content-Type: application/json")


def _is_open(path: str) -> bool:
    return path in _OPEN or path.startswith(f"{DOCS}/")


def _token(authorization: str) -> str:
    scheme, _, token = authorization.partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _beyond_role(scope: Scope, identity: Identity) -> ServerError | None:
    if identity.role is Role.MONITOR and scope["path"] not in _MONITORED and not _is_open(scope["path"]):
        return ServerError("this token is for health and metrics", status=403, hint="use the token of a user")
    return None


def _trust_connection(scope: Scope, identity: Identity) -> ServerError | None:
    """Tell the connection that it is no stranger's."""
    connection: Connection | None = scope["state"].get("connection")
    if connection is None or connection.trust(identity.name, is_admin=identity.is_admin):
        return None
    return ServerError(
        "half of all connections are yours already", status=429, hint="close some, or use one for several requests"
    )


def _form(scope: Scope, headers: Headers) -> ServerError | None:
    """What a page of another site can send without asking first is no JSON (WHATWG Fetch, CORS-safelisted request-header)."""
    if scope["method"] not in ("POST", "PATCH"):
        return None
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    is_empty = not kind and headers.get("content-length", "0") == "0" and "transfer-encoding" not in headers
    return None if kind == "application/json" or is_empty else _NO_JSON
