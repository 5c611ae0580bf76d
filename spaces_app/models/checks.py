"""What may be asked of a model's files before any of them is trusted.

Files of a stranger's model are an attack surface: a configuration can ask for terabytes, an index can name files
outside the folder, a tokenizer can blow up short texts. Everything here reads small files with bounds.
"""

from __future__ import annotations

import json
import math
import re
import struct
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

from spaces_app.errors import AppError, ModelUnavailable, NotSupported, TooLarge

CONFIG, INDEX, SINGLE = "config.json", "model.safetensors.index.json", "model.safetensors"
SMALL = 500 * 10**6  # bytes up to which weights are computed in float32 whatever they are stored in
_BYTES = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2}
MAX_JSON, MAX_TOKENIZER, MAX_HEADER, MAX_DEPTH = 10**6, 50 * 10**6, 25 * 10**6, 50

# Files a model is made of. Pickles (.bin, .pt) and code (.py) are in no pattern, so they are never downloaded.
SMALL_FILES = re.compile(
    r"(generation_|tokenizer_)?config\.json|special_tokens_map\.json|added_tokens\.json|tokenizer\.json"
    r"|(target_)?vocab\.(json|txt)|merges\.txt|chat_template\.(json|jinja)"
    r"|tokenizer\.model|(spiece|sentencepiece|sentencepiece\.bpe)\.model|(source|target)\.spm"
)
WEIGHTS = re.compile(r"model(-\d{5}-of-\d{5})?\.safetensors")
_SENTENCEPIECE = ("tokenizer.model", "spiece.model", "sentencepiece.bpe.model")
_VOCABULARIES = ("tokenizer.json", "vocab.json", "vocab.txt", *_SENTENCEPIECE)

# The largest published models stay below these; what is above exhausts memory or time while being built.
_CAPS = {
    200: ("num_hidden_layers", "n_layer", "n_layers", "num_layers", "num_decoder_layers", "encoder_layers",
          "decoder_layers"),
    1_000: ("num_attention_heads", "n_head", "num_heads", "encoder_attention_heads", "decoder_attention_heads",
            "num_key_value_heads", "num_experts", "num_local_experts", "n_routed_experts"),
    32_768: ("hidden_size", "d_model", "n_embd", "word_embed_proj_dim", "head_dim", "d_kv"),
    262_144: ("intermediate_size", "d_ff", "n_inner", "ffn_dim", "encoder_ffn_dim", "decoder_ffn_dim"),
    1_000_000: ("vocab_size", "decoder_vocab_size"),
    20_000_000: ("max_position_embeddings", "n_positions", "n_ctx"),
}  # fmt: skip
_CAP = {name: cap for cap, names in _CAPS.items() for name in names}


def wanted(name: str) -> bool:
    """Whether a file belongs to a model as it is loaded here."""
    return bool(SMALL_FILES.fullmatch(name) or WEIGHTS.fullmatch(name) or name == INDEX)


def read_json(path: Path, *, limit: int = MAX_JSON) -> dict:
    """The object in a JSON file. Raises ModelUnavailable when it is damaged, nested deeply or over `limit` bytes."""
    try:
        size = path.stat().st_size
        if size > limit:
            raise TooLarge(f"the model's {path.name} has {size:,} bytes, more than {limit:,}.", field="model")
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        raise ModelUnavailable(f"the model's {path.name} is missing or damaged.", field="model") from None
    if not isinstance(data, dict) or _depth(data) > MAX_DEPTH:
        raise ModelUnavailable(f"the model's {path.name} is not what such a file is.", field="model")
    return data


def check_config(config: Mapping) -> None:
    """Raises an AppError for a configuration that asks for too much or for what is not supported."""
    if config.get("quantization_config"):
        raise NotSupported(
            "this model is quantized, so its gradients are not those of the model.",
            hint="Choose the original, unquantized model.", field="model",
        )  # fmt: skip
    for part in (config, *(value for value in config.values() if isinstance(value, Mapping))):
        for name, value in part.items():
            if "implementation" in name and "/" in str(value):
                raise NotSupported("this model's configuration asks for code from the Hub.", field="model")
            cap = _CAP.get(name)
            if cap is None or value is None:
                continue
            if not isinstance(value, int) or isinstance(value, bool) or value < 0:
                continue  # lists per layer exist; transformers checks types itself
            if value > cap:
                raise TooLarge(f"the model declares {name} {value:,}, more than the {cap:,} allowed.", field="model")


def weight_names(names: Iterable[str], index: Mapping | None) -> tuple[str, ...]:
    """The weight files among a model's file names. `index` is the content of its index file, if it has one.

    Raises ModelUnavailable when there is no safetensors file, or when the index names a file it must not: loading
    follows such names, even outside the folder.
    """
    names = set(names)
    if SINGLE in names:
        return (SINGLE,)
    if index is None:
        raise ModelUnavailable(
            "this model has no safetensors weights, and other formats can hold code.",
            hint="Choose a model with a model.safetensors file.", field="model",
        )  # fmt: skip
    shards = index.get("weight_map")
    shards = set(shards.values()) if isinstance(shards, dict) and all(map(_is_text, shards.values())) else set()
    bad = [name for name in shards if not WEIGHTS.fullmatch(name)]
    if bad or not shards:
        raise ModelUnavailable("the model's index names files that are not weights.", field="model")
    if shards - names:
        raise ModelUnavailable(f"{len(shards - names)} of the model's weight files are missing.", field="model")
    return tuple(sorted(shards))


