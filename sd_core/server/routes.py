"""The routes under /v1, and /metrics."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from fastapi.responses import FileResponse, PlainTextResponse
from fastapi.sse import EventSourceResponse, ServerSentEvent

from .. import __version__
from . import journal
from .lanes import Lane
from .problems import described
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
    view,
)
from .service import Service
from .uploads import fill

_SUBMIT = described(400, 409, 413, 429, 503, 507)
_MEDIA_TYPES = {".npy": "application/x-npy", ".bin": "application/octet-stream"}


def _service(request: Request) -> Service:
    return request.app.state.service


ServiceOf = Annotated[Service, Depends(_service)]


async def _job(job_id: JobId, service: ServiceOf) -> JobRecord:
    return await service.job(job_id)


# FastAPI passes the id of the path to the dependency.
# ruff: noqa: FAST003
KnownJob = Annotated[JobRecord, Depends(_job)]

jobs = APIRouter(prefix="/v1/jobs", tags=["jobs"])
blobs = APIRouter(prefix="/v1/blobs", tags=["blobs"])
machine = APIRouter(tags=["machine"])


@jobs.post("", status_code=201, responses={200: {"model": JobView}, **_SUBMIT})
async def submit(body: JobSubmission, service: ServiceOf, response: Response) -> JobView:
    """Queue a job. Answered only when it is written down: 201, or 200 where it was there already."""
    job, created = await service.submit(body.id, body.priority, body.request, body.attachments)
    response.status_code = 201 if created else 200
    return view(job)


@jobs.get("", responses=described())
async def list_jobs(
    service: ServiceOf,
    state: JobState | None = None,
    after: Annotated[int, Query(ge=0, le=2**53)] = 0,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> JobList:
    """Jobs by number; with state=queued, in the order in which they will run."""
    found = await service.list_jobs(state, after, limit)
    more = found[-1].number if len(found) == limit and state is not JobState.QUEUED else None
    return JobList(jobs=[view(job) for job in found], next=more)


@jobs.get("/{job_id}", responses=described(404))
async def get_job(job: KnownJob, service: ServiceOf) -> JobView:
    """One job, with its result or error once it has ended."""
    last = await service.result(job)
    return view(job, json.loads(job.request), None if last is None else last.data)


@jobs.patch("/{job_id}", responses=described(400, 404, 409, 413))
async def change_job(job: KnownJob, body: JobChange, service: ServiceOf) -> JobView:
    """Move a waiting job, or change its priority."""
    return view(await service.move(job.id, body.position, body.priority))


@jobs.delete("/{job_id}", responses=described(404))
async def cancel_job(job: KnownJob, service: ServiceOf) -> JobView:
    """Cancel: at once if it waits, before its next step if it runs; no effect on a job that has ended."""
    return view(await service.cancel(job.id))


@jobs.post("/{job_id}/resume", responses=described(404, 409))
async def resume_job(job: KnownJob, service: ServiceOf) -> JobView:
    """Let a failed or cancelled job wait again; it goes on from the frames that it had finished."""
    return view(await service.resume(job.id))


@jobs.post("/{job_id}/forget", status_code=204, responses=described(404, 409))
async def forget_job(job: KnownJob, service: ServiceOf) -> None:
    """Delete a job that has ended, with those of its pictures that no other job names."""
    await service.forget(job.id)


@jobs.get("/{job_id}/events", response_class=EventSourceResponse, responses=described(404))
async def job_events(
    job: KnownJob,
    service: ServiceOf,
    last_event_id: Annotated[int, Header(ge=0, le=2**63 - 1)] = 0,
) -> AsyncIterator[ServerSentEvent]:
    """Events as they come, after `Last-Event-ID`, to the end of the job. Previews may be missing, all else never is."""
    async for event in service.events(job.id, last_event_id):
        yield ServerSentEvent(id=str(event.id), event=event.data["kind"], data=event.data)


@blobs.put("/{sha256}", status_code=201, responses={**described(413, 507)}, openapi_extra={
    "requestBody": {"required": True, "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}}
})  # fmt: skip
async def put_blob(sha256: Digest, request: Request, service: ServiceOf) -> dict[str, str]:
    """Store bytes under their SHA-256; refused where they have another one."""
    with service.store.blobs.receive() as upload:
        await fill(upload, request.stream(), sha256)
    return {"sha256": sha256}


@blobs.get("/{sha256}", response_class=FileResponse, responses=described(404, 410, 416))
@blobs.head("/{sha256}", response_class=FileResponse, responses=described(404, 410), operation_id="head_blob")
async def get_blob(sha256: Digest, service: ServiceOf) -> FileResponse:
    """The bytes, or a range of them."""
    path = await service.blob(sha256)
    return FileResponse(
        path, media_type=_MEDIA_TYPES[path.suffix], headers={"Cache-Control": "immutable", "ETag": f'"{sha256}"'}
    )


@machine.post("/v1/queue/hold", status_code=204, responses=described())
async def hold_queue(service: ServiceOf) -> None:
    """Start no waiting job until the queue is released, over new starts of the server too; those that run go on."""
    await service.hold(held=True)


@machine.post("/v1/queue/release", status_code=204, responses=described())
async def release_queue(service: ServiceOf) -> None:
    """Start waiting jobs again."""
    await service.hold(held=False)


@machine.get("/v1/models", responses=described(503))
async def list_models(service: ServiceOf) -> ModelList:
    """The models known by name, and whether they are on this machine."""
    return ModelList(models=await service.models())


@machine.get("/v1/loras", responses=described(503))
async def list_loras(service: ServiceOf) -> LoraList:
    """The files of the LoRA folder (`loras` in the server's home), and the families that they fit."""
    return LoraList(loras=await service.loras())


@machine.get("/v1/health", responses={503: {"model": Health}, **described()})
async def health(service: ServiceOf, response: Response) -> Health:
    """Devices, their memory, the queue and the blob store; the same with 503 where no job can run."""
    response.status_code = 200 if service.can_work else 503
    store = service.store
    counts = await store.database.run(journal.count_states)
    used = {"count": len(store.blobs), "bytes": store.blobs.total, "bound": store.settings.limits.store_bytes}
    return Health(
        version=__version__,
        devices=[_device(lane) for lane in service.lanes],
        queue=counts,
        blobs=used,
        held=store.held,
        problems=service.problems,
    )


@machine.post("/v1/free_memory", responses=described())
async def free_memory(service: ServiceOf) -> dict[str, Any]:
    """Drop every loaded model and give the memory back to the devices; waits for the job that runs."""
    await service.free_memory()
    return {"devices": [_device(lane).model_dump() for lane in service.lanes]}


@machine.get("/metrics", response_class=PlainTextResponse, responses=described())
async def metrics(service: ServiceOf) -> PlainTextResponse:
    """Figures for Prometheus."""
    counts = await service.store.database.run(journal.count_states)
    text = service.store.metrics.exposition(counts, service.store.blobs.total)
    return PlainTextResponse(text, media_type="text/plain; version=0.0.4")


def _device(lane: Lane) -> DeviceView:
    engine = lane.engine
    return DeviceView(
        device=lane.device,
        ready=lane.is_ready,
        pid=None if engine is None else engine.pid,
        memory=None if engine is None or engine.memory is None else dict(engine.memory),
        job=None if lane.run is None else lane.run.job.id,
        problem=lane.problem,
    )
