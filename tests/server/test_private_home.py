"""What the server keeps is for its own user: from the first start, and from the next one where it was not."""

from __future__ import annotations

import json
import os
import stat
import sys
from pathlib import Path

import psutil
import pytest
from typer.testing import CliRunner

from sd_core.cli.app import make_app
from sd_core.client import start_server
from sd_core.errors import ServerError
from sd_core.wire.private import make_private
from tests.server.servers import ENVIRONMENT, PATIENCE, START, adjust, engine_pid, running

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows has no such permissions")


def open_to_others(home: Path) -> list[str]:
    """What others may do anything with."""
    return [str(path) for path in (home, *home.rglob("*")) if path.lstat().st_mode & 0o077 and not path.is_symlink()]


def test_nobody_else_can_read_what_a_server_keeps_and_its_token_is_in_one_file(tmp_path: Path) -> None:
    home = tmp_path / "not there yet"
    before = os.umask(0o000)
    try:
        with running(home) as (server, client):
            client.run(adjust())
            engine = engine_pid(client)
            assert not open_to_others(home)
            token = server.announcement.token.encode()
            holders = [path.name for path in home.rglob("*") if path.is_file() and token in path.read_bytes()]
            assert holders == ["server.json"]
            lines = [" ".join(psutil.Process(pid).cmdline()) for pid in (server.process.pid, engine)]
            assert not [line for line in lines if token.decode() in line]
            assert token.decode() not in server.announcement.url
    finally:
        os.umask(before)


def test_what_others_could_read_is_repaired_and_reported_once(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with running(home) as (_, client):
        client.run(adjust())
    paths = [home, home / "logs", home / "blobs", home / "journal.sqlite3"]
    for path in paths:
        path.chmod(0o755)
    count = 0
    for path in (home / "blobs").iterdir():
        path.chmod(0o644)
        count += 1
    (home / "loras").mkdir()
    (home / "loras").chmod(0o755)
    expected = {f"{path} could be read by other users: now only by its owner" for path in paths}
    expected.add(f"{count} files in {home / 'blobs'} could be read by other users: now only by its owner")
    with running(home):
        assert open_to_others(home) == [str(home / "loras")], "what is the user's own stays as it is"
        said = (home / "start.log").read_text().splitlines()
        assert sorted(line.removeprefix("WARNING: ") for line in said if "WARNING" in line) == sorted(expected)
        logged = [json.loads(line) for line in (home / "logs" / "server.jsonl").read_text().splitlines()]
        assert sorted(line["message"] for line in logged if line["levelname"] == "WARNING") == sorted(expected)


def test_a_home_of_somebody_else_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: tmp_path.stat().st_uid + 1)
    with pytest.raises(ServerError, match="belongs to another user"):
        make_private(tmp_path)


@pytest.mark.parametrize("place", ["itself", "beside", "inside"])
def test_a_link_to_where_everybody_can_write_is_refused(tmp_path: Path, place: str) -> None:
    """In the folder itself, in one that it could be moved out of, or for a part of the home only."""
    open_folder = tmp_path / "open"
    target = open_folder / "target"
    target.mkdir(parents=True)
    (target if place == "itself" else open_folder).chmod(0o777)
    home = tmp_path / "home"
    if place == "inside":
        home.mkdir()
        (home / "blobs").symlink_to(target)
    else:
        home.symlink_to(target)
    with pytest.raises(ServerError, match="every user can write"):
        make_private(home)


