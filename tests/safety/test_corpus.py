"""Every hostile file as everything that a request can name: nothing of it runs, and the error says which file and what to do."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sd_core import (
    Animation,
    Control,
    Engine,
    ImagePrompt,
    ImageToImage,
    Lora,
    Request,
    RequestError,
    SDError,
    TextToImage,
    Texture,
)
from sd_core.models.formats import ALLOW_PICKLE
from tests.conftest import Built
from tests.safety.hostile import EVIL_MODULE, WEIGHTS, HostileFile, Role, build_corpus
from tests.tiny import TinyKind

GREY = np.full((64, 64, 3), 128, np.uint8)


@pytest.fixture(scope="module")
def marker(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("marker") / "code-has-run"


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory, marker: Path) -> list[HostileFile]:
    return build_corpus(tmp_path_factory.mktemp("corpus"), marker)


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with Engine(device="cpu", dtype="float32") as shared:
        yield shared


@pytest.fixture(autouse=True)
def importable(corpus: list[HostileFile], monkeypatch: pytest.MonkeyPatch) -> None:
    """The module that some files name can be imported, as one in the working directory could."""
    root = next(attack.path for attack in corpus if attack.path.parent.name == "files").parent.parent
    assert (root / "importable" / f"{EVIL_MODULE}.py").is_file()
    monkeypatch.syspath_prepend(root / "importable")


@pytest.fixture(params=[False, True], ids=["pickles refused", "pickles allowed"])
def pickles(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the environment says of pickles."""
    if request.param:
        monkeypatch.setenv(ALLOW_PICKLE, "1")
    else:
        monkeypatch.delenv(ALLOW_PICKLE, raising=False)


@pytest.fixture(scope="module")
def frames(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("frames")
    for number in range(1, 3):
        Image.fromarray(GREY).save(folder / f"{number:04}.png")
    return str(folder / "####.png")


def as_role(role: Role, path: str, model: str, frames: str) -> Request:
    """A request that names the file as this."""
    given = {"prompt": "a wall", "model": model, "num_inference_steps": 2, "seed": 1}
    small = given | {"width": 64, "height": 64}
    control = Control(kind="depth", image=GREY, model=path)
    made: dict[Role, Callable[[], Request]] = {
        Role.MODEL: lambda: TextToImage(**small | {"model": path}),
        Role.LORA: lambda: TextToImage(**small, loras=[Lora(path)]),
        Role.CONTROLNET: lambda: TextToImage(**small, controls=[control]),
        Role.T2I_ADAPTER: lambda: TextToImage(**small, controls=[control]),
        Role.IMAGE_PROMPT: lambda: TextToImage(**small, image_prompt=ImagePrompt(GREY, model=path)),
        Role.ESTIMATOR: lambda: Texture(**small, estimator=path),
        Role.DEPTH_ESTIMATOR: lambda: Animation(**given, passes=frames, strength=0.5, depth_estimator=path),
        Role.ARRAY: lambda: ImageToImage(**given, image=path),
    }
    return made[role]()


def check_error(error: SDError, path: Path) -> None:
    text = str(error)
    assert error.hint, f"says not what to do: {text}"
    assert path.name in text, f"says not which file: {text}"
    assert "defect" not in text, text


@pytest.mark.usefixtures("pickles")
@pytest.mark.parametrize("role", [role for role in WEIGHTS if role is not Role.ESTIMATOR])
def test_no_hostile_file_runs_whatever_it_is_named_as(
    engine: Engine, tiny: Built, corpus: list[HostileFile], frames: str, marker: Path, role: Role
) -> None:
    check_all(engine, corpus, role, str(tiny(TinyKind.SD1)), frames, marker)


@pytest.mark.usefixtures("pickles")
@pytest.mark.parametrize("every", [False, pytest.param(True, marks=pytest.mark.slow)], ids=["some", "all"])
def test_no_hostile_file_runs_as_an_estimator_of_maps(
    engine: Engine, tiny: Built, corpus: list[HostileFile], frames: str, marker: Path, every: bool
) -> None:
    # it is opened when the texture is there, so that each costs a run
    attacks = corpus if every else [attack for attack in corpus if attack.path.is_dir()][::4] + corpus[:60:10]
    check_all(engine, attacks, Role.ESTIMATOR, str(tiny(TinyKind.SD1)), frames, marker)


def check_all(engine: Engine, attacks: list[HostileFile], role: Role, model: str, frames: str, marker: Path) -> None:
    for attack in attacks:
        request = as_role(role, str(attack.path), model, frames)
        if attack.ignored and role in attack.roles:
            engine.run(request)
        else:
            with pytest.raises(SDError) as refused:
                engine.run(request)
            check_error(refused.value, attack.path)
        assert not marker.exists(), f"{attack.about} ran as {role}"
        assert EVIL_MODULE not in sys.modules, f"{attack.about} was imported as {role}"


def test_arrays_of_objects_are_refused_before_a_job_begins(corpus: list[HostileFile], marker: Path) -> None:
    attacks = [attack for attack in corpus if Role.ARRAY in attack.roles]
    assert {attack.path.suffix for attack in attacks} == {".npy", ".npz"}
    for attack in attacks:
        with pytest.raises(RequestError) as refused:
            as_role(Role.ARRAY, str(attack.path), "builtin", "")
        assert refused.value.hint and not marker.exists()


def test_the_payloads_do_run_where_files_are_trusted(tmp_path: Path) -> None:
    import pickle

    from tests.safety import payloads

    for protocol in payloads.PROTOCOLS:
        marker = tmp_path / f"marker-{protocol}"
        run: Callable[[bytes], object] = pickle.loads
        run(payloads.raw_pickle(marker, protocol))["state_dict"]["lora.weight"].close()  # type: ignore[index]
        assert marker.exists(), "else the absence of the marker would say nothing"
