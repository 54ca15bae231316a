"""A file is there whole or not at all, and what was there before stays until then."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from sd_core.errors import OutputError
from sd_core.files import whole_file, write_private


def test_a_file_that_is_not_finished_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "picture.png"
    path.write_bytes(b"before")

    def write_half() -> None:
        with whole_file(path) as temporary:
            assert temporary.suffix == ".png" and temporary.parent == tmp_path
            temporary.write_bytes(b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_half()
    assert path.read_bytes() == b"before" and [*tmp_path.iterdir()] == [path]
    with whole_file(path) as temporary:
        temporary.write_bytes(b"after")
    assert path.read_bytes() == b"after" and [*tmp_path.iterdir()] == [path]


def test_what_the_system_refuses_is_an_error_that_names_the_file(tmp_path: Path) -> None:
    path = tmp_path / "missing" / "picture.png"
    with pytest.raises(OutputError, match=r"picture\.png.*cannot be written"), whole_file(path) as temporary:
        temporary.write_bytes(b"x")
    with pytest.raises(OutputError, match=r"token.*cannot be written"):
        write_private(tmp_path / "missing" / "token", b"x")


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such permissions")
def test_a_private_file_is_nobody_elses_also_where_another_one_was(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_bytes(b"before")
    path.chmod(0o644)
    write_private(path, b"secret")
    assert path.read_bytes() == b"secret" and path.stat().st_mode & 0o777 == 0o600
    assert [*tmp_path.iterdir()] == [path]
