"""What a request from elsewhere may use: one out of a picture, a `.blend`, a notebook's state or the network.

Code that a person writes names what it likes. Whatever takes a request from elsewhere asks here first:

    allowed = Allowed(home=home_folder())
    allowed.check(named_in(request))        # raises NotAllowed, with every name, its place and what it means here

Allowed are the catalogue, the folders `models` and `loras` in `SD_CORE_HOME`, and what the user approved
(`sd-core models allow`, or yes to a question); see `Allowed`. Nothing that is named is opened for that.
"""

from .allowed import Allowed, absolute_names, allow_command
from .approvals import approvals, approve, withdraw
from .named import ExternalName, RequestText, external_names, request_texts
from .places import Kind, ResolvedName, printable, resolve_name

__all__ = [
    "Allowed",
    "ExternalName",
    "Kind",
    "RequestText",
    "ResolvedName",
    "absolute_names",
    "allow_command",
    "approvals",
    "approve",
    "external_names",
    "printable",
    "request_texts",
    "resolve_name",
    "withdraw",
]
