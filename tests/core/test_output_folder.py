"""Nothing of the user's is lost in an output folder, whatever lies there and whenever a run is killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from sd_core.animation.layout import open_folder
from sd_core.animation.media import frame_store as stores
from sd_core.errors import OutputError, RequestError
from sd_core.outputs import MANIFEST, is_whole
from sd_core.outputs.manifest import Content, Manifest, manifest_bytes
from tests.core.runs import FRAMES, MINE, listing, plant, request, run
from tests.core.test_saving import without_rights

ROOT = Path(__file__).resolve().parents[2]

NAMES = ("frames/000002.png", "state/after_000003.npz", "state/image_000000.npy", "report.json")


def program(*arguments: str) -> subprocess.Popen[str]:
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        [sys.executable, *arguments], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def frames(folder: Path) -> dict[str, bytes]:
    """What lies among the frames, but for what was damaged and is set aside."""
    named = {name: held for name, held in listing(folder).items() if name.startswith("frames/")}
    return {name: held for name, held in named.items() if ".changed" not in name}


@pytest.fixture
def whole(tmp_path: Path) -> Path:
    """A folder of a run that nothing disturbed."""
    run(tmp_path / "whole")
    return tmp_path / "whole"


@pytest.mark.parametrize("how", [{}, {"resume": True}, {"overwrite": True}], ids=["new", "resume", "overwrite"])
@pytest.mark.parametrize("name", NAMES)
def test_somebody_elses_file_is_named_before_anything_is_touched(
    tmp_path: Path, name: str, how: dict[str, bool]
) -> None:
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_bytes(b"mine")
    with pytest.raises(OutputError, match=f"{name}: lies where a file is to be written"):
        run(tmp_path, **how)
    assert listing(tmp_path) == {name: b"mine"}
    assert not (tmp_path / ".sd_core").exists()


def test_everything_that_nobody_needs_stays_as_it_is(tmp_path: Path) -> None:
    plant(tmp_path)
    run(tmp_path)
    run(tmp_path, overwrite=True, count=3)
    run(tmp_path, resume=True, count=3)
    assert all((tmp_path / name).read_bytes() == name.encode() for name in MINE)


def test_a_link_at_a_name_of_ours_is_somebody_elses(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "frames").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OutputError, match="frames: is no folder of sd_core's"):
        run(tmp_path / "out")
    (tmp_path / "out" / "frames").unlink()
    (tmp_path / "elsewhere" / "lock").write_bytes(b"mine")
    (tmp_path / "out" / ".sd_core").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OutputError, match=r"\.sd_core: is a link"):
        run(tmp_path / "out")
    assert listing(tmp_path / "elsewhere") == {"lock": b"mine"}
    (tmp_path / "out" / ".sd_core").unlink()
    run(tmp_path / "out")
    picture = tmp_path / "out" / "frames" / "000001.png"
    picture.rename(tmp_path / "elsewhere" / "mine.png")
    picture.symlink_to(tmp_path / "elsewhere" / "mine.png")
    before = listing(tmp_path / "elsewhere")
    for how in ({"resume": True}, {"overwrite": True}):
        with pytest.raises(OutputError, match=r"000001\.png"):
            run(tmp_path / "out", **how)
    assert listing(tmp_path / "elsewhere") == before


@pytest.mark.parametrize(
    "name",
    ["../mine.png", "/mine.png", "frames/../../mine.png", "C:/mine.png", "frames\\000001.png", "thesis.docx", ""],
)
def test_a_manifest_cannot_name_what_is_not_ours(tmp_path: Path, name: str) -> None:
    (tmp_path / "mine.png").write_bytes(b"mine")
    out = tmp_path / "out"
    out.mkdir()
    (out / "thesis.docx").write_bytes(b"mine")
    held = Manifest("animation", {}, {name: (Content(4, "0" * 64),)})
    (out / MANIFEST).write_bytes(manifest_bytes(held))
    before = listing(tmp_path)
    for how in ({}, {"resume": True}, {"overwrite": True}):
        with pytest.raises(OutputError, match="which sd_core does not write"):
            run(out, **how)
    assert listing(tmp_path) == before


@pytest.mark.parametrize("held", [b"", b"{", b"[]", b'{"format": 1}', b"null"], ids=str)
def test_a_damaged_manifest_is_named_and_nothing_is_touched(whole: Path, held: bytes) -> None:
    (whole / MANIFEST).write_bytes(held)
    before = listing(whole)
    for how in ({}, {"resume": True}, {"overwrite": True}):
        with pytest.raises(OutputError, match=r"sd_core\.manifest\.json: is damaged.*put back a copy"):
            run(whole, **how)
    assert listing(whole) == before


def test_one_wrong_bit_in_a_manifest_is_noticed(whole: Path) -> None:
    raw = bytearray((whole / MANIFEST).read_bytes())
    for at in range(0, len(raw), 97):
        if raw[at : at + 1].isspace():
            continue  # between values white space means nothing
        changed = bytearray(raw)
        changed[at] ^= 1
        (whole / MANIFEST).write_bytes(changed)
        with pytest.raises(OutputError, match=r"sd_core\.manifest\.json"):
            run(whole, resume=True)


def test_a_folder_of_another_kind_or_version_is_refused(whole: Path) -> None:
    (whole / MANIFEST).write_bytes(manifest_bytes(Manifest("mesh views")))
    with pytest.raises(OutputError, match="of the kind 'mesh views', not 'animation'"):
        run(whole, resume=True)
    held = json.loads(manifest_bytes(Manifest("animation"))) | {"format": 2}
    (whole / MANIFEST).write_text(json.dumps(held))
    with pytest.raises(OutputError, match="has format 2"):
        run(whole, resume=True)


def test_finished_frames_are_refused_unless_the_call_says_what_to_do(whole: Path) -> None:
    before = listing(whole)
    with pytest.raises(RequestError, match=f"holds {FRAMES} finished frames of this request; resume=True"):
        run(whole)
    assert listing(whole) == before
    assert run(whole, resume=True) == []
    assert frames(whole) == {name: held for name, held in before.items() if name in frames(whole)}
    assert run(whole, overwrite=True, count=2) == [0, 1]
    assert sorted(name for name in listing(whole) if "frames" in name) == ["frames/000000.png", "frames/000001.png"]


def ruined(raw: bytes, how: str) -> bytes:
    flipped = bytearray(raw)
    flipped[len(raw) // 2] ^= 16
    return {"emptied": b"", "cut": raw[: len(raw) // 2], "flipped": bytes(flipped)}[how]


@pytest.mark.parametrize(("how", "checkpoint"), [("emptied", 2), ("cut", 100), ("flipped", 2), ("gone", 100)])
def test_each_file_that_is_damaged_is_made_again(
    tmp_path: Path, how: str, checkpoint: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stores, "CHECKPOINT", checkpoint)
    run(tmp_path / "whole")
    wanted = frames(tmp_path / "whole")
    out = tmp_path / "out"
    run(out, count=FRAMES)
    for name in sorted(set(listing(out)) - {MANIFEST}):
        if not (out / name).is_file():
            continue  # went with a state that could not be gone on from any more
        raw = (out / name).read_bytes()
        (out / name).unlink() if how == "gone" else (out / name).write_bytes(ruined(raw, how))
        run(out, resume=True)
        assert frames(out) == wanted, name
        assert run(out, resume=True) == [], name
        assert how == "gone" or ruined(raw, how) in listing(out).values(), "what was damaged is kept"


def test_damage_costs_no_more_than_the_frames_since_the_last_state_that_was_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stores, "CHECKPOINT", 3)
    warnings: list[str] = []
    run(tmp_path)
    (tmp_path / "state" / "after_000004.npz").write_bytes(b"")
    assert run(tmp_path, resume=True) == [3, 4]
    (tmp_path / "frames" / "000001.png").write_bytes(b"")
    assert run(tmp_path, resume=True, warnings=warnings) == [0, 1]
    wanted = "frames/000001.png was damaged, and is made again: what was there is 000001.changed.png now"
    assert warnings == [wanted]


def test_what_somebody_has_changed_is_kept_and_named(whole: Path) -> None:
    from sd_core.encoding import encode_png

    mine = encode_png(np.zeros((8, 8, 3), np.uint8))
    (whole / "frames" / "000001.png").write_bytes(mine)
    (whole / "report.json").write_text('{"my": "notes"}')
    (whole / "state" / "after_000004.npz").write_bytes(b"")
    warnings: list[str] = []
    run(whole, resume=True, warnings=warnings)
    assert (whole / "frames" / "000001.png").read_bytes() == mine
    assert (whole / "report.changed.json").read_text() == '{"my": "notes"}'
    assert any("frames/000001.png has been changed" in warning for warning in warnings)
    assert any("report.changed.json" in warning for warning in warnings)
    (whole / "frames" / "000001.png").unlink()
    assert 1 in run(whole, resume=True)


def as_earlier(folder: Path) -> None:
    """As a version without manifests left it: with the newest state alone."""
    (folder / MANIFEST).unlink()
    held = {"asked": request().to_json(), "resolved": request().to_json()}
    (folder / "state" / "animation.json").write_text(json.dumps(held))


def test_a_folder_of_an_earlier_version_goes_on(whole: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    store = stores.FrameStore(out, request(), FRAMES)
    store.begin(request())
    from tests.core.runs import frame

    total = np.zeros(1)
    for index in range(3):
        total = frame(store, index, total)
    store.close()
    as_earlier(out)
    (out / "frames" / "notes.txt").write_text("mine")
    before = listing(out)
    with pytest.raises(
        RequestError, match="holds 3 finished frames of this request, of an earlier version; resume=True"
    ):
        run(out)
    with pytest.raises(OutputError, match="lies where a file is to be written"):
        run(out, overwrite=True)
    assert listing(out) == before
    assert run(out, resume=True) == [3, 4]
    assert frames(out) == frames(whole) | {"frames/notes.txt": b"mine"}


def test_of_an_earlier_version_only_what_is_whole_and_has_its_names_is_taken_over(whole: Path) -> None:
    as_earlier(whole)
    (whole / "frames" / "000003.png").write_bytes(b"cut")
    (whole / "frames" / "000050.png").write_bytes((whole / "frames" / "000001.png").read_bytes())
    before = listing(whole)
    with pytest.raises(OutputError, match=r"frames/000003\.png: lies where a file is to be written"):
        run(whole, resume=True)
    assert listing(whole) == before
    (whole / "frames" / "000003.png").unlink()
    assert run(whole, resume=True) == [0, 1, 2, 3]
    assert (whole / "frames" / "000050.png").read_bytes() == before["frames/000050.png"]


HOLD = """
import sys
from pathlib import Path
from sd_core.animation.layout import open_folder
folder = open_folder(Path(sys.argv[1]))
folder.write({"frames/000000.png": b"theirs"})
folder.stage("x").write_bytes(b"half")
print(flush=True)
sys.stdin.read()
"""


def test_a_second_worker_is_refused_untouched_and_learns_who_works_there(tmp_path: Path) -> None:
    with program("-c", HOLD, str(tmp_path)) as first:
        assert first.stdout is not None and first.stdout.readline()
        before = listing(tmp_path)
        for how in ({}, {"resume": True}, {"overwrite": True}):
            with pytest.raises(OutputError, match=rf"is worked in by .*process {first.pid} on .*since 20"):
                run(tmp_path, **how)
        assert listing(tmp_path) == before
        first.send_signal(signal.SIGKILL)
        first.wait()
    with open_folder(tmp_path) as opened:  # at once
        assert opened.listed_names() == {"frames/000000.png"}
        assert not list(tmp_path.rglob("*-x")), "what was not finished is gone"


TRY = """
import sys
from pathlib import Path
from sd_core.animation.layout import open_folder
from sd_core.errors import OutputError
sys.stdin.readline()
try:
    folder = open_folder(Path(sys.argv[1]))
