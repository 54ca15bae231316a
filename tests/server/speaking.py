"""Plain HTTP, as anybody may send it."""

from __future__ import annotations

import hashlib
import http.client
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from tests.server.servers import PATIENCE


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back; header names in small letters."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True, slots=True)
class Speaker:
    """Somebody with a token, or without one."""

    url: str
    token: str | None = None

    def __call__(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Reply:
        parts = urlsplit(self.url)
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=PATIENCE)
        sent = {} if self.token is None else {"Authorization": f"Bearer {self.token}"}
        try:
            connection.request(method, f"{parts.path}{path}", body, {**sent, **(headers or {})})
            response = connection.getresponse()
            names = {name.lower(): value for name, value in response.getheaders()}
            return Reply(response.status, names, response.read())
        finally:
            connection.close()

    def post(self, path: str, data: object) -> Reply:
        """JSON."""
        return self("POST", path, json.dumps(data).encode(), {"Content-Type": "application/json"})

    def put(self, raw: bytes) -> tuple[str, Reply]:
        """A blob; gives its digest."""
        digest = hashlib.sha256(raw).hexdigest()
        return digest, self("PUT", f"/v1/blobs/{digest}", raw)
