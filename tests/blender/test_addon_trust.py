"""What an opened scene names is loaded only once the user allows it."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from sd_core.errors import NotAllowed
from sd_core.trust import approvals, withdraw
from tests.conftest import Built
from tests.tiny import TinyKind

pytestmark = pytest.mark.blender

SECONDS = 240


@pytest.fixture
def elsewhere(tiny: Built, tmp_path: Path) -> Path:
    """A model that the user has not allowed."""
    return Path(shutil.copytree(tiny(TinyKind.SD1), tmp_path / "model"))


def refused(settings: Any, model: Path) -> Any:
    """The job that a scene starts which names this model."""
    import bpy

    from blender_addon import jobs

    settings.use_model, settings.model = True, str(model)
    bpy.ops.sdcore.generate_image()
    (job,) = jobs.running_jobs()
    with pytest.raises(NotAllowed, match="does not offer"):
        jobs.wait(job, SECONDS)
    return job


def test_a_scene_that_names_a_model_is_refused_in_the_background_with_its_path(
    addon: ModuleType, settings: Any, elsewhere: Path
) -> None:
    from blender_addon import problems

    job = refused(settings, elsewhere)
    assert str(elsewhere) in str(job.error)
    assert problems.fix_of(job.error).operator == "sdcore.allow_names"


def test_what_the_user_allows_runs_and_is_what_was_shown(
    addon: ModuleType, settings: Any, elsewhere: Path, blender_home: Path
) -> None:
    from blender_addon import approval, jobs
    from blender_addon.job import JobStage
    from blender_addon.preferences import Preferences, read_preferences

    job = refused(settings, elsewhere)
    assert approval.local_data_folder(read_preferences()) == blender_home
    assert approval.local_data_folder(Preferences(url="http://127.0.0.1:1")) is None
    wanted = approval.refused_names(job, blender_home)
    assert wanted == [("model", str(elsewhere))]
    approval.allow(job, blender_home, wanted)
    jobs.wait(job, SECONDS)
    assert job.stage is JobStage.DONE
    assert approvals(blender_home) == (str(elsewhere),)
    withdraw(blender_home, [str(elsewhere)])
    refused(settings, elsewhere)


def test_a_script_cannot_agree_in_the_users_place(
    addon: ModuleType, settings: Any, elsewhere: Path, blender_home: Path
) -> None:
    import bpy

    job = refused(settings, elsewhere)
    with pytest.raises(RuntimeError, match="Not confirmed in the dialog"):
        bpy.ops.sdcore.allow_names("EXEC_DEFAULT", job=job.id)
    assert approvals(blender_home) == ()


def test_a_dialog_shows_names_without_what_would_hide_a_part() -> None:
    from blender_addon.approval import dialog_lines

    assert dialog_lines([("model", "/a\u202egnp.x\n/b")]) == ["model: /a\\u202egnp.x\\n/b"]
