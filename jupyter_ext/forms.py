"""The forms of all modes, of which one is shown; together they are one editable request."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType

import ipywidgets as widgets

from sd_core.errors import RequestError
from sd_core.requests import Generation, Request, request_kinds

from .editors import EditorContext, NameSuggestions
from .form import Form

MODES: Mapping[str, type[Request]] = MappingProxyType({kind.mode: kind.request for kind in request_kinds()})
"""The kinds of request by the labels of the buttons."""


class Forms:
    """Shows the form of the chosen mode in `place`; a form is made when its mode is first chosen."""

    def __init__(self, modes: widgets.ToggleButtons, container: widgets.VBox, context: EditorContext) -> None:
        self._modes, self._place, self._around = modes, container, context
        self._forms: dict[type[Request], Form] = {}
        self._listeners: list[Callable[[], None]] = []
        self._writing = False
        modes.observe(self._on_mode_change, "value")
        self._current = self._form_of(MODES[str(modes.value)])
        container.children = [self._current.box]

    @property
    def current(self) -> Form:
        """The form that is shown."""
        return self._current

    def on_change(self, listener: Callable[[], None]) -> None:
        """Have `listener` called whenever the user changes the request or the mode."""
        self._listeners.append(listener)

    def read(self) -> Request:
        """The request that is shown.

        Raises:
            RequestError: something is wrong or missing; it is shown at its field.
        """
        return self._current.read()

    def read_if_complete(self) -> Request | None:
        """The request that is shown, or None while it is not complete."""
        try:
            return self._current.read()
        except RequestError:
            return None

    def write(self, request: Request) -> None:
        """Show a request, in the mode that it belongs to."""
        with self._suppress_changes():
            kind = type(request)
            self._modes.value = next(name for name, each in MODES.items() if each is kind)
            self._current.write(request)

    def suggest(self, names: NameSuggestions) -> None:
        """Offer names in the fields that take one."""
        self._around.suggestions.update(names)
        for form in self._forms.values():
            form.suggest(names)

    def remember_seed(self, request: Request) -> None:
        """Tell what the engine has just run: its last seed can then be kept, or counted up."""
        if isinstance(request, Generation) and request.seed is not None:
            for form in self._forms.values():
                form.set_last_seed(request.seed + request.num_images - 1)

    def _form_of(self, kind: type[Request]) -> Form:
        if kind not in self._forms:
            self._forms[kind] = Form(kind, self._around)
            self._forms[kind].on_change(self._notify)
        return self._forms[kind]

    def _on_mode_change(self, *_: object) -> None:
        before, self._current = self._current, self._form_of(MODES[str(self._modes.value)])
        self._place.children = [self._current.box]
        if not self._writing:
            self._current.copy_from(before)
            self._notify()

    def _notify(self) -> None:
        if not self._writing:
            for listener in self._listeners:
                listener()

    @contextmanager
    def _suppress_changes(self) -> Iterator[None]:
        self._writing = True
        try:
            yield
        finally:
            self._writing = False
