"""What every editor of a field is: a row of widgets that holds a value."""

from __future__ import annotations

import html
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets

from sd_core.errors import RequestError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sd_core.values import FieldSpec


NameSuggestions = Mapping[str, tuple[str, ...]]
"""Names to offer, by field ("model"), or by part and field ("Lora.path")."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EditorContext:
    """What editors may ask.

    variables: gives the user's variables. suggestions: names to offer.
    """

    variables: Callable[[], Mapping[str, Any]] = dict
    suggestions: dict[str, tuple[str, ...]] = field(default_factory=dict)


class MissingValue(RequestError):
    """A field that must be filled in is still empty: no reason to complain before somebody wants the request."""


class Editor(ABC):
    """A field's label, control and complaint. `get` and `set` are exact inverses for every value that the field accepts."""

    def __init__(self, spec: FieldSpec, *controls: widgets.Widget, stacked: bool = False) -> None:
        self.spec = spec
        self._listeners: list[Callable[[], None]] = []
        self._silent = False
        self._complaint = widgets.HTML(layout=widgets.Layout(display="none"))
        self._complaint.add_class("studio-complaint")
        label = widgets.HTML(
            f'<span title="{html.escape(spec.help)}" aria-hidden="true">{html.escape(spec.label)}</span>'
        )
        label.add_class("studio-label")
        container = widgets.VBox if stacked else widgets.HBox
        row = container([label, *controls])
        row.add_class("studio-row")
        self.box = widgets.VBox([row, self._complaint])
        self.box.add_class("studio-field")
        self.box.add_class(f"studio-field-{spec.name}")

    @abstractmethod
    def get(self) -> Any:
        """The value, not yet checked.

        Raises:
            RequestError: what stands there cannot be read.
        """

    @abstractmethod
    def set(self, value: Any) -> None:
        """Show a value that the field accepts."""

    def suggest(self, names: NameSuggestions) -> None:  # noqa: B027 - most fields take no name
        """Offer names, where one may be typed; any other may be typed all the same."""

    def on_change(self, listener: Callable[[], None]) -> None:
        """Have `listener` called whenever the user changes the value."""
        self._listeners.append(listener)

    def show_error(self, text: str) -> None:
        """Show what is wrong with the value under it; nothing where `text` is empty."""
        self._complaint.value = html.escape(text)
        self._complaint.layout.display = "" if text else "none"

    def notify(self, *_: object) -> None:
        """Tell the listeners, unless the change came from the program."""
        if not self._silent:
            for listener in self._listeners:
                listener()

    @contextmanager
    def suppress_changes(self) -> Iterator[None]:
        """Changes made inside are the program's own."""
        before, self._silent = self._silent, True
        try:
            yield
        finally:
            self._silent = before
