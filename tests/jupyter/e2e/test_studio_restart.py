"""What outlives a kernel: pictures in the notebook, jobs on a server, presets of one's own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from sd_core.client import Client
from tests.jupyter.e2e.conftest import Open
from tests.jupyter.e2e.host import Book
from tests.jupyter.e2e.studio import IMPORT, SMALL, button, entry, generate, opened, studio_cell
from tests.server.servers import running

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    with running(tmp_path_factory.mktemp("server")) as (_, client):
        yield client


def restart(made: Book) -> None:
    made.page.evaluate("window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart()")
    made.page.wait_for_function("window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.status === 'idle'")


def test_a_restarted_kernel_leaves_the_picture_and_the_cell_runs_again(book: Open) -> None:
    made = opened(book, studio_cell())
    generate(made, 1)
    restart(made)
    expect(made.page.locator(".jp-RenderedImage img")).to_be_visible()
    made.run()
    made.wait_for("studio.status", "idle")
    generate(made, 1)


def test_jobs_on_a_server_are_found_again_after_a_restart(book: Open, server: Client) -> None:
    token = server.transport._headers["Authorization"].removeprefix("Bearer ")
    request = f"sd_core.TextToImage(prompt='a wall', {SMALL})"
    made = opened(book, f"{IMPORT}\nstudio = Studio(sd_core.connect({server.url!r}, {token!r}), {request})\nstudio")
    generate(made, 1)
    digest = made.ask("sd_core.values.array_digest(list(studio.history)[0].picture)")
    restart(made)
    made.run()
    made.wait_for("[sd_core.values.array_digest(each.picture) for each in studio.history]", [digest])
    thumbnail = made.page.locator(".sd-studio .sd-thumbnail")
    expect(thumbnail).to_have_count(1)
    expect(made.page.locator(".jp-RenderedImage img")).to_be_visible()


def test_a_preset_of_one_s_own_is_there_in_another_notebook(book: Open) -> None:
    made = opened(book, studio_cell("width=64, height=64, num_inference_steps=3"))
    presets = made.page.locator(".sd-studio .studio-presets")
    presets.locator("input").fill("three steps")
    presets.locator("input").press("Enter")
    presets.locator("button[title*=Save]").click()
    made.wait_for("'three steps' in studio.presets")
    other = opened(book, studio_cell())
    other.page.locator(".sd-studio .studio-presets select").select_option("three steps")
    other.wait_for("studio.request.num_inference_steps", 3)
    expect(entry(other.page, "prompt")).to_be_visible()
    expect(button(other.page, "Generate")).to_be_enabled()
