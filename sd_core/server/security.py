"""Who may speak to the server: the right host name, the right token."""

from __future__ import annotations

import ipaddress
import secrets
import socket
from urllib.parse import urlsplit

from fastapi.responses import JSONResponse
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from ..errors import ServerError
from .settings import LOOPBACK, ServerSettings

_OPEN_PATHS = frozenset({"/docs", "/openapi.json"})
"""The description of the interface holds nothing of anybody."""


class Guard:
    """ASGI middleware: refuses foreign host names (DNS rebinding) with 421, wrong tokens with 401.

    A body that is announced as too large gets a reason with its 413; one that is not announced is cut off by FastAPI.
    """

    def __init__(self, app: ASGIApp, settings: ServerSettings) -> None:
        self._app = app
        self._token = settings.token.encode()
        self._hosts = _host_names(settings)
        self._limits = settings.limits
        self._any_address = settings.is_wildcard

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        refusal = self._refusal(scope) if scope["type"] == "http" else None
        if refusal is None:
            await self._app(scope, receive, send)
        else:
            response = JSONResponse(refusal.to_dict(), refusal.status)
            if refusal.status == 401:
                response.headers["WWW-Authenticate"] = "Bearer"
            await response(scope, receive, send)

    def _refusal(self, scope: Scope) -> ServerError | None:
        headers = Headers(scope=scope)
        if not self._is_own(headers.get("host", "")):
            return ServerError(
                "this is not the host that was asked for", status=421, hint="use the URL that serve printed"
            )
        if self._token and scope["path"] not in _OPEN_PATHS and not self._is_token(headers.get("authorization", "")):
            return ServerError("the token is missing or wrong", status=401, hint="send Authorization: Bearer <token>")
        limit = self._limits.blob_bytes if scope["path"].startswith("/v1/blobs/") else self._limits.json_bytes
        if _announced_size(headers) > limit:
            return ServerError(f"a body may have {limit} bytes here", status=413, hint="send less at a time")
        return None

    def _is_own(self, host: str) -> bool:
        name = _without_port(host)
        return name in self._hosts or (self._any_address and _is_address(name))

    def _is_token(self, authorization: str) -> bool:
        scheme, _, token = authorization.partition(" ")
        # Compared as bytes, as compare_digest refuses text beyond ASCII.
        return secrets.compare_digest(token.strip().encode(), self._token) and scheme.lower() == "bearer"


def _host_names(settings: ServerSettings) -> frozenset[str]:
    own = {settings.host, *settings.allow_hosts, *LOOPBACK}
    if not settings.is_local:
        own |= {socket.gethostname(), socket.getfqdn()}
    return frozenset(name.lower() for name in own)


def _announced_size(headers: Headers) -> int:
    length = headers.get("content-length", "0")
    return int(length) if length.isdecimal() else 0


def _without_port(host: str) -> str:
    try:
        return (urlsplit(f"//{host}").hostname or "").lower()
    except ValueError:
        return ""


def _is_address(name: str) -> bool:
    """Rebinding needs a name; an address can only be meant."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
