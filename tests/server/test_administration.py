"""What the page for administrators shows is so."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest
from typer.testing import CliRunner

from sd_core.cli.app import make_app
from sd_core.server import connections, logs
from sd_core.server.app import make_app as make_server
from sd_core.server.identity import Quota, Role, read_tokens
from sd_core.server.service import Service
from sd_core.server.settings import ServerSettings
from sd_core.server.state import open_store

PAGE = (Path(__file__).parents[2] / "docs" / "administration.md").read_text(encoding="utf-8")


def block(language: str) -> str:
    found = re.search(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    assert found is not None
    return found[1]


def test_the_tokens_file_is_one(tmp_path: Path) -> None:
    path = tmp_path / "tokens.toml"
    path.write_text(block("toml"))
    path.chmod(0o600)
    found = {identity.name: identity for identity in read_tokens(path).values()}
    assert {name: held.role for name, held in found.items()} == {
        "anna": Role.USER, "ben": Role.USER, "prometheus": Role.MONITOR,
    }  # fmt: skip
    assert found["ben"].quota.queued_jobs == 50


def test_the_options_are_there() -> None:
    runner = CliRunner(env={"COLUMNS": "400", "NO_COLOR": "1"})
    known = "".join(runner.invoke(make_app(), [command, "--help"]).output for command in ("serve", "backup"))
    options = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", re.sub(r"```dockerfile.*?```", "", PAGE, flags=re.DOTALL)))
    assert len(options) > 10
    assert [option for option in sorted(options) if option not in known] == []


def test_the_quotas_are_those() -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \| ([^|]+) \|", PAGE, re.MULTILINE))
    quotas = {
        "2,000": 2_000,
        "1e13": 10**13,
        "1e12": 10**12,
        "a quarter of `--blob-space`; for an admin no bound": None,
        "128": 128,
    }
    assert {name: quotas[rows[name].strip()] for name in (held.name for held in fields(Quota))} == {
        held.name: held.default for held in fields(Quota)
    }


def test_the_limits_are_those() -> None:
    assert (connections._MOST, connections._HEAD_SECONDS, connections._HEAD_BYTES) == (1000, 10, 64 * 1024)
    assert (connections._SILENT_SECONDS, connections._SLOWEST) == (30, 8 * 1024)
    assert (logs._BYTES * (logs._OLD_FILES + 1), logs._BYTES * 2) == (40 * 1024**2, 20 * 1024**2)
    for text in (
        "1,000 connections",
        "10 s for the headers",
        "64 KiB of them",
        "stops for 30 s",
        "8 KiB/s",
        "40 MiB",
        "20 MiB",
    ):
        assert text in PAGE.replace("\n", " ")


def test_the_addresses_are_there(tmp_path: Path) -> None:
    store = open_store(ServerSettings(home=tmp_path))
    try:
        paths = make_server(Service(store)).openapi()["paths"]
    finally:
        store.database.close()
    mentioned = set(re.findall(r"GET (/[\w/]+)", PAGE))
    assert mentioned == {"/v1/live", "/v1/health", "/metrics"}
    assert mentioned <= paths.keys()


@pytest.mark.parametrize("name", ["SECURITY.md", "docs/administration.md"])
def test_links_lead_somewhere(name: str) -> None:
    path = Path(__file__).parents[2] / name
    text = path.read_text(encoding="utf-8")
    headings = {title.lower().replace(" ", "-") for title in re.findall(r"^#+ (.+)$", text, re.MULTILINE)}
    for link in re.findall(r"\]\(([^)]+)\)", text):
        assert link[1:] in headings if link.startswith("#") else (path.parent / link).exists()
