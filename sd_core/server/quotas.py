"""Whether an identity may have more: of waiting jobs, of work, of bytes."""

from __future__ import annotations

from typing import Any

from ..errors import ServerError
from .identity import Identity
from .journal import Usage
from .metrics import Metrics


def admit(usage: Usage, identity: Identity, work: float, metrics: Metrics) -> None:
    """Whether one more job of so much work may wait, besides the unfinished ones.

    Raises:
        ServerError: 429, it may not.
    """
    quota = identity.quota
    require(metrics, "job_work", work, quota.job_work, "as several jobs, or with fewer steps or pixels")
    require(metrics, "queued_jobs", usage.jobs + 1, quota.queued_jobs, _WHEN_JOBS_END)
    require(metrics, "queued_work", usage.work + work, quota.queued_work, _WHEN_JOBS_END)


def require(metrics: Metrics, name: str, amount: float, bound: int | None, when: str) -> None:
    """Refuse what is above a bound.

    Raises:
        ServerError: 429, naming the quota, what was asked for, and when to try again.
    """
    if bound is not None and amount > bound:
        metrics.count_quota_refusal(name)
        raise ServerError(
            f"your quota of {name} is {bound:.15g}, and this makes it {amount:.15g}",
            status=429,
            hint=f"try again {when}",
        )


def upload_bound(identity: Identity, space: int) -> int | None:
    """Bytes that it may send: what its table says, else a part of the space for blobs; for an admin as many as it likes."""
    quota = identity.quota.upload_bytes
    return space // _UPLOADS if quota is None and not identity.is_admin else quota


def quota_report(identity: Identity, usage: Usage, upload_bytes: int, streams: int, space: int) -> dict[str, Any]:
    """Quotas and what is used of them, for the one whom they concern."""
    quota = identity.quota
    return {
        "queued_jobs": {"used": usage.jobs, "bound": quota.queued_jobs},
        "queued_work": {"used": usage.work, "bound": quota.queued_work},
        "upload_bytes": {"used": upload_bytes, "bound": upload_bound(identity, space)},
        "streams": {"used": streams, "bound": quota.streams},
        "job_work": {"bound": quota.job_work},
    }


_UPLOADS = 4
"""One user's uploads may take one part in so many of the space, so that they cannot take the place of everybody's pictures."""

_WHEN_JOBS_END = "when some of your jobs have ended"
