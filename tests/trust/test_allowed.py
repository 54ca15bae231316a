"""What requests from elsewhere may use: decided from the name alone, without opening anything."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from sd_core.catalogue import known_hub_ids
from sd_core.errors import NotAllowed, RequestError, SDError, error_from_dict
from sd_core.trust import (
    Allowed,
    ExternalName,
    Kind,
    absolute_names,
    approvals,
    approve,
    printable,
    resolve_name,
    withdraw,
)
from sd_core.values import Role

NAMING = [role for role in Role if role is not Role.FILE]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with a model, a LoRA, and links out of both folders; the working folder is another one."""
    home = tmp_path / "home"
    for folder in ("models/inside", "loras/below", "blobs", "jobs"):
        (home / folder).mkdir(parents=True)
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "key").write_text("secret")
    (home / "loras" / "below" / "style.safetensors").write_text("weights")
    (home / "loras" / "link.safetensors").symlink_to(tmp_path / "secret" / "key")
    (home / "models" / "link").symlink_to(tmp_path / "secret")
    (tmp_path / "cwd").mkdir()
    monkeypatch.chdir(tmp_path / "cwd")
    return home


def allows(allowed: Allowed, name: str, role: Role = Role.MODEL) -> bool:
    return not allowed.refusals([ExternalName("here", role, name)])


def test_the_catalogue_and_its_repositories_are_allowed(home: Path) -> None:
    allowed = Allowed(home=home)
    assert all(allows(allowed, name) for name in ("builtin", "sd15", "sdxl-lightning"))
    assert {"h94/IP-Adapter", "lllyasviel/control_v11f1p_sd15_depth", "ByteDance/SDXL-Lightning"} <= known_hub_ids()
    assert all(allows(allowed, name, role) for name in known_hub_ids() for role in NAMING)
    assert allows(allowed, "h94/IP-Adapter/models/ip-adapter_sd15.safetensors", Role.IMAGE_PROMPT)


@pytest.mark.parametrize("role", NAMING)
def test_own_folders_are_allowed_and_links_out_of_them_are_not(home: Path, role: Role) -> None:
    allowed = Allowed(home=home)
    for name in ("models/inside", "models/missing", "loras/below/style.safetensors"):
        assert allows(allowed, str(home / name), role)
    for name in ("models/link", "models/link/key", "loras/link.safetensors", "models/../allowed.json", "models/.."):
        assert not allows(allowed, str(home / name), role)


def test_a_lora_goes_by_its_name_in_its_folder_and_only_a_lora_does(home: Path) -> None:
    allowed = Allowed(home=home)
    assert allows(allowed, "below/style.safetensors", Role.LORA)
    assert not allows(allowed, "below/style.safetensors", Role.CONTROLNET)
    assert not allows(allowed, "link.safetensors", Role.LORA)
    assert not allows(allowed, "../allowed.json", Role.LORA)
    assert allows(allowed, "missing.safetensors", Role.LORA)  # it means that folder and nothing else
    assert not allows(allowed, "below/missing.safetensors", Role.LORA)
    Path("missing.safetensors").write_text("of the working folder")
    assert not allows(allowed, "missing.safetensors", Role.LORA)


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize(
    "name",
    [
        "/", "/etc/passwd", "~", "~/x", "~nobody-of-this-name/x", ".", "..", "./model", "../x", "somebody/model", "x",
        "\\\\host\\share\\x", "//host/share/x", "\\\\?\\C:\\x", "C:\\x", "C:x", "file:///etc/passwd", "file:x",
        "https://host/x", "a\0b", "\udc80\ud800", "owner/../../x", "attachment:a.bin", "a" * 5000, "\uff53d15", "sd15 ",
        "SD15", "builtin/", "./builtin", "h94/IP-Adapter/../../x",
    ],
)  # fmt: skip
def test_nothing_else_is(home: Path, name: str, role: Role) -> None:
    assert not allows(Allowed(home=home), name, role)


@pytest.mark.parametrize("role", NAMING)
@pytest.mark.parametrize("suffix", ["safetensors", "ckpt", "bin"])
def test_what_ends_like_a_file_of_weights_is_no_repository(home: Path, role: Role, suffix: str) -> None:
    assert resolve_name(role, "mylib/mine", home).kind is Kind.HUB
    assert resolve_name(role, f"mylib/mine.{suffix}", home).kind is Kind.NOTHING


@pytest.mark.parametrize("role", NAMING)
@pytest.mark.parametrize("name", ["lllyasviel/control_v11f1p_sd15_depth", "builtin"])
def test_what_lies_in_the_working_folder_is_not_taken_for_what_is_known(home: Path, role: Role, name: str) -> None:
    Path(name).mkdir(parents=True)
    # these loaders look at the folder for neither of them: what is known is the catalogue's and the hub's
    known = (Role.MODEL, Role.ESTIMATOR) if name == "builtin" else (Role.MODEL, Role.CONTROLNET)
    assert allows(Allowed(home=home), name, role) == (role in known)


