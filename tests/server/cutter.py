"""A TCP relay that cuts every connection after so many bytes have come back: a very bad network."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from urllib.parse import urlsplit


class Cutter:
    """Relays to `url`; `uploaded` counts the bytes that clients have sent, `cuts` the connections that were cut."""

    def __init__(self, url: str, bytes_per_connection: int) -> None:
        parts = urlsplit(url)
        self.uploaded = 0
        self.cuts = 0
        self._target = (parts.hostname, parts.port)
        self._budget = bytes_per_connection
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Take no more connections."""
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(self._target)
                threading.Thread(target=self._send, args=(client, server), daemon=True).start()
                threading.Thread(target=self._receive, args=(client, server), daemon=True).start()

    def _send(self, client: socket.socket, server: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while piece := client.recv(65536):
                self.uploaded += len(piece)
                server.sendall(piece)
            server.shutdown(socket.SHUT_WR)

    def _receive(self, client: socket.socket, server: socket.socket) -> None:
        left = self._budget
        with client, server, contextlib.suppress(OSError):
            while piece := server.recv(min(left, 65536)):
                client.sendall(piece)
                left -= len(piece)
                if left <= 0:
                    self.cuts += 1
                    client.shutdown(socket.SHUT_RDWR)
                    return


@contextlib.contextmanager
def cutting(url: str, bytes_per_connection: int = 1 << 40) -> Iterator[Cutter]:
    """A relay to `url`; without a number it cuts nothing and only counts."""
    cutter = Cutter(url, bytes_per_connection)
    try:
        yield cutter
    finally:
        cutter.close()
