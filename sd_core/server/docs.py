"""The page that shows the interface: Swagger UI from this machine, so that it works without a network and under any prefix."""

from __future__ import annotations

from pathlib import Path

import fastapi_offline
from fastapi import APIRouter, FastAPI
from fastapi.responses import HTMLResponse, Response
from fastapi.staticfiles import StaticFiles

_ASSETS = Path(fastapi_offline.__file__).parent / "static"

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>sd_core</title>
<link rel="stylesheet" href="docs/assets/swagger-ui.css">
<link rel="icon" href="data:,">
</head>
<body>
<div id="page"></div>
<script src="docs/assets/swagger-ui-bundle.js"></script>
<script src="docs/start.js"></script>
</body>
</html>
"""
"""Every address is relative: a proxy may put a prefix before them."""

_SCRIPT = """SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#page",
  deepLinking: true,
  presets: [SwaggerUIBundle.presets.apis, SwaggerUIBundle.SwaggerUIStandalonePreset],
  persistAuthorization: false,
});
"""
"""The token is kept in the memory of the page: not in its address, not in the browser's storage."""

_HEADERS = {
    # Swagger UI writes style attributes and draws its icons from data URLs.
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}

_pages = APIRouter(include_in_schema=False)


@_pages.get("/docs", response_class=HTMLResponse)
async def page() -> HTMLResponse:
    """The interface, to be read and tried; its button "Authorize" takes the token."""
    return HTMLResponse(_PAGE, headers=_HEADERS)


@_pages.get("/docs/start.js")
async def script() -> Response:
    """What starts the page."""
    return Response(_SCRIPT, media_type="text/javascript", headers=_HEADERS)


def install(app: FastAPI) -> None:
    """Serve the page at /docs."""
    app.include_router(_pages)
    app.mount("/docs/assets", StaticFiles(directory=_ASSETS))
