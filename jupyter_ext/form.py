"""A form for one kind of request: an editor for each of its fields."""

from __future__ import annotations

from collections.abc import Callable

import ipywidgets as widgets

from sd_core.errors import RequestError
from sd_core.requests import Request
from sd_core.values import FieldSpec

from .editors import (
    Editor,
    EditorContext,
    FeatherEditor,
    MaskEditor,
    MissingValue,
    NameSuggestions,
    PictureEditor,
    SeedEditor,
    make_editor,
)
from .fields import SIZES, basic_fields, shown_fields


class Form:
    """Reads a request from its editors and writes one into them; `write` then `read` gives an equal request.

    Editors behind "Advanced" are made when that is first opened, or when a request needs them.
    """

    def __init__(self, kind: type[Request], context: EditorContext) -> None:
        self.kind = kind
        self._around = context
        self._listeners: list[Callable[[], None]] = []
        self._specs = dict(shown_fields(kind))
        self._editors: dict[str, Editor] = {}
        self._basic = basic_fields(self._specs.values())
        for name, spec in self._specs.items():
            if name in self._basic:
                self._editors[name] = self._make_field_editor(spec)
        self._advanced = widgets.VBox()
        self._accordion = widgets.Accordion([self._advanced], titles=("Advanced",))
        self._accordion.observe(lambda _: self._on_advanced_toggle(), "selected_index")
        self.box = widgets.VBox([editor.box for editor in self._editors.values()])
        self.box.add_class("studio-form")
        if len(self._editors) < len(self._specs):
            self.box.children = [*self.box.children, self._accordion]

    @property
    def editors(self) -> dict[str, Editor]:
        """The editors made so far, by field."""
        return dict(self._editors)

    def on_change(self, listener: Callable[[], None]) -> None:
        """Have `listener` called whenever the user changes something."""
        self._listeners.append(listener)

    def read(self) -> Request:
        """The request that the form describes; what is wrong is shown at its field.

        Raises:
            Missing: something is still to be filled in; this is not shown.
            RequestError: something is wrong.
        """
        for editor in self._editors.values():
            editor.show_error("")
        try:
            return self.kind(**{name: editor.get() for name, editor in self._editors.items()})
        except MissingValue:
            raise
        except RequestError as error:
            self.show_error(error)
            raise

    def write(self, request: Request) -> None:
        """Show a request of this form's kind."""
        if any(name not in self._editors for name in request.changed_fields()):
            self._make_advanced()
        for name, editor in self._editors.items():
            editor.set(getattr(request, name))
            editor.show_error("")

    def copy_from(self, source: Form) -> None:
        """Copy from another form what both have, so that changing the mode loses no prompt."""
        hidden = self._specs.keys() - self._editors.keys() - SIZES
        if hidden & source._editors.keys():
            self._make_advanced()
        for name, theirs in source._editors.items():
            if name in self._editors and self._can_copy(name, theirs):
                try:
                    self._editors[name].set(theirs.get())
                except RequestError:
                    continue  # what is not finished there stays there

    def show_error(self, error: RequestError) -> None:
        """Show an error at its field, wherever it was found; errors inside a part open what hides it."""
        field = error.field.split(".")[0].split("[")[0]
        if field in self._specs and field not in self._editors:
            self._make_advanced()
        if field in self._editors:
            hint = f"; {error.hint}" if error.hint else ""
            self._editors[field].show_error(f"{error.message}{hint}")
            if field not in self._basic:
                self._accordion.selected_index = 0

    def set_last_seed(self, seed: int) -> None:
        """Tell which seed the engine took last."""
        editor = self._editors.get("seed")
        if isinstance(editor, SeedEditor):
            editor.set_last_seed(seed)

    def suggest(self, names: NameSuggestions) -> None:
        """Offer names in the fields that take one."""
        for editor in self._editors.values():
            editor.suggest(names)

    def _can_copy(self, name: str, editor: Editor) -> bool:
        """Whether a value of another form means the same here; a size does not where a picture fixes it."""
        return editor.spec.convert == self._specs[name].convert and (name in self._basic or name not in SIZES)

    def _make_field_editor(self, spec: FieldSpec) -> Editor:
        picture = self._editors.get("image")
        if spec.name == "mask" and isinstance(picture, PictureEditor):
            editor: Editor = MaskEditor(spec, self._around, picture)
        elif spec.name == "feather" and isinstance(picture, PictureEditor):
            editor = FeatherEditor(spec, picture.canvas)
        else:
            editor = make_editor(spec, self._around)
        editor.on_change(self._notify)
        editor.suggest(self._around.suggestions)
        return editor

    def _on_advanced_toggle(self) -> None:
        if self._accordion.selected_index is not None:
            self._make_advanced()

    def _make_advanced(self) -> None:
        missing = [spec for name, spec in self._specs.items() if name not in self._editors]
        if missing:
            self._editors |= {spec.name: self._make_field_editor(spec) for spec in missing}
            self._advanced.children = [self._editors[spec.name].box for spec in missing]

    def _notify(self) -> None:
        for listener in self._listeners:
            listener()
