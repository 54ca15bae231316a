"""The studio: a form made of the request's fields, and everything that comes of it, in one widget."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from sd_core.backend import Backend, RemoteBackend
from sd_core.errors import Cancelled, NotAllowed, RequestError, SDError
from sd_core.events import Event
from sd_core.jobs import outcome
from sd_core.metadata import check_names, load_request
from sd_core.requests import Request
from sd_core.results import Result
from sd_core.trust import printable
from sd_core.values import to_pillow

from .editors import EditorContext
from .engines import default_engine, name_suggestions
from .forms import MODES, Forms
from .history import Entry, History
from .jobs import StudioJob
from .main_thread import MainThread
from .monitor import JobProgress, Monitor
from .output import StoredOutput, user_variables
from .panel import Panel, Selection
from .preset_menu import PresetMenu
from .presets import SavedPresets
from .runner import Runner
from .session import FinishedJob, Session
from .sweeping import SweepRunner
from .sweeps import make_sweep, variations
from .traits import StudioTraits
from .views import AnimationTab, CodeTab, CompareTab, DepthTab, MaterialTab, TilingTab, copy_source, write_arrays


class Studio(StudioTraits):
    """Make images in a notebook while its kernel stays free.

    Args:
        engine: an `sd_core.Engine`, or `sd_core.connect(...)`; None: the kernel's own engine, made when it is first needed.
        request: what the form shows at first.
        name: under which a server keeps its jobs, so that a restarted kernel finds them; None: the notebook's own.

    `image`, `result`, `request`, `status`, `progress` and `error` are traits: observe or link them. `request` is what the
    form describes, None while something in it is wrong; set it, and the form shows it.
    """

    def __init__(
        self, engine: Backend | None = None, request: Request | None = None, *, name: str | None = None
    ) -> None:
        self.history = History()
        self.presets = SavedPresets()
        self._main_thread = MainThread()
        self._engine = default_engine if engine is None else lambda: engine
        self._remote = isinstance(engine, RemoteBackend)
        self._session = Session(name)
        self._runner = Runner(self._engine, self._on_event, self._main_thread, self._session)
        self._output = StoredOutput()
        self._presets = PresetMenu(self.presets, lambda: self._forms, self._set_request, self._guard)
        self._sweeping = SweepRunner(lambda: self._forms, self.submit, self.restore)
        self._code, animation = CodeTab(), AnimationTab()
        pictures = (CompareTab(), TilingTab(), MaterialTab(user_variables))
        views = (*pictures, self._sweeping.view, animation, DepthTab(), self._code)
        self._panel = Panel(MODES, self._presets.box, views)
        self._selection = Selection(self._panel)
        self._monitor = Monitor(self._panel.preview, animation)
        self._forms = Forms(self._panel.modes, self._panel.form, EditorContext(variables=user_variables))
        super().__init__(self._panel.box)
        self.add_class("sd-studio")
        self._connect_callbacks()
        self.request = request

    def submit(
        self, request: Request | None = None, output: str | Path | None = None, resume: bool = False
    ) -> StudioJob:
        """Queue a request, by default what the form describes, and return at once.

        Args:
            request: what to make.
            output, resume: as for `Engine.submit`.

        Raises:
            RequestError: the form is wrong, or not complete.
        """
        wanted = self._forms.read() if request is None else request
        self._show_error(None)
        job = self._runner.submit(wanted, None if output is None else Path(output), resume)
        self._panel.set_busy(True)
        if len(self._runner.unfinished_jobs) == 1:
            self.status, self.progress = "queued", 0.0
        return job

    def cancel(self) -> None:
        """Stop the job that runs before its next step, and all that wait."""
        self._runner.cancel_all()

    def sweep(self, **values: Iterable[Any]) -> list[StudioJob]:
        """Queue one job for each combination of up to three fields: `studio.sweep(seed=range(4), guidance_scale=[1, 4, 8])`.

        Columns come first, then rows, then pages. The cells of the grid restore their requests.

        Raises:
            RequestError: no such field, or a value that it does not accept.
        """
        return self._sweeping.run(make_sweep(values))

    def restore(self, entry: Entry) -> None:
        """Put the request of an entry into the form, and its picture on view; run again, it gives the same bytes."""
        self.request = entry.request
        self._select(entry)
        self._monitor.show_finished(entry.picture, entry.title, busy=bool(self._runner.unfinished_jobs))

    def open_picture(self, picture: str | Path) -> None:
        """Put the request that a saved picture carries into the form; nothing is run.

        Where it names models or files that are not allowed, see `load_request`, the studio shows them and asks first.

        Raises:
            RequestError: no such file, or no request in it.
        """
        request = load_request(picture, trust=True)
        self._panel.question.forget()
        try:
            check_names(picture, request, remote=self._remote)
        except NotAllowed as error:
            # `request` was read once: it is the one that was asked about
            self._panel.question.ask(printable(str(picture)), error, self._guard(lambda: self._set_request(request)))
        else:
            self._set_request(request)

    def save(self, path: str | Path | None = None) -> list[Path]:
        """Write the selected image as PNG, without loss, with its request inside; see `Entry.save`.

        Raises:
            RequestError: there is none yet.
            OutputError: it cannot be written.
        """
        written = self._selection.required_entry.save(path)
        self._panel.note.say(f"wrote {written[0]}")
        return written

    def copy_as_python(self, folder: str = "inputs") -> str:
        """Python source that makes the selected image, else what the form describes; in a notebook it becomes the next cell.

        Arrays are written to `folder`.

        Raises:
            RequestError: nothing was made yet, and the form is not complete.
            OutputError: the arrays cannot be written.
        """
        entry = self._selection.entry
        return copy_source(self._forms.read() if entry is None else entry.request, folder)

    def save_html(self, path: str | Path) -> Path:
        """Write every image of the history, with its request, as one page that needs no network.

        Raises:
            OutputError: it cannot be written.
        """
        from .export import save_html

        return save_html(self.history, Path(path))

    def close(self) -> None:
        """Cancel everything and take the widgets away. An engine that was given stays open."""
        self._runner.close()
        super().close()

    def _ipython_display_(self) -> None:
        from IPython.display import display

        self._presets.refresh()
        display(self._repr_mimebundle_(), raw=True)
        self._output.create()
        self._selection.show()
        self._runner.prepare(self._prepare)

    def _prepare(self, engine: Backend) -> None:
        """Take up what is on the server, and offer the names of models; in the worker's thread."""
        if isinstance(engine, RemoteBackend):
            made = self._session.collect_earlier_jobs(engine, self._runner.follow)
            self._main_thread.post(lambda: self._show_earlier(made))
        names = name_suggestions(engine)
        self._main_thread.post(lambda: self._forms.suggest(names))

    def _show_earlier(self, finished_jobs: list[FinishedJob]) -> None:
        entries = [self.history.add(each.result, each.request)[0] for each in finished_jobs]
        if entries:
            self._show_result(entries[-1])
        self._panel.set_busy(bool(self._runner.unfinished_jobs))

    def _connect_callbacks(self) -> None:
        panel = self._panel
        panel.generate.on_click(self._guard(self.submit))
        panel.cancel.on_click(self._guard(self.cancel))
        panel.preview.on_cancel(self._guard(self.cancel))
        panel.variations.on_click(self._guard(self._run_variations))
        panel.save.on_click(self._guard(self.save))
        panel.copy.on_click(self._guard(self._show_code))
        panel.gallery.on_choose(lambda chosen: self._guard(lambda: self.restore(self.history[chosen]))())
        panel.tabs.observe(self._guard(self._selection.show), "selected_index")
        self._bind(self._forms)
        self._forms.on_change(self._sweeping.view.refresh)

    def _guard(self, action: Callable[[], object]) -> Callable[..., None]:
        """A callback that shows what goes wrong instead of raising it in a thread where nobody sees it."""

        def call(*_: object) -> None:
            try:
                action()
            except SDError as error:
                self._show_error(error)

        return call

    def _show_error(self, error: SDError | None) -> None:
        self.error = error
        self._panel.show_error(error)
        self._panel.note.say("" if error is None else " ".join(error.warnings))
        if isinstance(error, RequestError):
            self._forms.current.show_error(error)

    def _run_variations(self) -> None:
        shown, entry = self._forms.read(), self._selection.entry
        sweep = variations(shown if entry is None else entry.request)
        self._panel.select_tab(self._sweeping.view)
        self._sweeping.run(sweep)

    def _show_code(self) -> None:
        write_arrays(self._selection.required_entry.request)
        self._panel.select_tab(self._code)

    def _on_event(self, job: StudioJob, event: Event) -> None:
        """Follow a job, in the worker's thread: live widgets are drawn here, everything else happens at home."""
        report = self._monitor.show(event, job.request, len(self._runner.unfinished_jobs) - 1)
        if report is not None:
            self._main_thread.post(lambda: self._apply_event(job, event, report))

    def _apply_event(self, job: StudioJob, event: Event, report: JobProgress) -> None:
        entry = None
        match outcome(event):
            case Result() as result:
                entry = self.history.add(result, job.request)[0]
                self._forms.remember_seed(result.request)
                self._guard(lambda made=entry: self._show_result(made))()
            case Cancelled(warnings=warnings):
                if warnings:
                    self._panel.note.say(" ".join(warnings))
            case SDError() as error:
                self._show_error(error)
            case _:
                pass
        if report.has_ended:
            self._sweeping.fill_cell(job, entry)
        self.progress, self.status = report.progress, report.status
        self._panel.set_busy(any(other is not job for other in self._runner.unfinished_jobs) or not report.has_ended)

    def _show_result(self, entry: Entry) -> None:
        self._panel.fill_gallery(self.history)
        self.result = entry.result
        self._select(entry)
        self._output.show(entry.result)

    def _select(self, entry: Entry) -> None:
        self.image = to_pillow(entry.picture)
        self._selection.select(entry)
