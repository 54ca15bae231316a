"""The ASGI application."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, Security
from fastapi.security import HTTPBearer

from .._version import __version__
from ..errors import SDError
from . import docs, http_errors
from .access import Access, Streams
from .connections import Patience
from .holdings import Holdings
from .routes import blobs, jobs, machine
from .security import Guard
from .service import Service

_TOKEN = HTTPBearer(auto_error=False, description="Printed when the server starts, or given to you by its admin.")
"""Only shown to readers of the interface: `Guard` has looked at the token already."""


def make_app(service: Service) -> FastAPI:
    """The application that serves `service`, which is started and stopped with it.

    Its state has `service`, `streams`, `holdings`, and `failure`: what kept the service from starting.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        try:
            await service.start()
        except SDError as error:
            app.state.failure = error
        try:
            yield
        finally:
            await service.stop()

    settings = service.store.settings
    app = FastAPI(
        title="sd_core",
        version=__version__,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        servers=[{"url": ".", "description": "this server, also behind a proxy"}],
    )
    app.state.service, app.state.failure = service, None
    app.state.streams, app.state.holdings = Streams(service.store.metrics), Holdings()
    app.include_router(jobs, max_body_size=settings.limits.json_bytes, dependencies=[Security(_TOKEN)])
    app.include_router(blobs, max_body_size=settings.limits.blob_bytes, dependencies=[Security(_TOKEN)])
    app.include_router(machine, dependencies=[Security(_TOKEN)])
    docs.install(app)
    http_errors.install(app, service.store.shortage.note)
    app.add_middleware(Guard, settings=settings)
    app.add_middleware(Patience)
    app.add_middleware(Access, metrics=service.store.metrics, streams=app.state.streams)
    return app
