"""Behind a proxy, under a prefix."""

from __future__ import annotations

from pathlib import Path

import pytest

from sd_core.client import Client, connect
from sd_core.errors import RequestError
from sd_core.server.settings import ServerSettings
from tests.server.conftest import Served
from tests.server.proxy import proxied
from tests.server.servers import PATIENCE, adjust, running
from tests.server.speaking import Speaker


def assert_works(url: str, token: str) -> None:
    """A job, its events, its picture and the docs."""
    with connect(url, token) as client:
        assert client.submit(adjust(31)).result(PATIENCE).images[0].size
    page = Speaker(url)
    assert page("GET", "/docs").status == 200
    for path in ("/docs/assets/swagger-ui.css", "/docs/start.js", "/openapi.json"):
        assert page("GET", path).status == 200


def test_a_prefix_that_the_proxy_takes_away_needs_no_option(served: Served) -> None:
    announced = served.process.announcement
    with proxied(announced.url, "/diffusion", strips=True, host="127.0.0.1") as url:
        assert_works(url, announced.token)


@pytest.mark.slow
def test_a_prefix_that_the_proxy_leaves_is_passed_to_the_server(tmp_path: Path) -> None:
    arguments = ("--root-path", "/diffusion", "--allow-host", "pictures.example")
    with running(tmp_path, *arguments) as (server, client):
        announced = server.announcement
        with proxied(announced.url, "/diffusion", strips=False, host="pictures.example") as url:
            assert_works(url, announced.token)
            page = Speaker(url, announced.token)
            own = {"Origin": "https://pictures.example", "Sec-Fetch-Site": "same-origin"}
            assert page("GET", "/v1/jobs", None, own).status == 200
            assert page("GET", "/v1/jobs", None, {"Origin": "https://other.example"}).status == 403
        with proxied(announced.url, "/diffusion", strips=True, host="pictures.example") as url:
            assert_works(url, announced.token)
        assert client.health()["status"] == "ok", "programs of this machine need no prefix"
        with pytest.raises(RequestError, match="url"):
            Client("ftp://127.0.0.1/diffusion")


@pytest.mark.parametrize("prefix", ["diffusion", "/diffusion/", "/"])
def test_a_prefix_is_written_in_one_way(tmp_path: Path, prefix: str) -> None:
    with pytest.raises(RequestError, match="root_path"):
        ServerSettings(home=tmp_path, root_path=prefix)
