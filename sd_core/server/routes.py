"""The routes under /v1, and /metrics."""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from fastapi.responses import FileResponse, JSONResponse, PlainTextResponse
from fastapi.sse import EventSourceResponse, ServerSentEvent

from .._version import __version__
from ..errors import SDError, ServerError
from ..wire.results import blobs_named
from . import journal, quotas
from .admission import check_digests
from .dispatcher import Dispatcher
from .holdings import Holdings, unreadable_blobs
from .http_errors import openapi_errors
from .identity import Identity, Role
from .quotas import admit, require
from .records import JobRecord, JobState
from .schemas import (
    DeviceView,
    Digest,
    Health,
    JobChange,
    JobId,
    JobList,
    JobSubmission,
    JobView,
    LoraList,
    ModelList,
    job_view,
)
from .service import MissingBlobs, Service, no_such_blob
from .uploads import fill

_log = logging.getLogger(__name__)

_SUBMIT = openapi_errors(400, 409, 413, 429, 503, 507)
_MEDIA_TYPES = {".npy": "application/x-npy", ".bin": "application/octet-stream"}


def _service(request: Request) -> Service:
    return request.app.state.service


ServiceOf = Annotated[Service, Depends(_service)]


def _caller(request: Request) -> Identity:
    return request.state.identity


Caller = Annotated[Identity, Depends(_caller)]
"""Whose token came with the request; `Guard` has let nobody through without one."""


Anybody = Annotated[Identity | None, Depends(_caller)]


def _holdings(request: Request) -> Holdings:
    return request.app.state.holdings


HoldingsOf = Annotated[Holdings, Depends(_holdings)]


async def _job(job_id: JobId, service: ServiceOf, caller: Caller) -> JobRecord:
    job = await service.job(job_id)
    if not caller.may_see(job.owner):
        raise journal.no_such_job(job_id)
    return job


def _admin(caller: Caller) -> None:
    if not caller.is_admin:
        raise ServerError("this is for the admin of the server", status=403, hint="use the admin's token")


async def _stream(request: Request, caller: Caller) -> AsyncIterator[None]:
    with request.app.state.streams.open_stream(caller):
        yield


# FastAPI passes the id of the path to the dependency.
# ruff: noqa: FAST003
ExistingJob = Annotated[JobRecord, Depends(_job)]

jobs = APIRouter(prefix="/v1/jobs", tags=["jobs"])
blobs = APIRouter(prefix="/v1/blobs", tags=["blobs"])
machine = APIRouter(tags=["machine"])


AdminOnly = Depends(_admin)


@jobs.post("", status_code=201, responses={200: {"model": JobView}, **_SUBMIT})
async def submit(
    body: JobSubmission, service: ServiceOf, response: Response, caller: Caller, holdings: HoldingsOf
) -> JobView:
    """Queue a job. Answered only when it is written down: 201, or 200 where it was there already."""
    needed = blobs_named(body.request) | set(body.attachments.values())
    check_digests(needed)
    if missing := await _unreadable(service, holdings, caller, needed):
        raise MissingBlobs(missing)
    metrics = service.store.metrics
    job, created = await service.submit(
        body.id,
        body.priority,
        body.request,
        body.attachments,
        owner=caller.owner,
        admit=lambda usage, work: admit(usage, caller, work, metrics),
    )
    holdings.grant(caller, needed)
    response.status_code = 201 if created else 200
    if created:
        fields = {"job": job.id, "owner": caller.name, "type": job.type, "model": job.model, "work": job.work}
        _log.info("job submitted", extra=fields)
    return job_view(job)


