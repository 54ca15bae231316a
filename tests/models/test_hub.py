"""The hub: fetched once, used offline afterwards, listed and removed. Each step in a process of its own, as users have it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Built
from tests.models.little_hub import COMMIT, little_hub
from tests.tiny import TinyKind
from tests.tiny_adapters import LoraFormat

HUB_ID = "somebody/tiny-model"
PRELUDE = f"""
import json
from sd_core.devices import choose_placement
from sd_core.errors import SDError
from sd_core.models import *
from sd_core.models.weights import find_weights
placement = choose_placement("cpu", "float32")
def error(call):
    try:
        call()
    except SDError as error:
        return [type(error).__name__, str(error)]
HUB_ID = {HUB_ID!r}
"""
UNREACHABLE = "http://127.0.0.1:9"

Step = Callable[..., Any]


@pytest.fixture
def step(tmp_path: Path) -> Step:
    """`step(script, endpoint, offline)`: what the script's `answer` is, in a process with an own, lasting cache."""

    def run(script: str, endpoint: str = UNREACHABLE, *, offline: bool = False) -> Any:
        own = {"HF_ENDPOINT": endpoint, "HF_HOME": str(tmp_path / "home"), "HF_HUB_DISABLE_XET": "1"}
        environment = {**os.environ, **own, "HF_HUB_OFFLINE": str(int(offline)), "OMP_NUM_THREADS": "1"}
        command = [sys.executable, "-c", f"{PRELUDE}\n{script}\nprint(json.dumps(answer))"]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=300)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    return run


def test_a_model_is_fetched_once_used_offline_listed_and_removed(
    tiny: Built, lora: Built, step: Step, tmp_path: Path
) -> None:
    served = shutil.copytree(tiny(TinyKind.SD1), tmp_path / "served")
    (served / "unet" / "diffusion_pytorch_model.bin").write_bytes(b"a pickle that nobody wants")
    extras = tmp_path / "extras"
    extras.mkdir()
    shutil.copy(lora(TinyKind.SD1, LoraFormat.KOHYA), extras / "style.safetensors")
    load = "m = load_model(HUB_ID, placement); answer = [m.name, m.family, m.revision, str(m.source)]"
    with little_hub({HUB_ID: served, "somebody/style": extras}) as endpoint:
        unknown = "error(lambda: load_model('somebody/nothing', placement))"
        fetched, unknown = step(f"{load}; find_weights('somebody/style'); answer = [answer, {unknown}]", endpoint)
    assert fetched[:3] == [HUB_ID, "sd1", COMMIT]
    assert unknown[0] == "ModelNotFound" and "there is no https://huggingface.co/somebody/nothing" in unknown[1]
    folder = Path(fetched[3])
    assert not (folder / "unet" / "diffusion_pytorch_model.bin").exists()

    listed = "[[i.name, i.present, i.size > 0] for i in list_models() if 'tiny' in i.name]"
    used = step(f"{load}; answer = [answer, {listed}]")
    assert used == [fetched, [[HUB_ID, True, True]]], "without a network, what was fetched is used"

    (folder / "vae" / "config.json").unlink()
    script = "answer = [find_weights('somebody/style').name, error(lambda: load_model(HUB_ID, placement))]"
    style, missing = step(script, offline=True)
    assert style == "style.safetensors"
    assert missing[0] == "ModelNotFound" and "files are missing: vae/config.json" in missing[1]
    assert f"sd-core models pull {HUB_ID}" in missing[1]

    freed = step(
        "answer = [remove_model(HUB_ID), error(lambda: remove_model(HUB_ID)), error(lambda: show_model(HUB_ID))]"
    )
    assert freed[0] > 10_000 and freed[1][0] == freed[2][0] == "ModelNotFound"
    kept = step("answer = find_weights('somebody/style').name", offline=True)
    assert kept == "style.safetensors", "a repository whose commit has the same name stays"


def test_without_a_network_the_message_says_so(step: Step) -> None:
    kind, message = step("answer = error(lambda: load_model(HUB_ID, placement))")
    assert kind == "ModelNotFound"
    assert "cannot be" in message and "name its folder" in message


def test_the_environment_variable_for_offline_is_honoured(step: Step) -> None:
    kind, message = step("answer = error(lambda: load_model('sdxl', placement))", offline=True)
    assert kind == "ModelNotFound"
    assert "offline, and not on this machine: all of stabilityai/stable-diffusion-xl-base-1.0" in message


def test_the_built_in_model_cannot_be_removed(step: Step) -> None:
    assert step("answer = error(lambda: remove_model('builtin'))", offline=True)[0] == "RequestError"
