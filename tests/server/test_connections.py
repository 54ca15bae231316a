"""Whoever dawdles, or comes too often, takes nothing from the others."""

from __future__ import annotations

import asyncio
import hashlib
import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import uvicorn
from starlette.types import Message, Receive, Scope, Send

from sd_core.errors import OutputError, RequestError
from sd_core.server import connections
from sd_core.server.blobs import BlobStore
from sd_core.server.connections import Connection, Patience
from sd_core.server.uploads import fill
from tests.server.servers import wait_for


class Hasty(Connection):
    """As the server's, but for a test that waits."""

    head_seconds = 0.3
    linger_seconds = 0.3


async def _read_all(scope: Scope, receive: Receive, send: Send) -> None:
    """Reads a body and tells its size; refuses unread what goes to /refused. Other paths are names, of right tokens."""
    size = 0
    name = scope["path"].strip("/")
    is_refused = name == "refused"
    if name and not is_refused:
        is_refused = not scope["state"]["connection"].trust(name, is_admin=name == "admin")
    while not is_refused:
        message = await receive()
        size += len(message.get("body", b""))
        if not message.get("more_body", False):
            break
    body = f"{size} bytes".encode()
    await send(
        {"type": "http.response.start", "status": 200, "headers": [(b"content-length", str(len(body)).encode())]}
    )
    await send({"type": "http.response.body", "body": body})


@contextmanager
def listening() -> Iterator[Callable[[], socket.socket]]:
    """A server of `_read_all`; gives new connections to it."""
    config = uvicorn.Config(_read_all, http=Hasty, log_config=None, lifespan="off", ws="none")
    server = uvicorn.Server(config)
    listener = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=server.run, args=([listener],))
    thread.start()
    port = listener.getsockname()[1]
    opened: list[socket.socket] = []

    def connect() -> socket.socket:
        opened.append(socket.create_connection(("127.0.0.1", port), timeout=60))
        return opened[-1]

    try:
        wait_for(lambda: server.started)
        yield connect
    finally:
        for held in opened:
            held.close()
        server.should_exit = True
        thread.join()


def to_the_end(held: socket.socket) -> bytes:
    """All that comes until the server closes the connection, which it may do roughly."""
    answer = b""
    try:
        while part := held.recv(65536):
            answer += part
    except ConnectionError:
        pass
    return answer


def one_answer(held: socket.socket) -> bytes:
    """The body of one answer of `_read_all`."""
    answer = b""
    while not answer.endswith(b"bytes"):
        part = held.recv(65536)
        assert part, answer
        answer += part
    return answer.rpartition(b"\r\n")[2]


@pytest.mark.parametrize("head", [b"", b"GET / HTTP/1.1\r\nHost: a\r\nX-Slow: "])
def test_a_connection_without_a_whole_request_is_closed(head: bytes) -> None:
    with listening() as connect:
        held = connect()
        held.sendall(head)
        assert to_the_end(held) == b""


def test_a_second_request_on_a_connection_has_no_more_time_than_the_first() -> None:
    with listening() as connect:
        held = connect()
        held.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert one_answer(held) == b"0 bytes"
        held.sendall(b"GET / HTTP/1.1\r\n")
        assert to_the_end(held) == b""


def test_headers_that_do_not_end_are_not_kept() -> None:
    with listening() as connect:
        held = connect()
        held.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nX-Long: " + b"a" * 100_000)
        answer = to_the_end(held)
        assert not answer or b" 400 " in answer.splitlines()[0]


def test_a_body_that_was_refused_is_not_waited_for() -> None:
    with listening() as connect:
        held = connect()
        held.sendall(b"PUT /refused HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\nabc")
        answer = to_the_end(held)
        assert b" 200 " in answer.splitlines()[0]


def ask(held: socket.socket, *, name: str = "") -> None:
    """The head of a request with a body of three bytes; a name is taken for that of a right token."""
    held.sendall(f"PUT /{name} HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n".encode())


def finish(held: socket.socket) -> bytes:
    """The end of what `ask` began, and the answer."""
    held.sendall(b"abc")
    return one_answer(held)


def test_strangers_make_room_for_others_and_known_ones_do_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "connection_limit", lambda: 4)
    with listening() as connect:
        known = connect()
        ask(known, name="anna")
        assert finish(known) == b"3 bytes"
        ask(known, name="anna")
        strangers = [connect() for _ in range(20)]
        for held in strangers[:17]:
            assert to_the_end(held) == b"", "the oldest go first"
        newest = connect()
        ask(newest)
        assert finish(newest) == b"3 bytes"
        assert finish(known) == b"3 bytes"


