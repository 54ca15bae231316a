"""What Prometheus is told."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from .records import JobState

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
        self._ready = Gauge("sd_core_engine_ready", "Whether an engine takes jobs", ["device"], registry=self._registry)

    def job_ended(self, state: JobState, seconds: float) -> None:
        """A job has ended after running for so many seconds."""
        self._ended.labels(state).inc()
        self._seconds.observe(seconds)

    def engine_died(self, device: str) -> None:
        """An engine process died or hung."""
        self._died.labels(device).inc()

    def engine_mismatched(self, device: str) -> None:
        """An engine told of a job that it was not to do."""
        self._mismatched.labels(device).inc()

    def lane_failed(self, device: str) -> None:
        """The server failed at giving jobs to a device."""
        self._failed.labels(device).inc()

    def engine_ready(self, device: str, ready: bool) -> None:
        """An engine process takes jobs, or does not any more."""
        self._ready.labels(device).set(ready)

    def exposition(self, counts: dict[JobState, int], blob_bytes: int) -> bytes:
        """The text that Prometheus reads."""
        for state in (JobState.QUEUED, JobState.RUNNING):
            self._jobs.labels(state).set(counts[state])
        self._bytes.set(blob_bytes)
        return generate_latest(self._registry)
