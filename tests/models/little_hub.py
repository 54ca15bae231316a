"""A hub on this machine that serves folders: the part of the protocol that fetching a model takes."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@contextmanager
def little_hub(repositories: Mapping[str, Path]) -> Iterator[str]:
    """Serve `repositories`, hub id to folder; yields the address for HF_ENDPOINT."""

    class Handler(_Handler):
        folders = dict(repositories)  # noqa: RUF012

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    folders: Mapping[str, Path] = {}
    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        self._answer(body=True)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""

    def _answer(self, *, body: bool) -> None:
        parts = unquote(urlsplit(self.path).path).strip("/").split("/")
        api = parts[:2] == ["api", "models"]
        owner, name, *rest = parts[2:] if api else parts
        folder = self.folders.get(f"{owner}/{name}")
        if folder is None:
            self._send(404, b"", {"X-Error-Code": "RepoNotFound"}, body=body)
        elif api:
            self._send(200, json.dumps(_describe(f"{owner}/{name}", folder, rest)).encode(), {}, body=body)
        else:
            self._send_file(folder / "/".join(rest[2:]), body=body)

    def _send_file(self, file: Path, *, body: bool) -> None:
        if not file.is_file():
            self._send(404, b"", {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": COMMIT}, body=body)
            return
        content = file.read_bytes()
        headers = {"ETag": f'"{hashlib.sha1(content, usedforsecurity=False).hexdigest()}"', "X-Repo-Commit": COMMIT}
        self._send(200, content, headers, body=body)

    def _send(self, status: int, content: bytes, headers: Mapping[str, str], *, body: bool) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(content)), "Content-Type": "application/json"}.items():
            self.send_header(name, value)
        self.end_headers()
        if body:
            self.wfile.write(content)


def _describe(hub_id: str, folder: Path, rest: list[str]) -> object:
    """What the hub's API says of a repository: its commit and files, or the tree of them."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    names = [path.relative_to(folder).as_posix() for path in files]
    if rest[:1] == ["tree"]:
        return [
            {"type": "file", "path": name, "size": path.stat().st_size, "oid": COMMIT}
            for name, path in zip(names, files, strict=True)
        ]
    return {"id": hub_id, "sha": COMMIT, "siblings": [{"rfilename": name} for name in names], "tags": []}
