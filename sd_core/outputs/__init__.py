"""Output folders: what `sd_core` wrote into a folder is listed there, and only that is ever replaced or removed."""

from .folder import OutputFolder, Status
from .manifest import MANIFEST, Content, content_of_bytes
from .places import check_folder, check_space
from .run_notes import RunFolder, begin_run, check_resume, noted_request, run_notes
from .whole import is_whole

__all__ = [
    "MANIFEST",
    "Content",
    "OutputFolder",
    "RunFolder",
    "Status",
    "begin_run",
    "check_folder",
    "check_resume",
    "check_space",
    "content_of_bytes",
    "is_whole",
    "noted_request",
    "run_notes",
]
