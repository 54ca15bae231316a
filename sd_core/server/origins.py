"""Where a request comes from: under which host name it was sent, and by the page of which site."""

from __future__ import annotations

import ipaddress
import socket
from urllib.parse import urlsplit

from starlette.datastructures import Headers

from ..errors import ServerError
from .settings import LOOPBACK, ServerSettings

_OWN_SITES = frozenset({"same-origin", "none"})
_FOREIGN_SITES = frozenset({"cross-site", "same-site"})
"""Values of Sec-Fetch-Site (W3C Fetch Metadata); another port or subdomain is the same site, and still not our page."""

_ONCE = ("host", "origin", "sec-fetch-site", "sec-fetch-mode", "authorization", "content-type")
"""Headers that decide about access: of two, a proxy might have looked at the other one."""


class Origins:
    """Refuses foreign host names (DNS rebinding) with 421 and the pages of other sites (cross-site requests) with 403.

    What cannot be decided because a header comes twice is refused with 400.
    """

    def __init__(self, settings: ServerSettings) -> None:
        self._hosts = _host_names(settings)
        self._further = frozenset(name.lower() for name in settings.allow_hosts)
        self._any_address = settings.is_wildcard

    def refusal(self, headers: Headers, *, is_page: bool) -> ServerError | None:
        """Why a request is refused; `is_page`: it asks for a page that other sites may link to."""
        for name in _ONCE:
            if len(headers.getlist(name)) > 1:
                return ServerError(f"the header {name} may come once", status=400, hint="send it once")
        host = headers.get("host", "").lower()
        if not self._is_own(host):
            return ServerError(
                "this is not the host that was asked for", status=421, hint="use the URL that serve printed"
            )
        origin = headers.get("origin")
        if origin is not None and not self._is_own_origin(origin.lower(), host):
            return ServerError("pages of other sites may not use this server", status=403, hint=_PROGRAMS)
        if not _is_ours(headers, is_page=is_page):
            return ServerError("other sites may only link to /docs", status=403, hint=_PROGRAMS)
        return None

    def _is_own(self, host: str) -> bool:
        name = _without_port(host)
        return name in self._hosts or (self._any_address and _is_address(name))

    def _is_own_origin(self, origin: str, host: str) -> bool:
        """A proxy may put another host into the request; the name that browsers know it by is one that was allowed."""
        parts = origin.partition("://")
        return parts[0] in ("http", "https") and (parts[2] == host or parts[2] in self._further)


_PROGRAMS = "programs send no Origin; a proxy's own name is allowed with --allow-host"


def _is_ours(headers: Headers, *, is_page: bool) -> bool:
    site = headers.get("sec-fetch-site", "none").strip().lower()
    is_link = is_page and headers.get("sec-fetch-mode", "").strip().lower() == "navigate"
    return site in _OWN_SITES or (site in _FOREIGN_SITES and is_link)


def _host_names(settings: ServerSettings) -> frozenset[str]:
    own = {settings.host, *settings.allow_hosts, *LOOPBACK}
    if not settings.is_local:
        own |= {socket.gethostname(), socket.getfqdn()}
    return frozenset(name.lower() for name in own)


def _without_port(host: str) -> str:
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _is_address(name: str) -> bool:
    """Rebinding needs a name; an address can only be meant."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