def test_a_link_to_a_place_of_the_same_user_is_followed(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.mkdir()
    target.chmod(0o755)
    (tmp_path / "home").symlink_to(target)
    assert make_private(tmp_path / "home") == [f"{tmp_path / 'home'} could be read by other users"]
    assert stat.S_IMODE(target.stat().st_mode) == 0o700


def test_a_link_in_the_home_leads_to_no_change_elsewhere(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.touch(0o644)
    elsewhere.chmod(0o644)
    home = tmp_path / "home"
    (home / "blobs").mkdir(parents=True)
    for link in (home / "server.json", home / "blobs" / "link"):
        link.symlink_to(elsewhere)
    make_private(home)
    assert stat.S_IMODE(elsewhere.stat().st_mode) == 0o644


@pytest.mark.parametrize("mode", [0o1777, 0o777, 0o755])
def test_a_folder_of_other_things_is_no_home_and_stays_as_it_is(tmp_path: Path, mode: int) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "something").touch()
    (home / "start.log").touch()
    home.chmod(mode)
    with pytest.raises(ServerError, match="holds 'something'"):
        make_private(home)
    assert stat.S_IMODE(home.stat().st_mode) == mode


def test_a_marker_of_somebody_else_makes_no_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Such as a folder "blobs" that somebody has put into /tmp."""
    (tmp_path / "blobs").mkdir()
    real, user = Path.lstat, os.geteuid()

    def lstat(path: Path) -> os.stat_result:
        found = real(path)
        return os.stat_result((*found[:4], user + 1, *found[5:10])) if path.name == "blobs" else found

    monkeypatch.setattr(Path, "lstat", lstat)
    with pytest.raises(ServerError, match="holds 'blobs'"):
        make_private(tmp_path)


@pytest.mark.parametrize("name", ["journal.sqlite3", "server.lock", "loras"])
def test_a_home_that_was_used_or_prepared_is_repaired_whatever_else_it_holds(tmp_path: Path, name: str) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / name).touch()
    if name != "loras":
        (home / "something").touch()
    home.chmod(0o1777)
    make_private(home)
    assert stat.S_IMODE(home.stat().st_mode) & 0o777 == 0o700


def test_a_home_below_a_folder_that_others_can_write_is_refused_and_not_made(tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o777)
    with pytest.raises(ServerError, match=f"lies below {shared}, where every user can write"):
        make_private(shared / "a" / "home")
    assert not list(shared.iterdir())
    shared.chmod(0o1777)
    assert make_private(shared / "a" / "home") == []


@pytest.mark.parametrize("home", ["", "."])
def test_no_home_is_not_the_current_folder(home: str) -> None:
    done = CliRunner().invoke(make_app(), ["serve", "--home", home])
    assert done.exit_code == 2
    assert "names no folder" in done.output


@pytest.mark.slow
def test_a_token_on_the_command_line_is_warned_about_and_one_from_a_file_is_not(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("a-token-of-a-file\n")
    path.chmod(0o600)
    for arguments, is_warned in ((["--token", "seen-by-all-the-others"], True), (["--token-file", str(path)], False)):
        with running(tmp_path / "home", *arguments) as (server, _):
            said = (tmp_path / "home" / "start.log").read_text()
            assert ("warning: other users can read --token" in said) is is_warned
            assert server.announcement.token in {"seen-by-all-the-others", "a-token-of-a-file"}
            assert server.announcement.token not in said


@pytest.mark.slow
def test_a_token_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("secret")
    path.chmod(0o644)
    arguments = [*START, "--token-file", str(path)]
    with pytest.raises(ServerError, match="chmod 600"):
        start_server(arguments=arguments, home=tmp_path / "home", environment=ENVIRONMENT, timeout=PATIENCE)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="needs a terminal")
def test_the_token_is_shown_on_a_terminal(tmp_path: Path) -> None:
    import pexpect

    environment = {
        **os.environ,
        "SD_CORE_HOME": str(tmp_path / "home"),
        "SD_CORE_TOKEN": "shown-on-a-terminal",
        "TERM": "dumb",
    }
    command = ["-m", "sd_core.cli", "serve", "--port", "0", *START]
    shown = pexpect.spawn(sys.executable, command, env=environment, timeout=PATIENCE)  # type: ignore[arg-type]
    shown.expect("Token shown-on-a-terminal")
    shown.sendintr()
    shown.expect(pexpect.EOF)
    shown.close()
    assert shown.exitstatus == 130
