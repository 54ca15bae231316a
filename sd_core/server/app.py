"""The ASGI application."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from .. import __version__
from . import problems
from .routes import blobs, jobs, machine
from .security import Guard
from .service import Service


def make_app(service: Service) -> FastAPI:
    """The application that serves `service`, which is started and stopped with it."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await service.start()
        try:
            yield
        finally:
            await service.stop()

    settings = service.store.settings
    app = FastAPI(title="sd_core", version=__version__, lifespan=lifespan, redoc_url=None)
    app.state.service = service
    app.include_router(jobs, max_body_size=settings.limits.json_bytes)
    app.include_router(blobs, max_body_size=settings.limits.blob_bytes)
    app.include_router(machine)
    problems.install(app)
    app.add_middleware(Guard, settings=settings)
    return app
