"""A server that is started where nothing can be written any more."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.server.servers import START


@pytest.mark.skipif(sys.platform != "linux", reason="a small disk of its own takes Linux's namespaces")
@pytest.mark.parametrize(
    "free", [0, pytest.param(4, marks=pytest.mark.slow), pytest.param(40, marks=pytest.mark.slow)], ids="{} KiB".format
)
def test_a_server_that_starts_on_a_full_disk_ends_with_a_sentence(tmp_path: Path, free: int) -> None:
    """Or it starts; in no case with a traceback, and nothing half-written stays."""
    home = tmp_path / "home"
    home.mkdir()
    serve = shlex.join([sys.executable, "-m", "sd_core.cli", "serve", "--port", "0", *START])
    script = f"""
        mount -t tmpfs -o size=1m,mode=700 tmpfs {home} || exit 99
        head -c {1024 * (1024 - free)} /dev/zero > {home}/filler
        timeout --preserve-status 5 {serve}
        code=$?
        ls -A {home} >&2
        exit $code
    """
    environment = {**os.environ, "SD_CORE_HOME": str(home)}
    command = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode in ({1} if free == 0 else {0, 1}), done.stderr
    assert "Traceback" not in done.stderr, done.stderr
    if done.returncode == 1:
        assert "error: " in done.stderr, done.stderr
        assert "damaged" not in done.stderr, "a sound journal is not one to be put aside"
    assert not [name for name in done.stderr.splitlines() if name.endswith(".tmp") or name == "server.json"]
