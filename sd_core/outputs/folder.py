"""An output folder and its one owner: only what the manifest lists, with the digest it lists, is ever replaced or removed.

A commit writes the new files under other names and flushes them, then the manifest that names the contents before and after,
then gives the files their names. So at whatever moment it is killed, each file is whole, as it was or as it is to be, and
listed as such; what was not finished lies apart and goes with the next worker.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress
from enum import Enum, auto
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from ..errors import OutputError
from ..files import output_error, rename, sync_folder, write_new
from .claims import Claim, Span
from .contents import Contents, foreign_file_error, is_plain, unlink
from .manifest import MANIFEST, Content, Manifest, content_of_bytes, content_of_file, manifest_bytes, read_manifest

_Step = Callable[[Manifest], object]


class Status(Enum):
    """What is found under a name: nothing; what was written; a file of ours that has changed since; somebody else's."""

    ABSENT = auto()
    SOUND = auto()
    CHANGED = auto()
    FOREIGN = auto()


class OutputFolder:
    """A folder that is worked in; released by `close` or as a context manager.

    Args:
        root: made where it is missing; the folder above must be there.
        kind: what it holds, such as "animation".
        names: relative names, with "/", that a folder of this kind may list.
        span: first and last frame that are worked at; None: nobody else may work there.

    Raises:
        OutputError: somebody else works there; the manifest is damaged or of another kind; it cannot be written. Nothing
            is changed.
    """

    def __init__(self, root: Path, kind: str, names: re.Pattern[str], span: Span | None = None) -> None:
        self.root = root
        self._kind, self._names, self._alone = kind, names, span is None
        self._contents = Contents()
        self._pending_steps: list[_Step] = []
        self._count = 0
        self._claim = Claim(root, span)
        try:
            self._manifest = self._read()
        except BaseException:
            self._claim.release(root, trace=False)
            raise

    @property
    def about(self) -> dict[str, Any]:
        """What its owner noted."""
        return self._manifest.about

    @property
    def is_listed(self) -> bool:
        """Whether there is a manifest."""
        return os.path.lexists(self.root / MANIFEST)

    def listed_names(self) -> set[str]:
        """The names of the files that `sd_core` wrote here."""
        return set(self._manifest.files)

    def path(self, name: str) -> Path:
        """Where a file lies.

        Raises:
            OutputError: a folder on the way is a link, or no folder.
        """
        path = self.root
        for part in name.split("/")[:-1]:
            path /= part
            if path.is_symlink() or (os.path.lexists(path) and not path.is_dir()):
                raise OutputError(str(path), "is no folder of sd_core's", hint="move it away, or use another folder")
        return self.root / name

    def status(self, name: str) -> Status:
        """Reads a file that is listed, once."""
        path = self.path(name)
        plain = is_plain(path)
        if plain is None:
            return Status.ABSENT
        if name not in self._manifest.files or not plain:
            return Status.FOREIGN
        return Status.SOUND if self._contents.of(path) in self._manifest.files[name] else Status.CHANGED

    def require_free(self, names: Iterable[str]) -> None:
        """Check that nothing of somebody else's lies where we are going to write.

        Raises:
            OutputError: there is; names it.
        """
        listed = self._manifest.files
        for name in names:
            path = self.path(name)
            plain = is_plain(path)
            if plain is False or (plain and name not in listed):
                raise foreign_file_error(path)

    def read(self, name: str) -> bytes | None:
        """The bytes of a file; None unless it is what was written."""
        path = self.path(name)
        if name not in self._manifest.files or path.is_symlink() or not path.is_file():
            return None
        try:
            data = path.read_bytes()
        except OSError as error:
            raise output_error(path, error) from error
        content = content_of_bytes(data)
        self._contents.note(path, content)
        return data if content in self._manifest.files[name] else None

    def stage(self, name: str) -> Path:
        """A path for a file that another program writes and `write` is given; it goes with the claim."""
        self._count += 1
        return self._claim.unfinished_folder / f"{self._count}-{name.rsplit('/', 1)[-1]}"

    def write(self, files: Mapping[str, bytes | Path], about: Mapping[str, Any] | None = None) -> list[Path]:
        """Commit files, in this order.

        Args:
            files: by name: what they are to hold, or where it lies (see `stage`), from where it is moved.
            about: to be noted.

        Raises:
            OutputError: a file is somebody else's, or has changed since; or it cannot be written, then each file is as it
                was or as it is to be.
        """
        staged: dict[str, tuple[Path, Content]] = {}
        try:
            for name, given in files.items():
                staged[name] = self._stage_content(name, given)
            with self._claim.lock_manifest():
                manifest = self._current_manifest()
                for name, (_, content) in staged.items():
                    manifest.files[name] = (*self._before(manifest, name), content)
                manifest.about = manifest.about if about is None else dict(about)
                self._save(manifest)
                for name, (temporary, content) in staged.items():
                    self._put(name, temporary, content)
        finally:
            for temporary, _ in staged.values():
                temporary.unlink(missing_ok=True)
        self._sync(staged)
        return [self.path(name) for name in files]

    def remove(self, names: Iterable[str]) -> list[str]:
        """Remove files that are what was written; gives the names of those that are not, and stay.

        Raises:
            OutputError: one cannot be removed.
        """
        kept = []
        for name in sorted(set(names) & set(self._manifest.files)):
            status = self.status(name)
            if status is Status.SOUND:
                unlink(self.path(name))
            elif status is not Status.ABSENT:
                kept.append(name)
                continue
            self._manifest.files.pop(name)
            self._pending_steps.append(lambda manifest, name=name: manifest.files.pop(name, None))
        return kept

    def set_aside(self, name: str) -> Path:
        """Give a file that has changed since it was written another name, so that its own is free; gives that.

        Raises:
            OutputError: it cannot be renamed.
        """
        path = self.path(name)
        changed = (path.with_name(f"{path.stem}.changed{number}{path.suffix}") for number in ("", *range(2, 10**6)))
        aside = next(free for free in changed if not os.path.lexists(free))
        rename(path, aside)
        return aside

    def set_changed_aside(self, names: Iterable[str], warn: Callable[[str], None]) -> None:
        """Give those files that have changed since they were written other names: whose they are now, nobody knows.

        warn: called with a sentence about each.

        Raises:
            OutputError: one cannot be renamed.
        """
        for name in sorted(set(names) & set(self._manifest.files)):
            if self.status(name) is Status.CHANGED:
                aside = self.set_aside(name)
                warn(f"{name} has been changed or damaged since it was written: it is {aside.name} now")

    def adopt(self, names: Iterable[str], about: Mapping[str, Any] | None = None) -> None:
        """List files that an earlier version wrote, from the first commit on; the caller has made sure of that."""
        found = {name: (self._contents.of(self.path(name)),) for name in names}

        def add_files(manifest: Manifest) -> None:
            manifest.files |= found
            manifest.about = manifest.about if about is None else dict(about)

        add_files(self._manifest)
        self._pending_steps.append(add_files)

    def close(self) -> None:
        """Note what has been removed, and let others work here."""
        try:
            if self._pending_steps and self.is_listed:
                # without this note the manifest says the same, only longer
                with suppress(OutputError), self._claim.lock_manifest():
                    self._save(self._current_manifest())
        finally:
            self._claim.release(self.root, trace=self.is_listed)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _read(self) -> Manifest:
        return read_manifest(self.root / MANIFEST, self._kind, self._names) or Manifest(self._kind)

    def _current_manifest(self) -> Manifest:
        """The manifest as it is now, others perhaps having written to it, with what has happened since we wrote to it."""
        if self._alone:
            return Manifest(self._kind, self._manifest.about, dict(self._manifest.files))
        manifest = self._read()
        for step in self._pending_steps:
            step(manifest)
        return manifest

    def _save(self, manifest: Manifest) -> None:
        data = manifest_bytes(manifest)
        temporary = self.stage(MANIFEST)
        try:
            write_new(temporary, data, self.root / MANIFEST)
            rename(temporary, self.root / MANIFEST)
        finally:
            temporary.unlink(missing_ok=True)
        sync_folder(self.root)
        self._manifest, self._pending_steps = manifest, []

    def _stage_content(self, name: str, source: bytes | Path) -> tuple[Path, Content]:
        assert self._names.fullmatch(name), f"{name} is no name of such a folder"
        path = self.path(name)
        if isinstance(source, bytes):
            temporary = self.stage(name)
            try:
                write_new(temporary, source, path)
            except BaseException:
                temporary.unlink(missing_ok=True)
                raise
            return temporary, content_of_bytes(source)
        try:
            with source.open("r+b") as stream:  # whoever wrote it may not have flushed it
                os.fsync(stream.fileno())
            return source, content_of_file(source)
        except OSError as error:
            raise output_error(path, error) from error

    def _before(self, manifest: Manifest, name: str) -> tuple[Content, ...]:
        """What lies there and may be replaced."""
        path = self.path(name)
        plain = is_plain(path)
        if plain is None:
            return ()
        if name not in manifest.files or not plain:
            raise foreign_file_error(path)
        content = self._contents.of(path)
        if content in manifest.files[name]:
            return (content,)
        raise OutputError(str(path), "has changed since sd_core wrote it", hint="move it away, or use another folder")

    def _put(self, name: str, temporary: Path, content: Content) -> None:
        path = self.path(name)
        if not path.parent.is_dir():
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise output_error(path.parent, error) from error
            sync_folder(path.parent.parent)
        rename(temporary, path)
        self._contents.note(path, content)
        self._manifest.files[name] = (content,)
        self._pending_steps.append(lambda manifest: manifest.files.update({name: (content,)}))

    def _sync(self, names: Collection[str]) -> None:
        for folder in {self.path(name).parent for name in names}:
            sync_folder(folder)
