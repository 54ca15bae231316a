"""Output folders: what `sd_core` wrote into a folder is listed there, and only that is ever replaced or removed."""

from .folder import OutputFolder, Status
from .manifest import MANIFEST, Content, content_of_bytes
from .places import check_folder, check_space
from .whole import is_whole

__all__ = [
    "MANIFEST",
    "Content",
    "OutputFolder",
    "Status",
    "check_folder",
    "check_space",
    "content_of_bytes",
    "is_whole",
]
