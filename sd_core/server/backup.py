"""A copy of a server's journal and blobs, made while it runs."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from ..errors import OutputError, ServerError
from ..files import output_error

_JOURNAL = "journal.sqlite3"
_ROUNDS = 5
"""A blob may come and go while others are copied; each round copies only what is new."""

_FURTHER = ("allowed.json",)


@dataclass(frozen=True, slots=True)
class BackupSummary:
    """What a backup holds."""

    jobs: int
    blobs: int
    bytes: int


def back_up(home: Path, target: Path) -> BackupSummary:
    """Copy the journal and the blobs of `home` into the folder `target`, which is made; a server may run meanwhile.

    The journal is copied in one transaction, and every blob that an unfinished job needs is with it. What jobs have committed
    to their folders is left out: frames that are there in the journal are in the blobs, and the rest is made again.

    Raises:
        ServerError: there is no journal in `home`.
        OutputError: `target` is there already, or cannot be written.
    """
    if not (home / _JOURNAL).is_file():
        raise ServerError(f"there is no journal in {home}", hint="name the folder of a server with --home")
    try:
        target.mkdir(mode=0o700)
        (target / "blobs").mkdir(mode=0o700)
        for _ in range(_ROUNDS):
            _copy_blobs(home / "blobs", target / "blobs")
            _copy_journal(home / _JOURNAL, target / _JOURNAL)
            copied = _copy_blobs(home / "blobs", target / "blobs")
            if _needed_blobs(target / _JOURNAL) <= copied.keys():
                return _finish_copy(home, target, copied.values())
    except OSError as error:
        raise output_error(Path(error.filename or target), error) from error
    raise OutputError(
        str(target), "could not be completed: blobs change too quickly", hint="try again when less is sent"
    )


def _copy_journal(source: Path, target: Path) -> None:
    """`VACUUM INTO` is one transaction of a reader: the server goes on, and the copy needs no log file."""
    target.unlink(missing_ok=True)
    try:
        with _reading(source) as connection:
            connection.execute("VACUUM INTO ?", (str(target),))
    except sqlite3.Error as error:
        raise ServerError(f"{source} cannot be copied: {error}", hint="see docs/administration.md") from error
    target.chmod(0o600)


def _copy_blobs(source: Path, target: Path) -> dict[str, Path]:
    """Copy what is not there yet; gives all that is there, by digest. A name says what a blob holds, so none is old."""
    for path in source.iterdir() if source.is_dir() else ():
        copy = target / path.name
        if path.suffix == ".tmp" or copy.exists():
            continue
        part = copy.with_suffix(".part")
        with contextlib.suppress(FileNotFoundError):  # has just made room for newer ones
            shutil.copyfile(path, part)
            part.chmod(0o600)
            part.rename(copy)
    return {path.stem: path for path in target.iterdir()}


def _needed_blobs(journal: Path) -> set[str]:
    query = "SELECT sha256 FROM blobs JOIN jobs ON jobs.number = blobs.job WHERE state IN ('queued', 'running')"
    with _reading(journal) as connection:
        return {digest for (digest,) in connection.execute(query)}


def _finish_copy(home: Path, target: Path, blobs: Collection[Path]) -> BackupSummary:
    for name in _FURTHER:
        if (home / name).is_file():
            shutil.copyfile(home / name, target / name)
            (target / name).chmod(0o600)
    with _reading(target / _JOURNAL) as connection:
        (jobs,) = connection.execute("SELECT count(*) FROM jobs").fetchone()
    return BackupSummary(jobs, len(blobs), sum(path.stat().st_size for path in blobs))


@contextlib.contextmanager
def _reading(path: Path) -> Iterator[sqlite3.Connection]:
    with contextlib.closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
        yield connection