def test_without_any_stranger_the_newest_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "connection_limit", lambda: 2)
    with listening() as connect:
        known = connect(), connect()
        for held, name in zip(known, ("anna", "ben"), strict=True):
            ask(held, name=name)
            assert finish(held) == b"3 bytes"
            ask(held, name=name)
        assert to_the_end(connect()) == b""
        assert [finish(held) for held in known] == [b"3 bytes"] * 2


def test_nobody_but_the_admin_has_more_than_half_of_the_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "connection_limit", lambda: 5)
    with listening() as connect:
        answers = []
        for name in ("anna", "anna", "anna", "ben", "admin"):
            held = connect()
            ask(held, name=name)
            answers.append(finish(held))
        assert answers == [b"3 bytes", b"3 bytes", b"0 bytes", b"3 bytes", b"3 bytes"]


def test_a_stranger_gets_only_so_many_answers_on_one_connection() -> None:
    with listening() as connect:
        held, known = connect(), connect()
        held.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n" * 50)
        answers = to_the_end(held)
        assert answers.count(b"0 bytes") == connections._STRANGER_REQUESTS
        assert b"connection: close" in answers
        for _ in range(2 * connections._STRANGER_REQUESTS):
            known.sendall(b"GET /anna HTTP/1.1\r\nHost: a\r\n\r\n")
            assert one_answer(known) == b"0 bytes"


@pytest.mark.parametrize(("more", "status"), [(0, b"200"), (1, b"400")])
@pytest.mark.parametrize("after", [b"", b"x" * 200_000])
def test_the_bound_of_the_headers_is_exact(more: int, status: bytes, after: bytes) -> None:
    start = f"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: {len(after)}\r\nX-Long: ".encode()
    with listening() as connect:
        held = connect()
        padding = connections._HEAD_BYTES - len(start) - 4 + more
        held.sendall(start + b"a" * padding + b"\r\n\r\n")
        if not more:
            held.sendall(after)
            assert one_answer(held) == f"{len(after)} bytes".encode()
        else:
            assert b" 400 " in to_the_end(held)


def answer_to(pieces: list[tuple[float, bytes]], *, silence: float, slowest: float) -> list[Message]:
    """What comes back for pieces of a body, each after so many seconds, from behind `Patience`."""
    sent: list[Message] = []
    waiting = iter([*pieces, (3600.0, b"")])

    async def receive() -> Message:
        seconds, piece = next(waiting)
        await asyncio.sleep(seconds)
        return {"type": "http.request", "body": piece, "more_body": True}

    async def send(message: Message) -> None:
        sent.append(message)

    scope: Scope = {"type": "http", "path": "/", "method": "PUT", "headers": []}
    asyncio.run(Patience(_read_all, silence, slowest)(scope, receive, send))
    return sent


def test_a_body_that_stops_coming_is_given_up_with_a_reason() -> None:
    sent = answer_to([(0.0, b"abc")], silence=0.05, slowest=0)
    assert [message.get("status") for message in sent] == [408, None]
    assert b"no byte has come" in sent[1]["body"]


def test_a_body_that_drips_is_given_up_with_a_reason() -> None:
    sent = answer_to([(0.02, b"a")] * 100, silence=0.1, slowest=10_000)
    assert [message.get("status") for message in sent] == [408, None]
    assert b"10000 bytes a second" in sent[1]["body"]


def test_unfinished_uploads_are_bounded_and_cost_nobody_anything(tmp_path: Path) -> None:
    store = BlobStore(tmp_path / "blobs", bound=100)
    store.open()
    held = hashlib.sha256(b"h" * 100).hexdigest()
    store.put({held: b"h" * 100})

    async def pieces(size: int) -> AsyncIterator[bytes]:
        yield b"a" * size

    with store.receive() as first:
        first.write(b"a" * 30)
        with store.receive() as second, pytest.raises(OutputError, match="no room for 21 more bytes of unfinished"):
            second.write(b"b" * 21)
    with store.receive() as third, pytest.raises(OutputError, match="no room"):
        asyncio.run(fill(third, pieces(51), "0" * 64))
    with store.receive() as fourth, pytest.raises(RequestError, match="digest"):
        asyncio.run(fill(fourth, pieces(50), "0" * 64))
    assert [path.stem for path in (tmp_path / "blobs").iterdir()] == [held]
    assert store.make_room(0), "results need not wait for them"


def test_no_sender_keeps_all_others_out(tmp_path: Path) -> None:
    store = BlobStore(tmp_path / "blobs", bound=200)
    store.open()
    with store.receive("ben") as first, store.receive("ben") as second, store.receive("anna") as third:
        first.write(b"a" * 50)
        with pytest.raises(OutputError, match="no room"):
            second.write(b"b")
        third.write(b"c" * 25)
        with store.receive() as admin:
            admin.write(b"d" * 25)
