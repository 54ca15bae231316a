"""The engine in process: `Engine(...).run(request)`."""

from sd_core.jobs import Job

from .engine import Engine

__all__ = ["Engine", "Job"]
