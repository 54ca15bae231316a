"""Placement: what is chosen and what is refused."""

from __future__ import annotations

import json

import pytest
import torch

from sd_core.devices import choose_placement, describe, memory
from sd_core.errors import RequestError


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_what_is_asked_for_is_what_is_chosen(dtype: str) -> None:
    placement = choose_placement("cpu", dtype)
    assert placement.device == torch.device("cpu")
    assert placement.dtype is placement.vae_dtype is getattr(torch, dtype)
    assert placement.reasons["dtype"] == "asked for"


def test_float32_keeps_diffusers_memory_layout() -> None:
    assert not choose_placement("cpu", "float32").channels_last


def test_every_automatic_choice_has_a_reason() -> None:
    assert all(choose_placement().reasons[name] for name in ("device", "dtype", "vae_dtype"))


@pytest.mark.parametrize(
    ("device", "dtype", "field"),
    [("tpu", "auto", "device"), ("cuda:99", "auto", "device"), ("cpu", "int8", "dtype"), ("cpu", "float16", "dtype")],
)
def test_nonsense_is_refused_by_field(device: str, dtype: str, field: str) -> None:
    with pytest.raises(RequestError) as refused:
        choose_placement(device, dtype)
    assert refused.value.field == field and refused.value.hint


def test_memory_is_in_bytes_and_part_of_the_whole() -> None:
    state = memory(torch.device("cpu"))
    assert 2**28 < state.free <= state.total


def test_the_description_of_the_machine_is_json() -> None:
    described = json.loads(json.dumps(describe()))
    assert described["libraries"]["torch"] == torch.__version__
    assert "cpu" in described["devices"]
