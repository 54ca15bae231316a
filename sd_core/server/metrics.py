"""Metrics for Prometheus."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from .records import JobState

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"})
_ANSWER = (0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60)
_SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800)


class Metrics:
    """Counters of one server; each has its own registry."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._ended = Counter("sd_core_jobs_ended", "Jobs that have ended", ["state"], registry=self._registry)
        self._seconds = Histogram("sd_core_job_seconds", "Time a job ran", buckets=_SECONDS, registry=self._registry)
        self._jobs = Gauge("sd_core_jobs", "Unfinished jobs", ["state"], registry=self._registry)
        self._bytes = Gauge("sd_core_blob_bytes", "Bytes in the blob store", registry=self._registry)
        self._died = Counter(
            "sd_core_engine_deaths", "Engine processes that died or hung", ["device"], registry=self._registry
        )
        self._mismatched = Counter(
            "sd_core_engine_mismatches",
            "Engines killed for telling of another job",
            ["device"],
            registry=self._registry,
        )
        self._failed = Counter(
            "sd_core_lane_failures",
            "Failures of the server at giving jobs to a device",
            ["device"],
            registry=self._registry,
        )
        self._uploads = Counter("sd_core_uploads", "Blobs received", registry=self._registry)
        self._uploaded = Counter("sd_core_upload_bytes", "Bytes of blobs received", registry=self._registry)
        self._quotas = Counter("sd_core_quota", "Refusals by a quota", ["quota"], registry=self._registry)
        self._refused = Counter("sd_core_refused", "Requests answered with 4xx", ["status"], registry=self._registry)
        self._journal = Gauge("sd_core_journal_ok", "Whether the journal can be read", registry=self._registry)
        self._requests = Histogram(
            "sd_core_request_seconds", "Time to answer", ["method", "route"], buckets=_ANSWER, registry=self._registry
        )
        self._ready = Gauge("sd_core_engine_ready", "Whether an engine takes jobs", ["device"], registry=self._registry)

    def count_job_end(self, state: JobState, seconds: float) -> None:
        """A job has ended after running for so many seconds."""
        self._ended.labels(state).inc()
        self._seconds.observe(seconds)

    def count_engine_death(self, device: str) -> None:
        """An engine process died or hung."""
        self._died.labels(device).inc()

    def count_engine_mismatch(self, device: str) -> None:
        """An engine reported a job that it was not given."""
        self._mismatched.labels(device).inc()

    def count_dispatcher_failure(self, device: str) -> None:
        """The server failed at giving jobs to a device."""
        self._failed.labels(device).inc()

    def set_engine_ready(self, device: str, ready: bool) -> None:
        """An engine process takes jobs, or does not any more."""
        self._ready.labels(device).set(ready)

    def count_upload(self, size: int) -> None:
        """A blob of so many bytes has come."""
        self._uploads.inc()
        self._uploaded.inc(size)

    def count_quota_refusal(self, quota: str) -> None:
        """Somebody asked for more than this quota."""
        self._quotas.labels(quota).inc()

    def count_answer(self, method: str, route: str, status: int, seconds: float) -> None:
        """A request to a route, by its path in the interface, has been answered; streams of events are left out of the times."""
        if 400 <= status < 500:
            self._refused.labels(str(status)).inc()
        if not route.endswith("/events"):
            self._requests.labels(method if method in _METHODS else "other", route).observe(seconds)

    def set_journal_readable(self, ok: bool) -> None:
        """Whether the journal could be read just now."""
        self._journal.set(ok)

    def exposition(self, counts: dict[JobState, int], blob_bytes: int) -> bytes:
        """The text that Prometheus reads."""
        for state in (JobState.QUEUED, JobState.RUNNING):
            self._jobs.labels(state).set(counts[state])
        self._bytes.set(blob_bytes)
        return generate_latest(self._registry)
