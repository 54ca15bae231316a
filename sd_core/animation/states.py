"""The state after a frame as bytes: arrays by name, and notes as JSON."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from sd_core.error_codes import ErrorCode
from sd_core.errors import RequestError
from sd_core.values import Array

State = Mapping[str, Array]
"""Arrays by name."""


def state_bytes(state: State, noted: Mapping[str, Any]) -> bytes:
    """As `.npz`. noted: JSON by name."""
    texts = {name: np.frombuffer(json.dumps(value).encode(), np.uint8) for name, value in noted.items()}
    stream = io.BytesIO()
    np.savez(stream, **state, **texts)  # type: ignore[arg-type]
    return stream.getvalue()


def read_state(data: bytes, path: Path) -> State:
    """The way back, with what is noted among the arrays. path: for the error.

    Raises:
        RequestError: it is no state.
    """
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile) as error:
        raise RequestError(
            "resume", f"{path} is no state: {error}", hint="use another folder", code=ErrorCode.CANNOT_RESUME
        ) from error


def noted_in(state: State, name: str) -> Any:
    """What is noted in a state under a name."""
    return json.loads(bytes(state[name]).decode())
