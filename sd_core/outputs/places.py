"""Whether files can be written somewhere, asked before the work rather than after it."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from pathlib import Path

from ..errors import OutputError
from ..files import check_name, output_error

_SPARE = 16 << 20
"""Bytes that are to be left: the estimates know nothing of blocks, folders and logs."""


def check_folder(folder: Path, *, will_be_made: bool = False) -> None:
    """Check that files can be made in a folder. will_be_made: it will be made where it is missing.

    Raises:
        OutputError: it is missing, no folder, or cannot be written.
    """
    check_name(folder)
    if will_be_made and not os.path.lexists(folder):
        folder = folder.parent
    try:
        if not stat.S_ISDIR(folder.stat().st_mode):
            raise OutputError(str(folder), "cannot be written: it is a file", hint="choose a folder, not a file")
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise output_error(folder, error) from error


def check_space(folder: Path, size: int) -> None:
    """Check that a disk has room for `size` bytes more. folder: need not be there.

    Raises:
        OutputError: it has not; gives both numbers.
    """
    there = folder
    while not there.is_dir() and there != there.parent:
        there = there.parent
    free = shutil.disk_usage(there).free
    if free < size + _SPARE:
        mebibyte = 1 << 20
        raise OutputError(
            str(folder),
            f"needs about {(size + _SPARE) / mebibyte:,.0f} MiB, {free / mebibyte:,.0f} MiB are free",
            hint="free some space, or choose another disk",
        )