def test_whoever_runs_the_program_can_allow_more(home: Path, tmp_path: Path) -> None:
    Path("mine").mkdir()
    allowed = Allowed(home=home, more=absolute_names(["mine", "somebody/model", str(tmp_path / "secret")]))
    for name in ("mine", "./mine/x", "somebody/model", str(tmp_path / "secret" / "key"), str(home / "models" / "link")):
        assert allows(allowed, name)
    for name in ("somebody/other", str(tmp_path / "secrets"), str(tmp_path)):
        assert not allows(allowed, name)


def test_files_next_to_the_picture_may_be_named_but_not_hidden_ones(home: Path, tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    (folder / "render").mkdir(parents=True)
    (folder / "render" / "out").symlink_to(tmp_path / "secret")
    allowed = Allowed(home=home, input_folder=folder)
    for name in ("render/####.exr", "film.mp4", "render/frame_0001.exr"):
        assert allows(allowed, str(folder / name), Role.FILE)
        assert not allows(allowed, str(folder / name), Role.MODEL)
    for name in ("../x.exr", ".ssh/key", "render/.x", "render/out/key"):
        assert not allows(allowed, str(folder / name), Role.FILE)
    assert not allows(allowed, "film.mp4", Role.FILE)  # of the working folder


def test_a_pattern_stands_for_files_none_of_which_may_be_a_link_to_elsewhere(home: Path, tmp_path: Path) -> None:
    allowed = Allowed(home=home, input_folder=tmp_path)
    (tmp_path / "f_0001.exr").write_text("x")
    (tmp_path / "f_0002.exr").symlink_to(tmp_path / "f_0001.exr")
    assert allows(allowed, str(tmp_path / "f_####.exr"), Role.FILE)
    (tmp_path / "f_0003.exr").symlink_to("/etc/passwd")
    assert not allows(allowed, str(tmp_path / "f_####.exr"), Role.FILE)


def test_approvals_hold_until_they_are_taken_back(home: Path, tmp_path: Path) -> None:
    allowed, secret = Allowed(home=home), tmp_path / "secret"
    assert approve(home, ["somebody/model", str(home / "models" / "link")]) == ["somebody/model", str(secret)]
    assert approvals(home) == tuple(sorted(["somebody/model", str(secret)]))
    assert allows(allowed, "somebody/model")
    assert allows(allowed, str(secret / "key"), Role.FILE)
    assert withdraw(home, ["somebody/model", "other/model"]) == ["somebody/model"]
    assert not allows(allowed, "somebody/model")
    assert withdraw(home, [str(home / "models" / "link")]) == [str(secret)]
    assert not allows(allowed, str(secret / "key"))
    assert approvals(home) == ()


def test_a_link_put_where_something_was_approved_does_not_count(home: Path, tmp_path: Path) -> None:
    place = tmp_path / "file"
    place.write_text("mine")
    approve(home, [str(place)])
    place.unlink()
    place.symlink_to(tmp_path / "secret" / "key")
    assert not allows(Allowed(home=home), str(place))


@pytest.mark.parametrize("sent", ["blobs", "jobs"])
def test_what_was_sent_to_a_server_is_no_model_whatever_was_approved(home: Path, sent: str) -> None:
    approve(home, [str(home.parent)])
    assert allows(Allowed(home=home), str(home.parent / "anything"))
    assert not allows(Allowed(home=home, more=("/",)), str(home / sent / "x"))


@pytest.mark.skipif(os.name == "nt", reason="POSIX modes")
def test_approvals_are_readable_and_writable_by_the_user_alone(tmp_path: Path) -> None:
    home = tmp_path / "new"
    approve(home, ["somebody/model"])
    assert (home / "allowed.json").stat().st_mode & 0o777 == 0o600
    assert home.stat().st_mode & 0o777 == 0o700
    assert list(home.iterdir()) == [home / "allowed.json"]
    (home / "allowed.json").chmod(0o666)
    with pytest.raises(SDError, match="changed by others"):
        approvals(home)


@pytest.mark.parametrize("damaged", [b"", b"{", b"[]", b'{"allowed": 3}', b'{"allowed": [1]}', b"\xff", b"[" * 100_000])
def test_damaged_approvals_are_an_error_by_name_and_neither_all_nor_nothing(home: Path, damaged: bytes) -> None:
    (home / "allowed.json").write_bytes(damaged)
    with pytest.raises(SDError, match=r"allowed\.json cannot be read"):
        Allowed(home=home).check([ExternalName("model", Role.MODEL, "somebody/model")])
    with pytest.raises(SDError, match=r"allowed\.json cannot be read"):
        approve(home, ["somebody/model"])
    assert (home / "allowed.json").read_bytes() == damaged
    assert allows(Allowed(home=home), "sd15")


def test_only_paths_and_hub_ids_can_be_approved(home: Path) -> None:
    with pytest.raises(RequestError, match="neither a hub id nor a path"):
        approve(home, ["sd16"])


@pytest.mark.parametrize("slip", ["", " ", "/", "/no/such/model", "./mistyped.safetensors"])
def test_a_slip_approves_nothing_and_keeps_nothing_from_being_taken_back(home: Path, tmp_path: Path, slip: str) -> None:
    (tmp_path / "mine.safetensors").touch()
    approve(home, ["somebody/model"])
    with pytest.raises(RequestError):
        approve(home, [str(tmp_path / "mine.safetensors"), slip])
    assert approvals(home) == ("somebody/model",)
    assert withdraw(home, [slip, "no such thing", "somebody/model"]) == ["somebody/model"]


def test_an_error_shows_every_name_where_it_stands_and_how_to_allow_it(home: Path) -> None:
    named = [
        ExternalName("model", Role.MODEL, "/x y"),
        ExternalName("loras[1].path", Role.LORA, "somebody/lora/file.safetensors"),
    ]
    with pytest.raises(NotAllowed) as caught:
        Allowed(home=home).check([ExternalName("controlnet", Role.CONTROLNET, "h94/IP-Adapter"), *named])
    text = str(caught.value)
    assert "/x y (model at model)" in text
    assert "somebody/lora (LoRA at loras[1].path)" in text
    assert "sd-core models allow '/x y' somebody/lora" in text
    again = error_from_dict(caught.value.to_dict())
    assert isinstance(again, NotAllowed)
    assert again.to_dict() == caught.value.to_dict()
    assert [name["shown"] for name in again.names] == ["/x y", "somebody/lora"]


def test_names_are_shown_without_what_would_steer_a_terminal(home: Path) -> None:
    name = "/x\x1b]0;owned\x07\u202egnp.x\n\r\x9b2J\ud800"
    with pytest.raises(NotAllowed) as caught:
        Allowed(home=home).check([ExternalName("model", Role.MODEL, name)])
    assert str(caught.value).isprintable()
    str(caught.value).encode()
    assert printable("größe 日本.png") == "größe 日本.png"


def test_nothing_that_is_named_is_opened_or_listed(tmp_path: Path) -> None:
    """In a process of its own: an audit hook cannot be taken away again."""
    program = """
import sys
from pathlib import Path
from sd_core.trust import Allowed, ExternalName, approve
from sd_core.values import Role
home, secret = Path(sys.argv[1]), sys.argv[2]
approve(home, ["somebody/model"])
touched = []
sys.addaudithook(lambda event, given: touched.append((event, str(given[0]))) if event in
    ("open", "os.listdir", "os.scandir", "socket.connect", "socket.getaddrinfo", "ctypes.dlopen") else None)
for role in Role:
    for name in (secret, secret + "/x", "owner/name", "file:" + secret, "\\\\\\\\host\\\\share", "nothing"):
        assert Allowed(home=home, input_folder=home / "pictures").refusals([ExternalName("m", role, name)]), name
bad = [t for t in touched if t[1] != str(home / "allowed.json")]
assert not bad, bad
"""
    secret = tmp_path / "secret"
    secret.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", program, tmp_path / "home", secret], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_of_many_refused_names_a_message_tells_a_few_and_the_error_all(home: Path, tmp_path: Path) -> None:
    count = 1000
    for name in ("models", "shot"):
        (tmp_path / name).mkdir()
        for index in range(100):
            (tmp_path / name / f"{index}.link").symlink_to(tmp_path / "secret" / "key")
    named = [
        ExternalName(f"passes[{index}]", Role.FILE, str(tmp_path / "shot" / f"{index}.##.exr"))
        for index in range(count)
    ]
    assert not Allowed(home=home, input_folder=tmp_path / "shot").refusals(named)
    with pytest.raises(NotAllowed, match=f"and {count - 5} more") as refused:
        Allowed(home=home, input_folder=tmp_path / "models").check(named)
    assert len(str(refused.value)) < 2000
    assert len(refused.value.names) == count


def test_nobody_is_asked_to_allow_an_address_that_nothing_reads(home: Path) -> None:
    with pytest.raises(NotAllowed, match="save it as a file") as refused:
        Allowed(home=home).check([ExternalName("passes", Role.FILE, "http://host/film.mp4")])
    assert "sd-core models allow" not in refused.value.hint
