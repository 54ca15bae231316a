"""What a job warned of reaches the person however it ends: with a result, an error, or cancelled; here and over the wire."""

from __future__ import annotations

from pathlib import Path

import pytest

from sd_core.engine import Engine
from sd_core.errors import Cancelled, RequestError
from sd_core.events import CancelledEvent, Failed, FrameEvent
from sd_core.requests import Animation
from sd_core.wire import event_from_dict, event_to_dict
from tests.animation.clips import moving, write_pictures
from tests.conftest import Built
from tests.tiny import TinyKind


def shot(folder: Path, count: int) -> Animation:
    passes = write_pictures(folder, moving(count, 64, 64))
    return Animation(prompt="clay", passes=passes, strength=0.5, num_inference_steps=2, seed=5)


@pytest.fixture
def engine(tiny: Built) -> Engine:
    return Engine(model=str(tiny(TinyKind.SD1)), device="cpu", dtype="float32")


def test_what_was_found_in_the_folder_is_reported_also_when_the_run_is_cancelled_or_fails(
    engine: Engine, tmp_path: Path
) -> None:
    with engine:
        request, out = shot(tmp_path / "in", 3), tmp_path / "out"
        engine.run(request, output=out)
        for path in (out / "frames").iterdir():
            path.unlink()
        job = engine.submit(request, output=out, resume=True)
        for event in job.events():
            if isinstance(event, FrameEvent):
                job.cancel()
        with pytest.raises(Cancelled) as cancelled:
            job.result()
        assert cancelled.value.warnings == ("frames/000000.png and 2 more had been deleted: made again",)
        (tmp_path / "in" / "0001.png").write_bytes(b"broken")
        with pytest.raises(RequestError) as failed:
            engine.run(request, output=out, resume=True)
        assert any("had been deleted" in warning for warning in failed.value.warnings)


@pytest.mark.parametrize("warnings", [(), ("a was damaged", "b is gone")])
def test_the_last_events_carry_warnings_over_the_wire(warnings: tuple[str, ...]) -> None:
    def sent(event: Failed | CancelledEvent) -> Failed | CancelledEvent:
        back = event_from_dict(event_to_dict(event)[0], lambda _: pytest.fail("no arrays"))
        assert isinstance(back, Failed | CancelledEvent)
        return back

    assert sent(CancelledEvent(warnings)) == CancelledEvent(warnings)
    assert sent(Failed(RequestError("a", "b"), warnings)).warnings == warnings


def test_what_earlier_versions_sent_has_none() -> None:
    assert event_from_dict({"kind": "cancelled"}, lambda _: pytest.fail("no arrays")) == CancelledEvent()
