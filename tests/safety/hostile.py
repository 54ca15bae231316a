"""A corpus of hostile files: each would make a marker file if anything in it were run.

`build_corpus(folder, marker)` writes it; what opens files is then given each of them, and the marker must not appear. The
module that some of them name is `EVIL_MODULE` in `build_corpus`'s `folder / "importable"`: put that on `sys.path` to see
that nobody imports it.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from safetensors.torch import load_file, save_file

from tests.safety import payloads
from tests.tiny import TinyKind, tiny_controlnet, tiny_pipeline
from tests.tiny_adapters import LoraFormat, tiny_ip_adapter, tiny_lora, tiny_t2i_adapter

EVIL_MODULE = "sd_core_evil_module"
SUFFIXES = (".sft", ".SAFETENSORS", ".safetensors", ".gguf", ".dat", ".png", ".ckpt", ".bin", ".pt", ".pth", "")


class Role(StrEnum):
    """What a request can name a file or folder as."""

    MODEL = "model"
    LORA = "lora"
    CONTROLNET = "controlnet"
    T2I_ADAPTER = "t2i_adapter"
    IMAGE_PROMPT = "image_prompt"
    ESTIMATOR = "estimator"
    DEPTH_ESTIMATOR = "depth_estimator"
    ARRAY = "array"


WEIGHTS = tuple(role for role in Role if role is not Role.ARRAY)


@dataclass(frozen=True, slots=True)
class HostileFile:
    """One attack.

    path: the file or folder to name. roles: what it pretends to be; whoever tests should try it as anything.
    about: for the name of a test. ignored: it is sound but for what is hostile in it, which is passed over, so that it may be
    used in its role; every other attack has to end in an error.
    """

    path: Path
    roles: tuple[Role, ...]
    about: str
    ignored: bool = False


def build_corpus(folder: Path, marker: Path) -> list[HostileFile]:
    """Write every attack below `folder`; whatever runs makes `marker`, which this function does not.

    Args:
        folder: empty or not there yet.
        marker: a path where no file is.
    """
    folder.mkdir(parents=True, exist_ok=True)
    _write(folder / "importable" / f"{EVIL_MODULE}.py", payloads.source_code(marker).encode())
    corpus = [*build_files(folder / "files", marker), *_folders(folder, marker)]
    assert not marker.exists(), "the corpus itself must run nothing"
    return corpus


def build_files(folder: Path, marker: Path) -> Iterator[HostileFile]:
    """The single files of the corpus; they need no tiny models and are quickly written."""
    for name, content in _contents(marker).items():
        for suffix in SUFFIXES if name in ("zip", "legacy", "raw-2") else (".safetensors", ".ckpt", ".png"):
            yield HostileFile(
                _write(folder / f"{name}{suffix}", content), WEIGHTS, f"{name}{suffix or ' without suffix'}"
            )
    for suffix, content in payloads.numpy_files(marker).items():
        yield HostileFile(_write(folder / f"objects{suffix}", content), tuple(Role), f"array of objects {suffix}")


def _contents(marker: Path) -> dict[str, bytes]:
    raw = {f"raw-{protocol}": payloads.raw_pickle(marker, protocol) for protocol in payloads.PROTOCOLS}
    torch_files = {
        "zip": payloads.torch_zip(marker),
        "legacy": payloads.torch_legacy(marker),
        "script": payloads.torch_script(marker),
        "bomb": payloads.zip_bomb(marker),
    }
    return raw | torch_files | payloads.polyglots(marker) | payloads.damaged()


def _folders(root: Path, marker: Path) -> Iterator[HostileFile]:
    made = {
        Role.MODEL: tiny_pipeline(TinyKind.SD1, root / "good" / "model"),
        Role.CONTROLNET: tiny_controlnet(TinyKind.SD1, root / "good" / "controlnet"),
        Role.T2I_ADAPTER: tiny_t2i_adapter(TinyKind.SD1, root / "good" / "t2i_adapter"),
    }
    made[Role.IMAGE_PROMPT] = tiny_ip_adapter(made[Role.MODEL], root / "good" / "ip_adapter")
    for index, (role, about, spoil) in enumerate((*_model_attacks(), *_network_attacks(), *_adapter_attacks())):
        place = shutil.copytree(made[role], root / "folders" / f"{index:02}")
        roles = (Role.MODEL, Role.ESTIMATOR) if role is Role.MODEL else (role,)
        spoil(place, marker)
        yield HostileFile(place, roles, about)
    yield from _loras(root / "loras", made[Role.MODEL], marker)
    yield from _depth_estimators(root / "depth", marker)


Spoil = Callable[[Path, Path], None]
Attack = tuple[Role, str, Spoil]


def _model_attacks() -> Iterator[Attack]:
    parts = {"unet": "diffusion_pytorch_model", "vae": "diffusion_pytorch_model", "text_encoder": "model"}
    for part, stem in parts.items():
        pickled = "pytorch_model" if part == "text_encoder" else stem
        yield Role.MODEL, f"{part} only as a pickle", _replaced(f"{part}/{stem}.safetensors", f"{part}/{pickled}.bin")
        yield Role.MODEL, f"{part}: a pickle called .safetensors", _replaced(f"{part}/{stem}.safetensors")
        for target in (f"{pickled}.bin", "../../evil.bin", "/evil.bin"):
            yield Role.MODEL, f"{part}: shards named {target}", _sharded(part, stem, target)
    yield Role.MODEL, "pipeline.py beside model_index.json", _own_pipeline
    yield Role.MODEL, "a component of a module in its folder", _component("unet", "evil", "unet/evil.py")
    yield Role.MODEL, "a component of a module that can be imported", _component("unet", EVIL_MODULE)
    yield Role.MODEL, "a scheduler of a module in its folder", _component("scheduler", "evil", "scheduler/evil.py")
    yield Role.MODEL, "a part outside the signature, of an importable module", _component("extra", EVIL_MODULE)
    yield Role.MODEL, "a tokenizer with auto_map", _tokenizer
    yield Role.MODEL, "an adapter in the text encoder's folder", _peft_adapter
    yield Role.MODEL, "weights named by the configuration", _configured("transformers_weights", "adapter_model.bin")
    yield Role.MODEL, "auto_map in a text encoder", _configured("auto_map", {"AutoModel": "evil.Evil"})
    yield Role.MODEL, "a quantizer", _configured("quantization_config", {"quant_method": "torchao"})
    yield Role.MODEL, "attention code from the hub", _configured("_attn_implementation", "evil/kernels")
    yield Role.MODEL, "a configuration nested too deep", lambda folder, _: _nest(folder / "unet" / "config.json")
    yield Role.MODEL, "an index that is a list", lambda folder, _: _dump(folder / "model_index.json", ["evil"])


def _network_attacks() -> Iterator[Attack]:
    stem = "diffusion_pytorch_model"
    for role in (Role.CONTROLNET, Role.T2I_ADAPTER):
        yield role, f"{role} only as a pickle", _replaced(f"{stem}.safetensors", f"{stem}.bin")
        yield role, f"{role}: a pickle called .safetensors", _replaced(f"{stem}.safetensors")
        for target in (f"{stem}.bin", "../evil.bin"):
            yield role, f"{role}: shards named {target}", _sharded("", stem, target)
        yield role, f"{role}: classes of its own", _configured("auto_map", {"AutoModel": "evil.Evil"}, "config.json")


def _adapter_attacks() -> Iterator[Attack]:
    role, file = Role.IMAGE_PROMPT, "models/ip-adapter_sd15.safetensors"
    yield role, "an image prompt only as a pickle", _replaced(None, "models/ip-adapter_sd15.bin", only="models")
    yield role, "an image prompt: a pickle called .safetensors", _replaced(None, file, only="models")
    for name in ("pytorch_model.bin", "model.safetensors"):
        yield role, f"an image encoder as a pickle: {name}", _encoder(name)


def _replaced(drop: str | None, put: str | None = None, *, only: str | None = None) -> Spoil:
    def spoil(folder: Path, marker: Path) -> None:
        for file in folder.rglob("*.safetensors") if only is not None else ():
            if file.parent.name == only:
                file.unlink()
        if drop is not None:
            (folder / drop).unlink()
        name = put or drop
        assert name is not None, "one of them is given"
        _write(folder / name, payloads.torch_zip(marker))

    return spoil


def _encoder(name: str) -> Spoil:
    def spoil(folder: Path, marker: Path) -> None:
        weights = next(folder.rglob("image_encoder/model.safetensors"))
        weights.unlink()
        _write(weights.with_name(name), payloads.torch_zip(marker))

    return spoil


def _sharded(part: str, stem: str, target: str) -> Spoil:
    def spoil(folder: Path, marker: Path) -> None:
        weights = folder / part / f"{stem}.safetensors"
        keys = list(load_file(weights))
        weights.unlink()
        # beside the index, above the folder, and where an absolute name would lead if it were joined
        for place in (weights.parent / Path(target).name, folder / Path(target).name, folder.parent / "evil.bin"):
            _write(place, payloads.torch_zip(marker))
        index = {"metadata": {"total_size": 1}, "weight_map": dict.fromkeys(keys, target)}
        _dump(weights.with_name(f"{stem}.safetensors.index.json"), index)

    return spoil


def _own_pipeline(folder: Path, marker: Path) -> None:
    _write(folder / "pipeline.py", payloads.source_code(marker).encode())
    _changed(folder / "model_index.json", _class_name=["pipeline", "Evil"], custom_pipeline="pipeline")


def _component(part: str, library: str, module: str | None = None) -> Spoil:
    def spoil(folder: Path, marker: Path) -> None:
        if module is not None:
            _write(folder / module, payloads.source_code(marker).encode())
        _changed(folder / "model_index.json", **{part: [library, "Evil"]})

    return spoil


def _tokenizer(folder: Path, marker: Path) -> None:
    _write(folder / "tokenizer" / "evil.py", payloads.source_code(marker).encode())
    auto_map = {"AutoTokenizer": ["evil.Evil", "evil.Evil"]}
    _changed(folder / "tokenizer" / "tokenizer_config.json", auto_map=auto_map, tokenizer_class="Evil")


def _peft_adapter(folder: Path, marker: Path) -> None:
    config = {"peft_type": "LORA", "base_model_name_or_path": str(folder / "elsewhere"), "auto_mapping": EVIL_MODULE}
    _dump(folder / "text_encoder" / "adapter_config.json", config)
    for name in ("text_encoder/adapter_model.bin", "elsewhere/pytorch_model.bin"):
        _write(folder / name, payloads.torch_zip(marker))
    shutil.copy(folder / "text_encoder" / "config.json", folder / "elsewhere" / "config.json")


def _configured(key: str, value: Any, file: str = "text_encoder/config.json") -> Spoil:
    def spoil(folder: Path, marker: Path) -> None:
        place = (folder / file).parent
        _write(place / "evil.py", payloads.source_code(marker).encode())
        _write(place / "adapter_model.bin", payloads.torch_zip(marker))
        _changed(folder / file, **{key: value})

    return spoil


def _loras(folder: Path, model: Path, marker: Path) -> Iterator[HostileFile]:
    folder.mkdir(parents=True)
    good = load_file(tiny_lora(model, folder / "good.safetensors", LoraFormat.DIFFUSERS, text=False))
    file = folder / "megatron.safetensors"
    layers = sorted({key.removeprefix("unet.").partition(".lora_")[0] for key in good})
    config = {"r": 2, "lora_alpha": 2, "target_modules": layers}
    config |= {"megatron_config": {"a": 1}, "megatron_core": EVIL_MODULE}
    adapter = {f"unet.{key}": value for key, value in config.items()}
    save_file(good, file, {"format": "pt", "lora_adapter_metadata": json.dumps(adapter)})
    yield HostileFile(file, (Role.LORA,), "a LoRA whose header names a module", ignored=True)
    _write(folder / "pickled" / "pytorch_lora_weights.bin", payloads.torch_zip(marker))
    yield HostileFile(folder / "pickled", (Role.LORA,), "a folder with a pickled LoRA")
    embeds = {"string_to_param": {"*": payloads.Touch(marker)}, "name": "moss"}
    yield HostileFile(_saved(folder / "moss.pt", embeds), (Role.LORA,), "a pickled textual inversion")


def _depth_estimators(folder: Path, marker: Path) -> Iterator[HostileFile]:
    auto_map = {
        "AutoConfig": "evil.Evil",
        "AutoModelForDepthEstimation": "evil.Evil",
        "AutoImageProcessor": "evil.Evil",
    }
    backbone = {"model_type": "timm_backbone", "backbone": "hf-hub:evil/backbone", "use_pretrained_backbone": True}
    configs: dict[str, dict[str, Any]] = {
        "depth by code of its own": {"model_type": "evil", "auto_map": auto_map},
        "depth by a known kind with code of its own": {"model_type": "depth_anything", "auto_map": auto_map},
        "depth with a backbone from the hub": {"model_type": "depth_anything", "backbone_config": backbone},
        "depth as a pickle": {"model_type": "glpn"},
    }
    for index, (about, config) in enumerate(configs.items()):
        place = folder / str(index)
        _write(place / "evil.py", payloads.source_code(marker).encode())
        _dump(place / "config.json", config)
        processor = {"image_processor_type": "DPTImageProcessor"}
        _dump(place / "preprocessor_config.json", processor | ({"auto_map": auto_map} if "auto_map" in config else {}))
        _write(place / "pytorch_model.bin", payloads.torch_zip(marker))
        yield HostileFile(place, (Role.DEPTH_ESTIMATOR,), about)


def _nest(path: Path) -> None:
    path.write_bytes(b'{"a": ' + b"[" * 200_000 + b"]" * 200_000 + b"}")


def _changed(path: Path, **values: Any) -> None:
    kept = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    _dump(path, kept | values)


def _dump(path: Path, value: Any) -> None:
    _write(path, json.dumps(value).encode())


def _saved(path: Path, value: Any) -> Path:
    import torch

    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(value, path)
    return path


def _write(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path
