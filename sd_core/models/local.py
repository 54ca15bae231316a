"""Names of models as paths on this machine."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from sd_core.errors import ModelNotFound


def local_path(name: str) -> Path:
    """The file or folder that a name would be, whether it is there or not; "~" is the user's home.

    Raises:
        ModelNotFound: no file or folder can have this name, or it may not be looked at.
    """
    try:
        path = Path(name).expanduser()
        with suppress(FileNotFoundError, NotADirectoryError):
            path.stat()
    except (OSError, ValueError, RuntimeError) as error:
        # Too long, a null character, half a surrogate pair, the home of nobody, links in a circle, missing rights.
        reason = (isinstance(error, OSError) and error.strerror) or str(error)
        raise ModelNotFound(name[:200], f"cannot be used ({reason})", hint="check the name") from error
    return path