def local_weights(folder: Path) -> tuple[Path, ...]:
    """The weight files of a model on disk. Raises like `weight_names`."""
    index = read_json(folder / INDEX, limit=MAX_HEADER) if (folder / INDEX).is_file() else None
    return tuple(folder / name for name in weight_names((path.name for path in folder.iterdir()), index))


def complete(folder: Path) -> bool:
    """Whether a folder holds everything a model needs: configuration, tokenizer and all weights."""
    try:
        return (folder / CONFIG).is_file() and bool(local_weights(folder)) and has_tokenizer(folder)
    except (AppError, OSError):
        return False


def has_tokenizer(folder: Path) -> bool:
    """Whether a folder holds the vocabulary of some tokenizer."""
    return any((folder / name).is_file() for name in _VOCABULARIES)


def counts(folder: Path) -> Counter[str]:
    """Number of elements of each safetensors type in a model's weight files, from their headers alone."""
    found: Counter[str] = Counter()
    for path in local_weights(folder):
        for item in _header(path).values():
            found[item["dtype"]] += math.prod(item["shape"])
    return found


def _header(path: Path) -> dict[str, dict]:
    """What a safetensors file says it holds: {"dtype", "shape", "data_offsets"} of each tensor.

    Raises ModelUnavailable when the file is not exactly as long as that: reading a shorter one through a memory map
    would end the process.
    """
    try:
        with path.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            if length > MAX_HEADER:
                raise ValueError(length)
            header = json.loads(file.read(length))
        header.pop("__metadata__", None)
        end = max((item["data_offsets"][1] for item in header.values()), default=0)
        if path.stat().st_size != 8 + length + end:
            raise ValueError(end)
        if not all(type(size) is int and size >= 0 for item in header.values() for size in item["shape"]):
            raise ValueError("shape")
        return header
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError, struct.error):
        raise ModelUnavailable(f"the model's {path.name} is damaged.", field="model") from None


def compute_type(stored: str, n_elements: int, *, on_gpu: bool = False) -> str:
    """The type (as safetensors write it) a model is computed in: float32 for small models and float16 ones.

    Small means up to 500 MB. float16 overflows; on a GPU, large float16 models become bfloat16. All others keep
    their type, which on a CPU leaves the weights mapped from disk: a bfloat16 model of 686 MB adds 4 MB of memory.
    """
    if stored not in _BYTES or n_elements * _BYTES[stored] <= SMALL or stored == "F64":
        return "F32"
    if stored == "F16":
        return "BF16" if on_gpu else "F32"
    return stored


def stored_type(counts: Mapping[str, int]) -> str:
    """The type most elements of a model have. counts: safetensors type → number of elements."""
    known = {name: count for name, count in counts.items() if name in _BYTES}
    return max(known, key=known.__getitem__) if known else "F32"


def memory(counts: Mapping[str, int]) -> int:
    """Bytes the weights take once loaded here."""
    total = sum(counts.values())
    return total * _BYTES[compute_type(stored_type(counts), total, on_gpu=has_gpu())]


def has_gpu() -> bool:
    """Whether this computer has an NVIDIA GPU, asked without torch."""
    return any(Path("/dev").glob("nvidia[0-9]*"))


def check_tokenizer(folder: Path) -> None:
    """Raises an AppError for a tokenizer that can turn a short text into an enormous one."""
    path = folder / "tokenizer.json"
    if not path.is_file():
        return
    normalizer = read_json(path, limit=MAX_TOKENIZER).get("normalizer")
    growth = 1
    for step in _steps(normalizer):
        if step.get("type") == "Replace" and _is_text(step.get("content")):
            growth *= max(1, len(step["content"]))
    if growth > 64:
        raise NotSupported(f"the model's tokenizer can make texts {growth:,} times as long.", field="model")


def _steps(normalizer: object) -> list[dict]:
    if not isinstance(normalizer, dict):
        return []
    inner = normalizer.get("normalizers")
    return [normalizer, *(step for item in inner for step in _steps(item))] if isinstance(inner, list) else [normalizer]


def _depth(data: object) -> int:
    """How deeply lists and objects are nested, without recursion."""
    deepest = 0
    waiting: list[tuple[object, int]] = [(data, 1)]
    while waiting and deepest <= MAX_DEPTH:
        item, depth = waiting.pop()
        if isinstance(item, dict | list):
            deepest = max(deepest, depth)
            waiting += [(child, depth + 1) for child in (item.values() if isinstance(item, dict) else item)]
    return deepest


def _is_text(value: object) -> bool:
    return isinstance(value, str)
