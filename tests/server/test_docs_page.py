"""The interface in a browser that has no network but this machine."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser

from tests.server.conftest import Served
from tests.server.proxy import proxied

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("is_proxied", [False, True])
def test_the_docs_can_be_read_and_tried_offline_with_a_token_that_is_kept_nowhere(
    served: Served, browser: Browser, is_proxied: bool
) -> None:
    announced = served.process.announcement
    if is_proxied:
        with proxied(announced.url, "/below/this", strips=True, host="127.0.0.1") as url:
            _try(browser, url, announced.token)
    else:
        _try(browser, announced.url, announced.token)


def _try(browser: Browser, url: str, token: str) -> None:
    page = browser.new_page()
    asked: list[str] = []
    complaints: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: complaints.append(message.text))
    page.goto(f"{url}/docs")
    page.click("button.authorize")
    page.fill("input[aria-label=auth-bearer-value]", token)
    page.click(".auth-btn-wrapper button.authorize")
    page.click("button.btn-done")
    page.click("[id^=operations-machine-health] .opblock-summary")
    page.click("button.try-out__btn")
    with page.expect_response(f"{url}/v1/health") as answer:
        page.click("button.execute")
    assert answer.value.json()["identity"] == "admin"
    assert complaints == []
    own = urlsplit(url).netloc
    assert {urlsplit(address).netloc for address in asked} <= {own, ""}
    assert not [address for address in (*asked, page.url) if token in address]
    kept = "JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie])"
    assert page.evaluate(kept) == '[{},{},""]'
    page.close()
