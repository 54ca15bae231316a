"""Weight files by their content: what each is, what is read of it, and that its name does not matter."""

from __future__ import annotations

import json
import os
import shutil
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from sd_core.errors import ModelMismatch, ModelNotFound
from sd_core.models import load_control_network, load_model, with_adapters
from sd_core.models.formats import ALLOW_PICKLE, Format, check_format, open_file, read_format
from sd_core.models.tensors import read_shapes, read_weights
from sd_core.models.weights import find_weights
from sd_core.requests import ImagePrompt, Lora
from tests.conftest import Built
from tests.models.conftest import Loaded
from tests.models.test_adapters import predict
from tests.safety import payloads
from tests.tiny import TinyKind
from tests.tiny_adapters import LoraFormat

TENSORS = {"a.weight": torch.arange(6.0).reshape(2, 3), "b": torch.ones(4, dtype=torch.float16)}


@pytest.fixture
def pickles(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are allowed."""
    monkeypatch.setenv(ALLOW_PICKLE, "1")


def same(found: dict[str, torch.Tensor]) -> bool:
    return found.keys() == TENSORS.keys() and all(torch.equal(found[name], TENSORS[name]) for name in TENSORS)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("empty", "is empty"),
        ("page", "is a web page"),
        ("lfs-pointer", "is a Git LFS pointer"),
        ("json", "is JSON text"),
        ("header-too-long", "is damaged"),
        ("offsets-outside", "is damaged"),
        ("header-nested", "is damaged"),
        ("gguf", "is a GGUF file, which is not supported"),
    ],
)
def test_a_file_that_holds_no_weights_is_called_what_it_is(tmp_path: Path, name: str, message: str) -> None:
    file = tmp_path / "wall.safetensors"
    file.write_bytes(payloads.damaged()[name])
    with pytest.raises(ModelMismatch, match=rf"wall\.safetensors {message}") as refused:
        read_shapes(file)
    assert refused.value.hint


def test_a_picture_is_called_a_picture(tmp_path: Path) -> None:
    file = tmp_path / "wall.ckpt"
    file.write_bytes(payloads.png())
    with pytest.raises(ModelMismatch, match=r"wall\.ckpt is a PNG picture"):
        check_format(file, allow_pickle=True)


@pytest.mark.parametrize("protocol", payloads.PROTOCOLS)
def test_a_bare_pickle_of_any_protocol_is_known(tmp_path: Path, protocol: int) -> None:
    file = tmp_path / "wall.safetensors"
    file.write_bytes(payloads.raw_pickle(tmp_path / "marker", protocol))
    with open_file(file) as stream:
        assert read_format(file, stream) is Format.PICKLE
        assert stream.tell() == 0


@pytest.mark.parametrize("name", ["wall.safetensors", "wall.sft", "wall.ckpt", "wall.png", "wall"])
def test_safetensors_are_read_under_any_name(tmp_path: Path, name: str) -> None:
    save_file(TENSORS, tmp_path / name, metadata={"format": "pt"})
    weights = read_weights(tmp_path / name, allow_pickle=False)
    assert same(weights.tensors) and weights.metadata == {"format": "pt"}
    assert read_shapes(tmp_path / name) == weights.shapes == {"a.weight": (2, 3), "b": (4,)}


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("wrapped", [True, False])
@pytest.mark.parametrize("name", ["wall.ckpt", "wall.safetensors", "wall"])
def test_weights_in_an_allowed_pickle_are_read_under_any_name(
    tmp_path: Path, name: str, wrapped: bool, zipped: bool
) -> None:
    state = {"state_dict": TENSORS, "epoch": 3} if wrapped else TENSORS
    torch.save(state, tmp_path / name, _use_new_zipfile_serialization=zipped)
    assert same(read_weights(tmp_path / name, allow_pickle=True).tensors)
    assert read_shapes(tmp_path / name, allow_pickle=True) == {"a.weight": (2, 3), "b": (4,)}


def test_a_pickle_that_holds_itself_is_read_to_an_end(tmp_path: Path) -> None:
    state: dict[str, Any] = dict(TENSORS)
    state["state_dict"] = state
    torch.save(state, tmp_path / "wall.ckpt")
    assert set(TENSORS) <= set(read_shapes(tmp_path / "wall.ckpt", allow_pickle=True))


@pytest.mark.parametrize(
    "content", [payloads.torch_zip, payloads.torch_legacy, lambda marker: payloads.raw_pickle(marker, 2)]
)
def test_what_a_pickle_would_call_is_named(tmp_path: Path, content: Any) -> None:
    file, marker = tmp_path / "wall.ckpt", tmp_path / "marker"
    file.write_bytes(content(marker))
    with pytest.raises(
        ModelMismatch, match=r"wall\.ckpt is a pickle that holds more than weights: it would call \w*io\.open"
    ):
        read_shapes(file, allow_pickle=True)
    assert not marker.exists()


def test_a_zip_that_unpacks_to_more_than_it_is_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "wall.ckpt"
    file.write_bytes(payloads.zip_bomb(tmp_path / "marker"))
    with pytest.raises(ModelMismatch, match="is compressed"):
        read_shapes(file, allow_pickle=True)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "wall.safetensors")
    refused: list[Exception] = []

    def read() -> None:
        try:
            read_shapes(tmp_path / "wall.safetensors")
        except ModelMismatch as error:
            refused.append(error)

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    thread.join(30)
    assert not thread.is_alive() and "is no regular file" in str(refused[0])


def test_the_request_cannot_allow_pickles_only_the_environment_can(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.save(TENSORS, tmp_path / "wall.ckpt")
    for value in ("", "0", "true", "yes"):
        monkeypatch.setenv(ALLOW_PICKLE, value)
        with pytest.raises(ModelMismatch, match=f"{ALLOW_PICKLE}=1 in the environment of the engine"):
            check_format(tmp_path / "wall.ckpt")
    monkeypatch.setenv(ALLOW_PICKLE, "1")
    assert check_format(tmp_path / "wall.ckpt") is Format.ZIP_PICKLE


def test_nothing_but_safetensors_is_fetched_from_the_hub() -> None:
    with pytest.raises(ModelMismatch, match=r"somebody/style/style\.bin is no \.safetensors file"):
        find_weights("somebody/style/style.bin")


@pytest.mark.usefixtures("pickles")
@pytest.mark.parametrize(
    ("layout", "metadata"),
    # diffusers reads settings beside its own layout alone
    [(LoraFormat.DIFFUSERS, False), (LoraFormat.DIFFUSERS, True), (LoraFormat.KOHYA, False)],
)
def test_a_lora_is_the_same_under_any_name_and_as_a_pickle(
    loaded: Loaded, lora: Built, tmp_path: Path, layout: LoraFormat, metadata: bool
) -> None:
    model, tensors = loaded(TinyKind.SD1), load_file(lora(TinyKind.SD1, layout))
    tensors = {name: tensor for name, tensor in tensors.items() if name.startswith(("unet.", "lora_unet"))}
    header = {"format": "pt"}
    if metadata:
        layers = sorted({name.removeprefix("unet.").partition(".lora_")[0] for name in tensors})
        settings = {"unet.r": 2, "unet.lora_alpha": 7, "unet.target_modules": layers}
        header["lora_adapter_metadata"] = json.dumps(settings)
    stock = tmp_path / "style.safetensors"
    save_file(tensors, stock, metadata=header)
    pipeline: Any = model.pipeline
    pipeline.load_lora_weights(str(tmp_path), weight_name=stock.name, adapter_name="stock", use_safetensors=True)
    expected = predict(model)
    pipeline.unload_lora_weights()
    for network in model.modules():
        network.requires_grad_(True)
    names = ["style.safetensors", "style.sft", "style"]
    for name in names[1:]:
        shutil.copy(stock, tmp_path / name)
    if not metadata:
        torch.save(tensors, tmp_path / "style.pt")
        names.append("style.pt")
    for name in names:
        with with_adapters(model, (Lora(tmp_path / name),), None):
            torch.testing.assert_close(predict(model), expected, rtol=0, atol=0 if name != "style.pt" else 1e-5)


@pytest.mark.usefixtures("pickles")
def test_an_image_prompt_is_the_same_as_a_pickle(loaded: Loaded, ip_adapter: Built, tmp_path: Path) -> None:
    model = loaded(TinyKind.SD1)
    folder = shutil.copytree(ip_adapter(TinyKind.SD1), tmp_path / "adapter")
    file = folder / "models" / "ip-adapter_sd15.safetensors"
    parts: dict[str, dict[str, torch.Tensor]] = {"image_proj": {}, "ip_adapter": {}}
    for name, tensor in load_file(file).items():
        part, _, rest = name.partition(".")
        parts[part][rest] = tensor
    torch.save(parts, folder / "models" / "ip-adapter.bin")
    predictions = []
    for adapter in (file, folder / "models" / "ip-adapter.bin"):
        with with_adapters(model, (), ImagePrompt(np.full((32, 32, 3), 90, np.uint8), model=adapter)) as adapters:
            predictions.append(predict(model, image_embeds=adapters.image_embeds(guided=False)))
    # not to the bit: where a tensor begins in memory, which differs, decides how torch sums it
    torch.testing.assert_close(*predictions, rtol=0, atol=1e-5)


@pytest.mark.usefixtures("pickles")
def test_a_pickled_textual_inversion_bears_the_name_of_its_file(loaded: Loaded, tmp_path: Path) -> None:
    model = loaded(TinyKind.SD1)
    torch.save({"string_to_param": {"*": torch.ones(2, 32)}, "name": "other"}, tmp_path / "zyzzyva.pt")
    with with_adapters(model, (Lora(tmp_path / "zyzzyva.pt"),), None):
        assert "zyzzyva" in model.tokenizers[0].get_added_vocab()


def test_a_pickled_controlnet_loads_where_pickles_are_allowed(
    loaded: Loaded, controlnet: Built, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = shutil.copytree(controlnet(TinyKind.SD1), tmp_path / "net")
    weights = folder / "diffusion_pytorch_model.safetensors"
    torch.save(load_file(weights), folder / "diffusion_pytorch_model.bin")
    weights.unlink()
    with pytest.raises(ModelMismatch, match=r"diffusion_pytorch_model\.bin is a pickle"):
        load_control_network(str(folder), "depth", loaded(TinyKind.SD1))
    monkeypatch.setenv(ALLOW_PICKLE, "1")
    expected = load_control_network(str(controlnet(TinyKind.SD1)), "depth", loaded(TinyKind.SD1)).state_dict()
    network = load_control_network(str(folder), "depth", loaded(TinyKind.SD1)).state_dict()
    assert all(torch.equal(tensor, network[name]) for name, tensor in expected.items())


@pytest.mark.parametrize(
    ("file", "entry", "message"),
    [
        ("unet/config.json", {"auto_map": {"AutoModel": "evil.Evil"}}, "classes in files of its own"),
        ("text_encoder/config.json", {"quantization_config": {"quant_method": "torchao"}}, "a quantizer"),
        ("text_encoder/config.json", {"transformers_weights": "other.safetensors"}, "another file of weights"),
        ("text_encoder/config.json", {"attn_implementation": "evil/kernels"}, "attention code"),
        ("text_encoder/config.json", {"deeper": [{"model_type": "timm_backbone"}]}, "the package timm"),
        ("tokenizer/tokenizer_config.json", {"auto_map": ["evil.Evil"]}, "classes in files of its own"),
        ("text_encoder/adapter_config.json", {"base_model_name_or_path": "evil"}, "names another model"),
        ("model_index.json", {"unet": ["evil", "Evil"]}, "names evil.Evil as its unet"),
        ("model_index.json", {"scheduler": ["os", "system"]}, "names os.system as its scheduler"),
        ("model_index.json", {"text_encoder": ["transformers", "AutoModel"]}, "names transformers.AutoModel"),
        ("model_index.json", {"extra": ["evil", "Evil"]}, "names evil.Evil as its extra"),
        ("model_index.json", {"_class_name": ["pipeline", "Evil"]}, "names a pipeline of its own"),
    ],
)
def test_a_folder_that_names_code_is_refused_by_name(
    tiny: Built, placement: Any, tmp_path: Path, file: str, entry: dict[str, Any], message: str
) -> None:
    folder = shutil.copytree(tiny(TinyKind.SD1), tmp_path / "model")
    path = folder / file
    kept = json.loads(path.read_text()) if path.is_file() else {}
    path.write_text(json.dumps(kept | entry))
    with pytest.raises(ModelMismatch, match=rf"{path.name} .*{message}.*name no code here"):
        load_model(str(folder), placement)


@pytest.mark.parametrize(
    "name", ["../evil.safetensors", "/evil.safetensors", "a/b.safetensors", ".hidden", 3, "evil.bin"]
)
def test_shards_lie_next_to_their_index(tiny: Built, placement: Any, tmp_path: Path, name: Any) -> None:
    folder = shutil.copytree(tiny(TinyKind.SD1), tmp_path / "model")
    (folder / "unet" / "diffusion_pytorch_model.safetensors").unlink()
    index = folder / "unet" / "diffusion_pytorch_model.safetensors.index.json"
    index.write_text(json.dumps({"metadata": {}, "weight_map": {"conv_in.weight": name}}))
    with pytest.raises(ModelMismatch, match=r"index\.json names"):
        load_model(str(folder), placement)


def test_a_folder_whose_index_is_no_object_is_refused(tiny: Built, placement: Any, tmp_path: Path) -> None:
    folder = shutil.copytree(tiny(TinyKind.SD1), tmp_path / "model")
    (folder / "model_index.json").write_text("[" * 100_000)
    with pytest.raises(ModelMismatch, match=r"model_index\.json is damaged"):
        load_model(str(folder), placement)


def test_a_file_that_may_not_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelNotFound, match=r"nowhere\.safetensors: cannot be read"):
        read_shapes(tmp_path / "nowhere.safetensors")


@pytest.mark.parametrize("name", ["evil/--x", "evil/x..y", "evil/x.git"])
def test_a_name_that_the_hub_does_not_allow_is_no_model(placement: Any, name: str) -> None:
    with pytest.raises(ModelNotFound, match="x"):
        load_model(name, placement, offline=True)
    with pytest.raises(ModelNotFound, match="x"):
        find_weights(f"{name}/style.safetensors", offline=True)
