"""Who gets through: every kind of request with every token from every kind of page."""

from __future__ import annotations

import http.client
import itertools
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from sd_core.client import start_server
from tests.server.conftest import Served
from tests.server.servers import ENVIRONMENT, PATIENCE, running, wait_for
from tests.server.speaking import Speaker

JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def tokenless(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Speaker]:
    """A server that asks for no token."""
    with running(tmp_path_factory.mktemp("tokenless"), "--no-token") as (process, _):
        yield Speaker(process.announcement.url)


@pytest.fixture
def with_token(served: Served) -> Speaker:
    return Speaker(served.process.announcement.url, served.process.announcement.token)


PAGES: dict[str, tuple[dict[str, str], bool]] = {
    "a program": ({}, True),
    "our own page": ({"Origin": "<own>", "Sec-Fetch-Site": "same-origin"}, True),
    "an address that was typed": ({"Sec-Fetch-Site": "none", "Sec-Fetch-Mode": "navigate"}, True),
    "a page of another site": ({"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}, False),
    "another port of this machine": ({"Origin": "http://127.0.0.1:1", "Sec-Fetch-Site": "same-site"}, False),
    "our name without the port": ({"Origin": "http://127.0.0.1"}, False),
    "a sandboxed frame": ({"Origin": "null"}, False),
    "an image of another site": ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}, False),
    "a page of another site, in capitals": ({"Sec-Fetch-Site": "Cross-Site"}, False),
    "a page of a kind that nobody knows": ({"Sec-Fetch-Site": "same-origin-ish"}, False),
    "our own page, in capitals": ({"Sec-Fetch-Site": "Same-Origin"}, True),
    "a link of another site": ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}, False),
}
REQUESTS = {
    "list": ("GET", "/v1/jobs", None),
    "submit": ("POST", "/v1/jobs", b"{}"),
    "free": ("POST", "/v1/free_memory", b""),
    "cancel": ("DELETE", "/v1/jobs/nothing", None),
    "upload": ("PUT", f"/v1/blobs/{'0' * 64}", b"a"),
}
ALLOWED = {"list": 200, "submit": 422, "free": 200, "cancel": 404, "upload": 422}


@pytest.mark.parametrize("token", ["asked for", "wrong", "not asked for"])
@pytest.mark.parametrize(("page", "name"), list(itertools.product(PAGES, REQUESTS)))
def test_only_programs_and_our_own_page_get_through_and_only_with_the_token(
    with_token: Speaker, tokenless: Speaker, token: str, page: str, name: str
) -> None:
    speaker = {"asked for": with_token, "wrong": Speaker(with_token.url, "wrong"), "not asked for": tokenless}[token]
    headers, is_own = PAGES[page]
    method, path, body = REQUESTS[name]
    own = {key: value.replace("<own>", speaker.url) for key, value in headers.items()}
    answer = speaker(method, path, body, {**(JSON if method == "POST" else {}), **own})
    if not is_own:
        assert answer.status == 403
    else:
        assert answer.status == (401 if token == "wrong" else ALLOWED[name])  # noqa: S105
    assert not [key for key in answer.headers if key.startswith("access-control")]


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
def test_what_a_form_can_send_is_no_job(tokenless: Speaker, kind: str) -> None:
    answer = tokenless("POST", "/v1/jobs", b'{"id": "a", "request": {}}', {"Content-Type": kind})
    assert answer.status == 415
    assert answer.json()["hint"] == "send Content-Type: application/json"


def test_a_post_without_a_body_needs_no_content_type(tokenless: Speaker) -> None:
    assert tokenless("POST", "/v1/free_memory").status == 200


@pytest.mark.parametrize("method", ["OPTIONS", "TRACE"])
def test_no_page_learns_what_it_might_send(with_token: Speaker, method: str) -> None:
    asking: Mapping[str, str] = {"Origin": "https://evil.example", "Access-Control-Request-Method": "PUT"}
    answer = with_token(method, "/v1/jobs", None, asking)
    assert answer.status == 403
    assert not [key for key in answer.headers if key.startswith("access-control")]


def test_other_sites_may_link_to_the_docs_and_to_nothing_else(with_token: Speaker) -> None:
    link = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    stranger = Speaker(with_token.url)
    assert stranger("GET", "/docs", None, link).status == 200
    assert stranger("GET", "/v1/health", None, link).status == 403
    assert stranger("GET", "/docs", None, {**link, "Sec-Fetch-Mode": "no-cors"}).status == 403


def test_a_probe_learns_that_all_is_well_and_nothing_else(with_token: Speaker) -> None:
    stranger = Speaker(with_token.url)
    assert stranger("GET", "/v1/live").json() == {"status": "alive"}
    answer = stranger("GET", "/v1/health")
    assert (answer.status, answer.json()) == (200, {"status": "ok"})
    assert with_token("GET", "/v1/health").json()["devices"]


def test_the_docs_need_no_other_machine_and_no_token(with_token: Speaker) -> None:
    stranger = Speaker(with_token.url)
    page = stranger("GET", "/docs")
    assert b"//" not in page.body, "an address on another machine"
    assert "default-src 'none'" in page.headers["content-security-policy"]
    for asset in ("docs/assets/swagger-ui.css", "docs/assets/swagger-ui-bundle.js", "docs/start.js"):
        assert asset.encode() in page.body
        assert stranger("GET", f"/{asset}").status == 200
    interface = stranger("GET", "/openapi.json").json()
    assert interface["components"]["securitySchemes"]["HTTPBearer"]["scheme"] == "bearer"
    assert interface["servers"][0]["url"] == "."
    assert stranger("GET", "/docs/assets/../../routes.py").status in (401, 404)


def test_headers_of_endless_length_are_not_read(with_token: Speaker) -> None:
    parts = urlsplit(with_token.url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=60)
    connection.putrequest("GET", "/v1/live")
    for number in range(1000):
        connection.putheader(f"X-{number}", "a" * 1000)
    with pytest.raises((ConnectionError, AssertionError)):
        assert _answer(connection) == 200
    connection.close()


@pytest.mark.parametrize("name", ["Host", "Origin", "Sec-Fetch-Site", "Authorization"])
def test_what_decides_who_gets_through_comes_once(with_token: Speaker, name: str) -> None:
    parts = urlsplit(with_token.url)
    sent = {"Host": parts.netloc, "Authorization": f"Bearer {with_token.token}"}
    sent |= {"Origin": with_token.url, "Sec-Fetch-Site": "same-origin"}
    for times, status in ((1, 200), (2, 400)):
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=60)
        connection.putrequest("GET", "/v1/jobs", skip_host=True)
        for key, value in sent.items():
            for _ in range(times if key == name else 1):
                connection.putheader(key, value)
        assert _answer(connection) == status
        connection.close()


def _answer(connection: http.client.HTTPConnection) -> int:
    connection.endheaders()
    return connection.getresponse().status


@pytest.mark.slow
def test_a_probe_hears_that_no_device_works_and_a_client_why(tmp_path: Path) -> None:
    server = start_server(arguments=["--device", "cuda:77"], home=tmp_path, environment=ENVIRONMENT, timeout=PATIENCE)
    try:
        stranger = Speaker(server.announcement.url)
        wait_for(lambda: stranger("GET", "/v1/health").status == 503)
        assert stranger("GET", "/v1/live").status == 200
        with server.connect() as client:
            health = client.health()
        assert health["status"] == "unable"
        assert "cuda:77" in health["devices"][0]["problem"]
    finally:
        server.stop()
