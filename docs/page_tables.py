"""Tables and lists of the documentation that are made from the code, so that they cannot differ from it."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import sd_core
from sd_core.animation.policy import policy_table
from sd_core.catalogue import CATALOGUE, CONTROLNETS
from sd_core.error_codes import REMEDIES, ErrorCode
from sd_core.errors import SDError
from sd_core.requests import Request, styles
from sd_core.requests.registry import request_kinds
from sd_core.schedulers import SCHEDULERS
from sd_core.server.app import make_app
from sd_core.server.service import Service
from sd_core.server.settings import ServerSettings
from sd_core.server.state import open_store
from sd_core.values import Role, Value, field_specs
from sd_core.values.fields import FieldSpec

BESIDE = {"Engine and client": ("sd_core.client.Client", "sd_core.jobs.Job")}
"""Classes of objects that public functions return; they are not meant to be made by hand."""

_OPTIONS = {"sd_core.jobs.Job": '\n    options:\n      filters: ["!^_", "!^(start|report|fail)$"]'}
"""Options of mkdocstrings for single names: what only the engine calls is left out."""

_GROUPS = {"connect": "Engine and client", "read_exr": "Render passes", "Event": "Results and events"}
"""The groups of public names that are no classes, and no plain functions on requests."""

_METHODS = ("get", "put", "post", "patch", "delete", "head")


def table(head: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """A Markdown table; bars and line ends in a cell are escaped, and columns without any content are left out."""
    cells = [[_cell(cell) for cell in row] for row in rows]
    columns = [(title, *column) for title, column in zip(head, zip(*cells, strict=True), strict=True) if any(column)]
    titles, *lines = zip(*columns, strict=True)
    return "\n".join(f"| {' | '.join(line)} |" for line in (titles, ["---"] * len(titles), *lines))


def error_classes() -> str:
    """Every class of error, with its usual code."""
    rows = ((f"`{kind.__name__}`", _first_sentence(kind), f"`{kind.default_code}`") for kind in subclasses(SDError))
    return table(("class", "meaning", "usual code"), rows)


def error_codes() -> str:
    """Every code with what to do."""
    return table(("code", "what to do"), ((f"`{code}`", REMEDIES[code]) for code in ErrorCode))


def subclasses(kind: type[SDError]) -> list[type[SDError]]:
    """A class of error and all below it that are public, parents first."""
    return [kind, *(found for child in kind.__subclasses__() if _is_public(child) for found in subclasses(child))]


def commands() -> str:
    """The kinds of request with their commands and classes."""
    rows = (
        (f"`{kind.command}`", f"`{kind.request.__name__}`", _first_sentence(kind.request)) for kind in request_kinds()
    )
    return table(("command", "class", "result"), rows)


def models() -> str:
    """The catalogue of checkpoints, with their defaults."""
    rows = (
        (f"`{entry.name}`", entry.family, entry.defaults.width, entry.defaults.num_inference_steps,
         f"{entry.defaults.guidance_scale:g}", entry.about)
        for entry in CATALOGUE.values()
    )  # fmt: skip
    return table(("name", "family", "size (px)", "steps", "guidance", "about"), rows)


def model_sources() -> str:
    """Where the checkpoints of the catalogue come from."""
    rows = (
        (f"`{entry.name}`", _code(entry.hub_id) or "inside the package", entry.licence) for entry in CATALOGUE.values()
    )
    return table(("name", "repository on the hub", "licence"), rows)


def controlnets() -> str:
    """The ControlNets that are known, by kind and family."""
    kinds = dict.fromkeys(kind for by_kind in CONTROLNETS.values() for kind in by_kind)
    rows = ((f"`{kind}`", *(_code(by_kind.get(kind)) for by_kind in CONTROLNETS.values())) for kind in kinds)
    return table(("kind", *CONTROLNETS), rows)


def schedulers() -> str:
    """The names of the schedulers, with the class of diffusers and its options."""
    rows = ((f"`{name}`", f"`{entry.class_name}`", _options(entry.options)) for name, entry in SCHEDULERS.items())
    return table(("name", "class of diffusers", "options"), rows)


def reuse() -> str:
    """The fields of `Reuse`."""
    return _fields(sd_core.Reuse)


def texture_fields() -> str:
    """The fields of `Texture` that `TextToImage` has not."""
    return _fields(sd_core.Texture, without=sd_core.TextToImage)


def mesh_fields() -> str:
    """The fields of `MeshTexture` that `TextToImage` has not."""
    return _fields(sd_core.MeshTexture, without=sd_core.TextToImage)


def object_fields() -> str:
    """The fields of `ObjectPaint`."""
    return _fields(sd_core.ObjectPaint)


def animation_fields() -> str:
    """The fields of `Animation` that `TextToImage` has not."""
    return _fields(sd_core.Animation, without=sd_core.TextToImage)


def common_fields() -> str:
    """The fields that most requests share."""
    return _fields(sd_core.TextToImage)


def style_names() -> str:
    """The names of the styles, as a sentence has them."""
    return ", ".join(f"*{name}*" for name in styles())


def api() -> str:
    """A heading for each group of public names, and the place of each name for mkdocstrings."""
    groups = {title: [f"sd_core.{name}" for name in names] for title, names in public_names().items()}
    for title, paths in BESIDE.items():
        groups[title] += paths
    return "\n\n".join(
        f"## {title}\n\n" + "\n\n".join(f"::: {path}" for path in paths) for title, paths in groups.items()
    )


def public_names() -> dict[str, list[str]]:
    """The names of `sd_core.__all__` by group."""
    groups: dict[str, list[str]] = {
        title: [] for title in ("Engine and client", "Requests", "Parts of requests", "Render passes", "Results and events",
                                "Errors", "Functions")
    }  # fmt: skip
    for name in sd_core.__all__:
        if not name.startswith("__"):
            groups[_group(name, getattr(sd_core, name))].append(name)
    return groups


def routes() -> str:
    """Every route of the server by the first word of its path, with parameters, body and answers."""
    schema = openapi()
    operations = [
        (path, method, item[method]) for path, item in schema["paths"].items() for method in _METHODS if method in item
    ]
    return "\n\n".join(_route(path, method, operation, schema) for path, method, operation in operations)


def openapi() -> dict[str, Any]:
    """The description that the server gives at /openapi.json."""
    with tempfile.TemporaryDirectory() as home:
        store = open_store(ServerSettings(home=Path(home)))
        try:
            return make_app(Service(store)).openapi()
        finally:
            store.database.close()


def _group(name: str, thing: Any) -> str:
    if not isinstance(thing, type):
        return _GROUPS.get(name, "Functions")
    if issubclass(thing, SDError):
        return "Errors"
    if issubclass(thing, Request):
        return "Requests"
    home = thing.__module__.split(".")[1]
    if home == "passes":
        return "Render passes"
    return (
        "Parts of requests"
        if issubclass(thing, Value)
        else {"engine": "Engine and client"}.get(home, "Results and events")
    )


def _route(path: str, method: str, operation: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    parts = [f"### {method.upper()} {path}", operation.get("description") or operation.get("summary", "")]
    parameters = operation.get("parameters", [])
    if parameters:
        rows = (
            (f"`{each['name']}`", each["in"], _type(each["schema"], schema), each.get("description", ""))
            for each in parameters
        )
        parts.append(table(("parameter", "in", "type", "meaning"), rows))
    for kind, content in operation.get("requestBody", {}).get("content", {}).items():
        parts += [f"Body: `{kind}`", _properties(content.get("schema", {}), schema)]
    answers = ((code, answer.get("description", "")) for code, answer in sorted(operation["responses"].items()))
    return "\n\n".join(filter(None, [*parts, table(("status", "meaning"), answers)]))


def _properties(part: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    body = _resolved(part, schema)
    required = body.get("required", [])
    rows = [
        (f"`{key}`", _type(each, schema), "yes" if key in required else "no", each.get("description", ""))
        for key, each in body.get("properties", {}).items()
    ]
    return table(("field", "type", "required", "meaning"), rows) if rows else ""


def _type(part: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    """What a value may be, in words: `queued`, `running` or null."""
    if "anyOf" in part:
        return " or ".join(_type(each, schema) for each in part["anyOf"])
    described = _resolved(part, schema)
    if "enum" in described:
        return ", ".join(f"`{each}`" for each in described["enum"])
    return str(described.get("type", "any"))


def _resolved(part: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    name = part.get("$ref", "").rpartition("/")[2]
    return schema["components"]["schemas"][name] if name else part


def _fields(kind: type[Value], without: type[Value] | None = None) -> str:
    common = {name: spec.about for name, spec in field_specs(without).items()} if without else {}
    rows = (
        (f"`{name}`", spec.label, _meaning(spec), _default(spec))
        for name, spec in field_specs(kind).items()
        if common.get(name) != spec.about
    )
    return table(("field", "label", "meaning", "default"), rows)


def _meaning(spec: FieldSpec) -> str:
    values = f" {spec.accepts[0].upper()}{spec.accepts[1:]}." if spec.accepts and spec.role is not Role.NUMBER else ""
    return f"{spec.help}{values}"


def _default(spec: FieldSpec) -> str:
    if spec.is_required:
        return "required"
    if spec.default is None:
        return spec.about.unset
    if spec.default == "":
        return "empty"
    if isinstance(spec.default, tuple):
        return ", ".join(f"`{item}`" for item in spec.default) or "none"
    return f"`{spec.default!s}`"


def _first_sentence(kind: type) -> str:
    return (kind.__doc__ or "").strip().split("\n", 1)[0]


def _is_public(kind: type) -> bool:
    return kind.__module__ == "sd_core.errors" and not kind.__name__.startswith("_")


def _options(options: Mapping[str, Any]) -> str:
    return ", ".join(f"`{name}={value!r}`" for name, value in options.items())


def _code(text: str | None) -> str:
    return f"`{text}`" if text else ""


def _cell(content: object) -> str:
    return " ".join(str(content).split()).replace("|", "\\|")


TABLES: Mapping[str, Callable[[], str]] = {
    "animation-fields": animation_fields,
    "api": api,
    "commands": commands,
    "common-fields": common_fields,
    "controlnets": controlnets,
    "error-classes": error_classes,
    "error-codes": error_codes,
    "mesh-fields": mesh_fields,
    "model-sources": model_sources,
    "models": models,
    "object-fields": object_fields,
    "reuse": reuse,
    "reuse-policy": policy_table,
    "routes": routes,
    "schedulers": schedulers,
    "styles": style_names,
    "texture-fields": texture_fields,
}
"""What stands for `<!-- generated: NAME -->` in a page, by name."""
