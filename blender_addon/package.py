# SPDX-License-Identifier: GPL-3.0-or-later
"""Build the extension: `python blender_addon/package.py [--blender PROGRAM] [--output dist]`; Blender itself is not needed.

Makes a wheel `sd-core-client` (the half of `sd_core` that needs neither torch nor a server), the extension's zip with that
wheel inside, and, where a Blender is named, has it validate the zip and write the index of a static repository.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

ADDON = Path(__file__).resolve().parent
LIBRARY = ADDON.parent / "sd_core"

MAX_ZIP_BYTES = 2_000_000
"""Bytes of the zip."""

_CONTRACT = "The lower half is free of torch"
_EXCLUDED = ("__pycache__", "wheels", "*.pyc", "package.py", "*.zip")
_DATE = (2020, 1, 1, 0, 0, 0)
"""Of every file within an archive, so that the same sources give the same bytes."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Build everything; 0, or 1 with a message."""
    options = _options(arguments)
    options.output.mkdir(parents=True, exist_ok=True)
    try:
        package = build(options.output)
        if options.blender:
            validate_zip(package, options.blender)
            write_repository(options.output, options.blender)
    except (OSError, ValueError, subprocess.CalledProcessError) as error:
        sys.stderr.write(f"{error}\n{getattr(error, 'stdout', None) or ''}")
        return 1
    sys.stdout.write(f"{package} ({package.stat().st_size / 1000:.0f} kB)\n")
    return 0


def build(output: Path) -> Path:
    """Build wheel and zip into `output`; gives the zip.

    Raises:
        ValueError: the versions of extension and library differ, or the zip is too large.
    """
    manifest = (ADDON / "blender_manifest.toml").read_text(encoding="utf-8")
    version = tomllib.loads(manifest)["version"]
    if version != library_version():
        raise ValueError(f"the manifest says version {version}, sd_core {library_version()}: make them equal")
    with tempfile.TemporaryDirectory() as scratch:
        tree = Path(scratch) / "sd_core"
        shutil.copytree(ADDON, tree, ignore=shutil.ignore_patterns(*_EXCLUDED))
        wheel = build_wheel(tree / "wheels", version)
        listed = f'wheels = ["./wheels/{wheel.name}"]\n\n[permissions]'
        (tree / "blender_manifest.toml").write_text(manifest.replace("[permissions]", listed, 1), encoding="utf-8")
        package = output / f"sd_core-{version}.zip"
        _write_archive(package, tree, sorted(path for path in tree.rglob("*") if path.is_file()))
    if package.stat().st_size > MAX_ZIP_BYTES:
        raise ValueError(f"{package} has {package.stat().st_size} bytes, more than {MAX_ZIP_BYTES}")
    return package


def build_wheel(folder: Path, version: str) -> Path:
    """The wheel `sd-core-client`, which holds the torch-free half as the package `sd_core`.

    Binary distribution format, packaging.python.org.
    """
    folder.mkdir(parents=True, exist_ok=True)
    wheel = folder / f"sd_core_client-{version}-py3-none-any.whl"
    files = {str(path.relative_to(LIBRARY.parent).as_posix()): path.read_bytes() for path in client_files()}
    about = f"sd_core_client-{version}.dist-info"
    files[f"{about}/licenses/LICENSE"] = (LIBRARY.parent / "LICENSE").read_bytes()
    files[f"{about}/METADATA"] = _metadata(version).encode()
    files[f"{about}/WHEEL"] = b"Wheel-Version: 1.0\nGenerator: sd_core\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    files[f"{about}/RECORD"] = _record(files, f"{about}/RECORD").encode()
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name, _DATE), content, zipfile.ZIP_DEFLATED)
    return wheel


def client_files() -> Iterator[Path]:
    """The sources of the wheel."""
    yield LIBRARY / "__init__.py"
    for module in client_modules():
        path = LIBRARY.parent / module.replace(".", "/")
        yield from sorted(path.rglob("*.py")) if path.is_dir() else [path.with_suffix(".py")]


def client_modules() -> Sequence[str]:
    """What Blender's Python gets: the modules for which an import contract says that NumPy and the standard library are enough.

    Raises:
        ValueError: there is no such contract.
    """
    project = tomllib.loads((LIBRARY.parent / "pyproject.toml").read_text(encoding="utf-8"))
    for contract in project["tool"]["importlinter"]["contracts"]:
        if contract["name"] == _CONTRACT:
            return contract["source_modules"]
    raise ValueError(f"pyproject.toml has no import contract {_CONTRACT!r}")


def library_version() -> str:
    """`sd_core.__version__`, read without importing it."""
    found = re.search(r'^__version__ = "([^"]+)"', (LIBRARY / "_version.py").read_text(encoding="utf-8"), re.MULTILINE)
    if found is None:
        raise ValueError("sd_core has no __version__")
    return found[1]


def validate_zip(package: Path, blender: str) -> None:
    """Let Blender validate the zip."""
    _extension(blender, "validate", str(package))


def write_repository(folder: Path, blender: str) -> None:
    """Write `index.json` for the zips in `folder`: served over HTTP, the folder is a repository that Blender updates from."""
    _extension(blender, "server-generate", f"--repo-dir={folder}")


def _extension(blender: str, *arguments: str) -> None:
    """`blender --command extension ...`; the program may be several words, such as a chroot with its own."""
    command = [*blender.split(), "--factory-startup", "--command", "extension", *arguments]
    subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)  # noqa: S603


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--output", type=Path, default=ADDON.parent / "dist", help="folder for the zip (default: dist)")
    parser.add_argument(
        "--blender",
        default="",
        help="Blender program; if given, it validates the zip and writes the index of the repository",
    )
    return parser.parse_args(arguments)


def _write_archive(path: Path, root: Path, files: Sequence[Path]) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in files:
            info = zipfile.ZipInfo(file.relative_to(root).as_posix(), _DATE)
            info.external_attr = 0o644 << 16
            archive.writestr(info, file.read_bytes(), zipfile.ZIP_DEFLATED)


def _metadata(version: str) -> str:
    return (
        "Metadata-Version: 2.4\nName: sd-core-client\n"
        f"Version: {version}\n"
        "Summary: The half of sd_core that needs no torch: requests, results and the client of a server.\n"
        "Requires-Python: >=3.11\nRequires-Dist: numpy>=1.24\nLicense-Expression: Apache-2.0\nLicense-File: LICENSE\n"
    )


def _record(files: dict[str, bytes], record_path: str) -> str:
    def line(name: str, content: bytes) -> str:
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        return f"{name},sha256={digest},{len(content)}"

    return "\n".join([*(line(name, content) for name, content in files.items()), f"{record_path},,"]) + "\n"


if __name__ == "__main__":
    sys.exit(main())
