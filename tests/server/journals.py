"""A journal as version 1 of its format wrote it."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from pathlib import Path
from typing import Any

SCHEMA = """
CREATE TABLE jobs (
    number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, state TEXT NOT NULL DEFAULT 'queued',
    priority INTEGER NOT NULL, place REAL NOT NULL DEFAULT 0, moved INTEGER NOT NULL DEFAULT 0, request TEXT NOT NULL,
    attachments TEXT NOT NULL, model TEXT, runs INTEGER NOT NULL DEFAULT 0, deaths INTEGER NOT NULL DEFAULT 0, device TEXT,
    submitted REAL NOT NULL, started REAL, ended REAL
);
CREATE INDEX waiting ON jobs (priority, place) WHERE state = 'queued';
CREATE INDEX by_state ON jobs (state);
CREATE TABLE events (
    job INTEGER NOT NULL REFERENCES jobs ON DELETE CASCADE, id INTEGER NOT NULL, data TEXT NOT NULL, PRIMARY KEY (job, id)
) WITHOUT ROWID;
CREATE TABLE blobs (
    job INTEGER NOT NULL REFERENCES jobs ON DELETE CASCADE, sha256 TEXT NOT NULL, PRIMARY KEY (job, sha256)
) WITHOUT ROWID;
PRAGMA user_version = 1;
"""
INPUT, MADE, FRAME = "a" * 64, "b" * 64, "c" * 64
RUN = 1 << 32


def reference(digest: str) -> dict[str, Any]:
    return {"blob": digest, "dtype": "uint8", "shape": [8, 8, 3]}


REQUEST = json.dumps({"image": reference(INPUT), "type": "Adjust"}, sort_keys=True)
RESULT = {
    "kind": "result",
    "result": {"images": [reference(MADE)], "request": {"type": "Adjust", "image": reference(INPUT)}, "mesh": None},
}
JOBS: list[tuple[str, str, str, list[tuple[int, dict[str, Any]]]]] = [
    ("done", "done", REQUEST, [(1, {"kind": "queued", "position": 0}), (RUN + 1, RESULT)]),
    ("wait", "queued", REQUEST, [(1, {"kind": "queued", "position": 1})]),
    (
        "film",
        "running",
        json.dumps({"type": "Animation"}),
        [(1, {"kind": "queued", "position": 2}), (RUN + 1, {"kind": "frame", "index": 0, "image": reference(FRAME)})],
    ),
    ("broken", "failed", "{no JSON", [(1, {"kind": "queued", "position": 3}), (RUN + 1, {"kind": "failed"})]),
]


def write_version_1(path: Path) -> None:
    """A finished job, a waiting one, one that ran when the server ended, and one whose request is no JSON."""
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.executescript(SCHEMA)
        for number, (job_id, state, request, events) in enumerate(JOBS, 1):
            runs, attachments = int(state != "queued"), "{}"
            values = (number, job_id, state, 0, number, request, attachments, "builtin", runs, 1000.5 + number)
            columns = "number, id, state, priority, place, request, attachments, model, runs, submitted"
            connection.execute(f"INSERT INTO jobs ({columns}) VALUES ({', '.join('?' * 10)})", values)  # noqa: S608
            connection.executemany(
                "INSERT INTO events VALUES (?, ?, ?)", [(number, event, json.dumps(data)) for event, data in events]
            )
            connection.execute("INSERT INTO blobs VALUES (?, ?)", (number, INPUT))
