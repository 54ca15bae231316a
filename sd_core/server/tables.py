"""The tables of the journal."""

from __future__ import annotations

from .database import Connection, JournalError

_VERSION = 1
_SCHEMA = f"""
CREATE TABLE IF NOT EXISTS jobs (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    state TEXT NOT NULL DEFAULT 'queued',
    priority INTEGER NOT NULL,
    place REAL NOT NULL DEFAULT 0,
    moved INTEGER NOT NULL DEFAULT 0,
    request TEXT NOT NULL,
    attachments TEXT NOT NULL,
    model TEXT,
    runs INTEGER NOT NULL DEFAULT 0,
    deaths INTEGER NOT NULL DEFAULT 0,
    device TEXT,
    submitted REAL NOT NULL,
    started REAL,
    ended REAL
);
CREATE INDEX IF NOT EXISTS waiting ON jobs (priority, place) WHERE state = 'queued';
CREATE INDEX IF NOT EXISTS by_state ON jobs (state);
CREATE TABLE IF NOT EXISTS events (
    job INTEGER NOT NULL REFERENCES jobs ON DELETE CASCADE,
    id INTEGER NOT NULL,
    data TEXT NOT NULL,
    PRIMARY KEY (job, id)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS blobs (
    job INTEGER NOT NULL REFERENCES jobs ON DELETE CASCADE,
    sha256 TEXT NOT NULL,
    PRIMARY KEY (job, sha256)
) WITHOUT ROWID;
PRAGMA user_version = {_VERSION};
"""


def make_tables(connection: Connection) -> None:
    """Make what is missing.

    Raises:
        JournalError: written by a later version.
    """
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > _VERSION:
        raise JournalError(f"the journal has format {version}, this program knows {_VERSION}", hint="update sd_core")
    if version < _VERSION:
        connection.executescript(_SCHEMA)
