from __future__ import annotations

import numpy as np
import pytest

from jupyter_ext.widgets import Preview
from tests.jupyter.browser.conftest import Mount
from tests.jupyter.browser.stage import flat

pytestmark = pytest.mark.browser


def test_the_latest_picture_is_the_one_that_is_seen(mount: Mount) -> None:
    stage = mount(Preview(image=flat((200, 10, 10)), mime="image/png"))
    for colour in ((10, 200, 10), (10, 10, 200)):
        stage.widget.image = flat(colour)
        stage.until(lambda colour=colour: np.array_equal(stage.pixels("img")[20, 20], colour))


def test_a_picture_that_is_taken_away_is_no_longer_seen(mount: Mount) -> None:
    stage = mount(Preview(image=flat((200, 10, 10))))
    stage.widget.image = b""
    assert stage.find("img").is_hidden()
    assert stage.find(".sd-empty").is_visible()


def test_progress_and_time_left_are_shown_only_while_busy(mount: Mount) -> None:
    stage = mount(Preview())
    assert stage.find("progress").is_hidden()
    stage.widget.busy = True
    stage.widget.progress, stage.widget.seconds_left = 0.25, 74.2
    assert stage.find("progress").evaluate("bar => bar.value") == 0.25
    assert stage.find(".sd-figures").inner_text() == "1 min 15 s left"
    assert stage.root.get_attribute("aria-busy") == "true"


def test_cancel_is_reported_once_and_can_be_pressed_again_in_the_next_run(mount: Mount) -> None:
    stage = mount(Preview(busy=True))
    calls: list[str] = []
    stage.widget.on_cancel(lambda: calls.append("cancel"))
    stage.find("button").focus()
    stage.page.keyboard.press("Enter")
    stage.until(lambda: calls == ["cancel"])
    assert stage.find("button").is_disabled()
    stage.widget.busy = False
    stage.widget.busy = True
    stage.button("Cancel").click()
    stage.until(lambda: calls == ["cancel", "cancel"])


def test_the_next_job_of_a_queue_can_be_cancelled_too(mount: Mount) -> None:
    stage = mount(Preview(busy=True, progress=0.6))
    stage.button("Cancel").click()
    stage.until(lambda: stage.find("button").is_disabled())
    stage.widget.progress = 0.7
    assert stage.find("button").is_disabled()
    stage.widget.progress = 0.0
    assert stage.button("Cancel").is_enabled()


def test_the_caption_is_read_out(mount: Mount) -> None:
    stage = mount(Preview(caption="step 3 of 20"))
    assert stage.root.get_by_role("status").inner_text() == "step 3 of 20"
