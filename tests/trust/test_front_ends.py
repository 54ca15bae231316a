"""Pictures that name hostile files: no front end opens what they name, and the refusal shows it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import sd_core
from sd_core.errors import NotAllowed
from sd_core.requests import Request, TextToImage
from sd_core.results import Result
from tests.safety.hostile import HostileFile, build_files
from tests.trust.attacks import GREY, requests_naming

ROOT = Path(__file__).parents[2]
WATCHED = """
import json, sys
from pathlib import Path
pictures, named, marker = json.loads(Path(sys.argv[1]).read_text())
touched = []

def watch(event, given):
    # the picture itself is read for its request, by its own name; what it names is not, under any name
    if event in ("open", "os.listdir", "os.scandir") and isinstance(given[0], str) and given[0].startswith(named):
        touched.append((event, given[0]))
    if event in ("pickle.find_class", "socket.connect", "subprocess.Popen"):
        touched.append((event, str(given)))

sys.addaudithook(watch)
{program}
assert not touched, touched
assert not Path(marker).exists()
"""

LOADING = """
import sd_core
for picture in pictures:
    try:
        sd_core.load_request(picture)
    except sd_core.NotAllowed as error:
        assert error.names[0]["shown"].startswith(named)
    else:
        raise AssertionError(picture)
"""

COMMAND = """
from typer.testing import CliRunner
from sd_core.cli.app import make_app
app, runner = make_app(), CliRunner()
for picture in pictures:
    done = runner.invoke(app, ["run", picture])
    assert done.exit_code == 2, (done.output, done.exception)
    assert named in done.stderr
assert "torch" not in sys.modules
"""

STUDIO = """
from jupyter_ext.studio import Studio
def no_engine():
    raise AssertionError("nothing is to be run")
studio = Studio(object())
studio._engine = no_engine
for picture in pictures:
    studio.open_picture(picture)
    assert studio._panel.question.box.layout.display == ""
    assert named in studio._panel.question._text.value
    assert studio.request is None and not studio._runner.unfinished_jobs
"""


@pytest.fixture(scope="module")
def marker(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("marker") / "code-has-run"


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory, marker: Path) -> list[HostileFile]:
    return list(build_files(tmp_path_factory.mktemp("corpus"), marker))


@pytest.fixture(scope="module")
def order(tmp_path_factory: pytest.TempPathFactory, corpus: list[HostileFile], marker: Path) -> Path:
    """Pictures that name each file of the corpus, and one file in every way, in a folder of their own."""
    folder = tmp_path_factory.mktemp("pictures")
    requests: list[Request] = [TextToImage(prompt="a", model=str(attack.path)) for attack in corpus]
    requests += requests_naming(str(corpus[0].path))
    paths = [str(saved(request, folder / f"{index}.png")) for index, request in enumerate(requests)]
    order = folder / "order.json"
    order.write_text(json.dumps([paths, str(corpus[0].path.parent), str(marker)]))
    return order


def saved(request: Request, path: Path) -> Path:
    return Result(images=[GREY], request=request).save(path)[0]


def watched(program: str, order: Path, home: Path) -> subprocess.CompletedProcess[str]:
    """In a process of its own: an audit hook cannot be taken away again."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path]), "SD_CORE_HOME": str(home)}
    return subprocess.run(
        [sys.executable, "-c", WATCHED.replace("{program}", program), order],
        capture_output=True,
        text=True,
        cwd=home,
        env=environment | {"COLUMNS": "10000", "NO_COLOR": "1"},
        check=False,
    )


@pytest.mark.parametrize(
    "program", [LOADING, COMMAND, STUDIO], ids=["load_request", "sd-core run", "the studio of a notebook"]
)
def test_nothing_that_a_picture_names_is_opened(program: str, order: Path, tmp_path: Path) -> None:
    done = watched(program, order, tmp_path)
    assert done.returncode == 0, done.stderr[-3000:]


@pytest.mark.parametrize("program", ["open(named + '/zip.ckpt').close()", "import os; os.listdir(named)"])
def test_whoever_opens_it_is_seen(program: str, order: Path, tmp_path: Path) -> None:
    assert "AssertionError: [(" in watched(program, order, tmp_path).stderr


def test_a_picture_that_is_its_own_payload_runs_nothing(
    corpus: list[HostileFile], marker: Path, tmp_path: Path
) -> None:
    """A file that is a picture for one reader and a pickle for another, and whose request names itself as the model."""
    picture = saved(TextToImage(prompt="a", model=str(tmp_path / "wall.png")), tmp_path / "wall.png")
    payload = next(attack.path for attack in corpus if attack.path.name == "zip.ckpt").read_bytes()
    # zip is read from its end, PNG from its beginning
    picture.write_bytes(picture.read_bytes() + payload)
    with pytest.raises(NotAllowed, match=r"wall\.png"):
        sd_core.load_request(picture)
    assert sd_core.load_request(picture, trust=True) == TextToImage(prompt="a", model=str(picture))
    assert not marker.exists()