except OutputError as error:
    print("refused", error, flush=True)
else:
    print("works", flush=True)
sys.stdin.read()
"""


def test_of_several_that_begin_at_once_one_works_and_the_others_are_refused(tmp_path: Path) -> None:
    workers = [program("-c", TRY, str(tmp_path / "out")) for _ in range(4)]
    for worker in workers:
        assert worker.stdin is not None
        worker.stdin.write("\n")
        worker.stdin.flush()
    said = [worker.stdout.readline() for worker in workers if worker.stdout is not None]
    assert [line.split()[0] for line in sorted(said)] == ["refused", "refused", "refused", "works"], said
    assert all("is worked in by" in line for line in said if line.startswith("refused"))
    for worker in workers:
        worker.communicate()


def test_two_engines_of_one_process_do_not_share_a_folder(tmp_path: Path) -> None:
    with open_folder(tmp_path), pytest.raises(OutputError, match=f"process {os.getpid()}"):
        open_folder(tmp_path)
    forgotten = open_folder(tmp_path)
    del forgotten
    open_folder(tmp_path).close()


def test_workers_at_other_frames_share_a_folder_and_lose_nothing(tmp_path: Path) -> None:
    from sd_core.animation.layout import _NAMES
    from sd_core.outputs import OutputFolder
    from tests.core.runs import listing as held

    spans = [(0, 9), (10, 19), (20, 29)]
    workers = [OutputFolder(tmp_path, "animation", _NAMES, span) for span in spans]
    for step in range(10):
        for (first, _), worker in zip(spans, workers, strict=True):
            worker.write({f"frames/{first + step:06d}.png": bytes([first + step])})
    with pytest.raises(OutputError, match="at frames 10 to 19"):
        OutputFolder(tmp_path, "animation", _NAMES, (15, 16))
    with pytest.raises(OutputError, match="is worked in"):
        open_folder(tmp_path)
    for worker in workers:
        worker.close()
    with open_folder(tmp_path) as opened:
        assert (
            opened.listed_names()
            == {f"frames/{index:06d}.png" for index in range(30)}
            == set(held(tmp_path)) - {MANIFEST}
        )


def troubled(tmp_path: Path, fault: str, first: int, stride: int) -> tuple[list[int], list[Path]]:
    """How runs ended that met trouble at each such call, and their folders, each of which another run has gone on in."""
    with program("-m", "tests.core.runs", str(tmp_path / "runs"), fault, str(first), str(stride)) as process:
        (tmp_path / "runs").mkdir()
        said = process.communicate()[0]
    assert process.returncode == 0, said
    return json.loads(said), sorted((tmp_path / "runs").iterdir())


@pytest.mark.parametrize(
    ("first", "stride"), [(1, 11), pytest.param(1, 1, marks=pytest.mark.slow)], ids=["some", "all"]
)
@pytest.mark.parametrize(("fault", "code"), [("die", -signal.SIGKILL), ("no_space", 3)])
def test_wherever_a_run_is_killed_or_the_disk_is_full_it_goes_on_to_the_same_bytes(
    tmp_path: Path, fault: str, code: int, first: int, stride: int
) -> None:
    codes, folders = troubled(tmp_path, fault, first, stride)
    assert codes[-1] == 0 and code in codes and set(codes) <= {0, code}
    assert len(folders) == len(codes) > 8
    run(tmp_path / "whole")
    plant(tmp_path / "whole")
    for folder in folders:
        assert frames(folder) == frames(tmp_path / "whole"), folder
        assert all((folder / name).read_bytes() == name.encode() for name in MINE), folder
        assert len(list(folder.glob(".sd_core/unfinished-*"))) == 1, "nothing half-written is left"


def test_a_folder_that_cannot_be_written_is_reported_before_the_work(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir(mode=0o755)
    tmp_path.chmod(0o755)
    for path in (tmp_path / "out", tmp_path / "new"):
        with without_rights(), pytest.raises(OutputError, match="choose a folder that you may write to"):
            stores.FrameStore(path, request(), 1)
    with pytest.raises(OutputError, match="create the folder first"):
        run(tmp_path / "no" / "where")
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="is a file"):
        run(tmp_path / "file")


def test_a_run_that_begins_with_nothing_leaves_nothing(tmp_path: Path) -> None:
    open_folder(tmp_path / "out").close()
    assert list(tmp_path.iterdir()) == []


def test_wholeness_is_seen_in_every_byte_of_a_picture(whole: Path) -> None:
    path = whole / "frames" / "000000.png"
    raw = path.read_bytes()
    assert is_whole(path)
    for at in range(len(raw)):
        changed = bytearray(raw)
        changed[at] ^= 1
        path.write_bytes(changed)
        assert not is_whole(path), at
    path.write_bytes(raw + b"x")
    assert not is_whole(path)