@jobs.get("", responses=openapi_errors(409))
async def list_jobs(
    service: ServiceOf,
    caller: Caller,
    state: JobState | None = None,
    after: Annotated[int, Query(ge=0, le=2**53)] = 0,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> JobList:
    """Jobs by number, of a user its own ones; with state=queued, in the order in which they will run."""
    found = await service.list_jobs(state, after, limit, None if caller.is_admin else caller.owner)
    more = found[-1].number if len(found) == limit else None
    return JobList(jobs=[job_view(job) for job in found], next=more)


@jobs.get("/{job_id}", responses=openapi_errors(404))
async def get_job(job: ExistingJob, service: ServiceOf, caller: Caller, holdings: HoldingsOf) -> JobView:
    """One job, with its result or error once it has ended."""
    last = await service.result(job)
    if last is not None:
        holdings.grant(caller, blobs_named(last.data))
    return job_view(job, json.loads(job.request), None if last is None else last.data)


@jobs.patch("/{job_id}", responses=openapi_errors(400, 404, 409, 413))
async def change_job(job: ExistingJob, body: JobChange, service: ServiceOf) -> JobView:
    """Move a waiting job, or change its priority."""
    return job_view(await service.move(job.id, body.position, body.priority))


@jobs.delete("/{job_id}", responses=openapi_errors(404))
async def cancel_job(job: ExistingJob, service: ServiceOf) -> JobView:
    """Cancel: at once if it waits, before its next step if it runs; no effect on a job that has ended."""
    return job_view(await service.cancel(job.id))


@jobs.post("/{job_id}/resume", responses=openapi_errors(404, 409, 429))
async def resume_job(job: ExistingJob, service: ServiceOf, caller: Caller) -> JobView:
    """Let a failed or cancelled job wait again; it goes on from the frames that it had finished."""
    usage = await service.store.database.run(lambda connection: journal.usage(connection, caller.owner))
    admit(usage, caller, job.work, service.store.metrics)
    return job_view(await service.resume(job.id))


@jobs.post("/{job_id}/forget", status_code=204, responses=openapi_errors(404, 409))
async def forget_job(job: ExistingJob, service: ServiceOf, holdings: HoldingsOf) -> None:
    """Delete a job that has ended, with those of its pictures that no other job names."""
    last = await service.result(job)
    named = blobs_named(json.loads(job.request)) | set(job.attachments.values())
    await service.forget(job.id)
    # Else its owner could see later whether somebody else has made the same.
    holdings.revoke(job.owner, named if last is None else named | blobs_named(last.data))


@jobs.get(
    "/{job_id}/events",
    response_class=EventSourceResponse,
    responses=openapi_errors(404, 429),
    dependencies=[Depends(_stream)],
)
async def job_events(
    job: ExistingJob,
    service: ServiceOf,
    caller: Caller,
    holdings: HoldingsOf,
    last_event_id: Annotated[int, Header(ge=0, le=2**63 - 1)] = 0,
) -> AsyncIterator[ServerSentEvent]:
    """Events as they come, after `Last-Event-ID`, to the end of the job. Previews may be missing, all else never is."""
    async for event in service.events(job.id, last_event_id):
        holdings.grant(caller, blobs_named(event.data))
        yield ServerSentEvent(id=str(event.id), event=event.data["kind"], data=event.data)


@blobs.put("/{sha256}", status_code=201, responses={**openapi_errors(413, 429, 507)}, openapi_extra={
    "requestBody": {"required": True, "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}}
})  # fmt: skip
async def put_blob(
    sha256: Digest, request: Request, service: ServiceOf, caller: Caller, holdings: HoldingsOf
) -> dict[str, str]:
    """Store bytes under their SHA-256; refused where they have another one. They are read whole, also where they are known."""
    store = service.store
    length = request.headers.get("content-length", "0")
    usage = await store.database.run(lambda connection: journal.usage(connection, caller.owner))
    holdings.forget_old_uploads(caller, store.blobs.is_pinned)
    bound = quotas.upload_bound(caller, store.settings.limits.store_bytes)
    with holdings.track_upload(caller) as arrive:

        def admit_bytes(size: int) -> None:
            wanted = holdings.sent_bytes(caller, usage.bytes) + arrive(0) + size
            require(store.metrics, "upload_bytes", wanted, bound, "within the hour, or when jobs have ended")

        def count(size: int) -> None:
            admit_bytes(size)
            arrive(size)

        admit_bytes(int(length) if length.isdecimal() else 0)
        with store.blobs.receive(None if caller.is_admin else caller.owner) as upload:
            size = await fill(upload, request.stream(), sha256, count)
        holdings.note_sent(caller, sha256, size)
    store.metrics.count_upload(size)
    return {"sha256": sha256}


@blobs.get("/{sha256}", response_class=FileResponse, responses=openapi_errors(404, 410, 416))
@blobs.head("/{sha256}", response_class=FileResponse, responses=openapi_errors(404, 410), operation_id="head_blob")
async def get_blob(sha256: Digest, service: ServiceOf, caller: Caller, holdings: HoldingsOf) -> FileResponse:
    """The bytes, or a range of them; for a user, of what it has sent or what its jobs name."""
    if await _unreadable(service, holdings, caller, {sha256}):
        raise no_such_blob(sha256)
    path = await service.blob(sha256)
    headers = {"Cache-Control": "private, immutable", "ETag": f'"{sha256}"', "X-Content-Type-Options": "nosniff"}
    return FileResponse(path, media_type=_MEDIA_TYPES[path.suffix], headers=headers)


@machine.post("/v1/queue/hold", status_code=204, responses=openapi_errors(), dependencies=[AdminOnly])
async def hold_queue(service: ServiceOf) -> None:
    """Start no waiting job until the queue is released, over new starts of the server too; those that run go on."""
    await service.hold(held=True)


@machine.post("/v1/queue/release", status_code=204, responses=openapi_errors(), dependencies=[AdminOnly])
async def release_queue(service: ServiceOf) -> None:
    """Start waiting jobs again."""
    await service.hold(held=False)


@machine.get("/v1/models", responses=openapi_errors(503))
async def list_models(service: ServiceOf) -> ModelList:
    """The models known by name, and whether they are on this machine."""
    return ModelList(models=await service.models())


@machine.get("/v1/loras", responses=openapi_errors(503))
async def list_loras(service: ServiceOf) -> LoraList:
    """The files of the LoRA folder (`loras` in the server's home), and the families that they fit."""
    return LoraList(loras=await service.loras())


@machine.get("/v1/live")
async def live() -> dict[str, str]:
    """That the process answers; without a token."""
    return {"status": "alive"}


@machine.get("/v1/health", response_model=Health, responses={**openapi_errors(), 503: {"model": Health}})
async def health(service: ServiceOf, request: Request, caller: Anybody, holdings: HoldingsOf) -> JSONResponse:
    """Devices, their memory, the queue, the blob store, and the caller's quotas; without a token the status alone.

    503 with the same body where no job can run.
    """
    status, code = ("ok", 200) if service.can_work else ("unable", 503)
    if caller is None:
        return JSONResponse({"status": status}, code)
    store = service.store
    owner = None if caller.is_admin else caller.owner
    counts, aside, usage = await store.database.run(
        lambda connection: (
            journal.count_states(connection, owner),
            journal.count_set_aside(connection, owner),
            journal.usage(connection, caller.owner),
        )
    )
    holdings.forget_old_uploads(caller, store.blobs.is_pinned)
    space = store.settings.limits.store_bytes
    used = {"bound": space}
    if caller.role is not Role.USER:  # else they could watch what others send and make
        used |= {"count": len(store.blobs), "bytes": store.blobs.total}
    health_view = Health(
        status=status,
        version=__version__,
        devices=[_device_view(dispatcher, caller) for dispatcher in service.dispatchers],
        queue=counts,
        blobs=used,
        held=store.is_queue_held,
        set_aside=aside,
        # They may name what others have sent, and places of this machine.
        problems=[] if caller.role is Role.USER else service.problems,
        identity=caller.name,
        quotas=quotas.quota_report(
            caller, usage, holdings.sent_bytes(caller, usage.bytes), request.app.state.streams.count(caller), space
        ),
    )
    return JSONResponse(health_view.model_dump(mode="json"), code)


@machine.post("/v1/free_memory", responses=openapi_errors(), dependencies=[AdminOnly])
async def free_memory(service: ServiceOf, caller: Caller) -> dict[str, Any]:
    """Drop every loaded model and give the memory back to the devices; waits for the job that runs."""
    await service.free_memory()
    return {"devices": [_device_view(dispatcher, caller).model_dump() for dispatcher in service.dispatchers]}


@machine.get("/metrics", response_class=PlainTextResponse, responses=openapi_errors())
async def metrics(service: ServiceOf, caller: Caller) -> PlainTextResponse:
    """Figures for Prometheus, for an admin or a monitor."""
    if caller.role is Role.USER:
        raise ServerError("this is for monitors", status=403, hint="use the token of a monitor, or the admin's")
    store = service.store
    try:
        counts = await store.database.run(journal.count_states)
    except SDError:
        store.metrics.set_journal_readable(ok=False)
        raise
    store.metrics.set_journal_readable(ok=not store.database.problem)
    text = store.metrics.exposition(counts, store.blobs.total)
    return PlainTextResponse(text, media_type="text/plain; version=0.0.4")


async def _unreadable(service: Service, holdings: Holdings, caller: Identity, digests: set[str]) -> list[str]:
    """Those that the caller may not read, as far as it matters whether they are here."""
    unknown = sorted(digest for digest in digests if not holdings.can_read(caller, digest))
    if not unknown:
        return []
    return await service.store.database.run(lambda connection: unreadable_blobs(connection, caller.owner, unknown))


def _device_view(dispatcher: Dispatcher, caller: Identity) -> DeviceView:
    engine, job = dispatcher.engine, None if dispatcher.job_run is None else dispatcher.job_run.job
    return DeviceView(
        device=dispatcher.device,
        ready=dispatcher.is_ready,
        pid=None if engine is None else engine.pid,
        memory=None if engine is None or engine.memory is None else dict(engine.memory),
        job=None if job is None or not caller.may_see(job.owner) else job.id,
        problem=dispatcher.problem,
    )
