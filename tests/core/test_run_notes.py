"""The notes of a run are read by what they mean, whichever version wrote them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from sd_core.animation.layout import KIND
from sd_core.error_codes import ErrorCode
from sd_core.errors import RequestError
from sd_core.outputs import MANIFEST
from sd_core.outputs.manifest import manifest_bytes, read_manifest
from tests.core.runs import FRAMES, listing, run


def rewrite_notes(folder: Path, **changes: object) -> None:
    """Change the noted requests as JSON; a value of None removes the field."""
    manifest = read_manifest(folder / MANIFEST, KIND, re.compile(r".*"))
    assert manifest is not None
    for name in ("asked", "resolved"):
        fields = json.loads(manifest.about[name]) | changes
        manifest.about[name] = json.dumps(
            {key: held for key, held in fields.items() if held is not None or key not in changes}
        )
    (folder / MANIFEST).write_bytes(manifest_bytes(manifest))


@pytest.fixture
def finished(tmp_path: Path) -> Path:
    assert run(tmp_path / "run") == [*range(FRAMES)]
    return tmp_path / "run"


def test_a_run_whose_notes_have_no_format_and_lack_a_newer_field_goes_on(finished: Path) -> None:
    rewrite_notes(finished, format=None, overscan=None)
    assert run(finished, resume=True) == []
    with pytest.raises(RequestError, match=f"holds {FRAMES} finished frames of this request; "):
        run(finished)


def test_notes_of_a_newer_version_are_refused_with_its_number(finished: Path) -> None:
    rewrite_notes(finished, format=99)
    before = listing(finished)
    with pytest.raises(
        RequestError, match=r"cannot read: .*99, but this version of sd_core reads formats up to"
    ) as found:
        run(finished, resume=True)
    assert found.value.code == ErrorCode.NEWER_FORMAT
    rewrite_notes(finished, format=1, from_the_future=3)
    with pytest.raises(RequestError, match=r"cannot read: .*from_the_future") as found:
        run(finished, resume=True)
    assert {*listing(finished)} == {*before}


def test_notes_of_another_prompt_are_another_requests(finished: Path) -> None:
    rewrite_notes(finished, format=None, prompt="moss")
    with pytest.raises(RequestError, match="belongs to another request"):
        run(finished, resume=True)
