"""Results from a JSON file that Inseq 0.7.1 saved. Reads data only: a file cannot name a class or run code here."""

from __future__ import annotations

import base64
import binascii
import gzip
import json
import re
import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from spaces_app.analyses import KINDS
from spaces_app.analyses.attribution.spec import AttributionSpec
from spaces_app.arrays import NamedArray, positions
from spaces_app.errors import AppError, SpecError
from spaces_app.methods import METHODS
from spaces_app.models.subwords import from_vocabulary
from spaces_app.results import Result
from spaces_app.step_functions import STEP_FUNCTIONS
from spaces_app.tokens import Token

MAX_BYTES = 256 * 2**20  # of a file, unpacked; a granular one of 500 × 100 tokens × 768 units has 200 MB
_DTYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "I64": "<i8", "I32": "<i4", "F8_E4M3": "u1"}
_SPECIAL = re.compile(r"<[^<>\s]{1,40}>|\[[A-Z]{2,5}\]|__[a-z]{2,3}__|[a-z]{3}_[A-Z][a-z]{3}")
_REDUCE = {
    "l2": lambda values, axes: np.sqrt(np.square(values).sum(axis=axes)),
    "sum": lambda values, axes: values.sum(axis=axes),
    "mean": lambda values, axes: values.mean(axis=axes),
}


def loads(data: str | bytes, *, aggregation: str = "auto") -> list[Result]:
    """The results in a file of Inseq's (JSON, gzipped or not), one for each sequence.

    `aggregation` ("l2", "sum", "mean") makes one score of a token's hidden units, or of layers and heads. "auto"
    takes what Inseq shows, but without normalising: the L2 norm of hidden units, the mean over layers and heads.
    What Seqscope wrote comes back whole. Raises SpecError for anything else.
    """
    if aggregation not in {"auto", *_REDUCE}:
        raise SpecError(f"{aggregation!r:.60} is not one of auto, {', '.join(_REDUCE)}.", field="aggregation")
    try:
        document = json.loads(_text(data))
        output = _attributes(document, "FeatureAttributionOutput")
        info = output["info"]
        own = info.get("seqscope") or {"results": []}
        rest = [*own["results"], *[None] * len(output["sequence_attributions"])]
        return [
            _whole(sequence, rest[i]) if rest[i] else _foreign(sequence, info, i, aggregation)
            for i, sequence in enumerate(output["sequence_attributions"])
        ]
    except AppError:
        raise
    except (KeyError, TypeError, ValueError, IndexError, AttributeError, RecursionError, OverflowError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise SpecError(f"this is not a file that Inseq saved ({reason:.120}).", field="file") from None


def _text(data: str | bytes) -> str:
    if isinstance(data, str):
        return data
    if data[:2] == b"\x1f\x8b":
        try:
            unpack = zlib.decompressobj(wbits=31)
            data = unpack.decompress(data, MAX_BYTES + 1)
        except (zlib.error, gzip.BadGzipFile):
            raise SpecError("the file is damaged: it cannot be unpacked.", field="file") from None
    if len(data) > MAX_BYTES:
        raise SpecError(f"the file holds more than {MAX_BYTES:,} bytes.", field="file")
    return data.decode("utf-8")


def _attributes(item: dict, *names: str) -> dict:
    if item["__instance_type__"][1] not in names:
        raise ValueError(f"{item['__instance_type__'][1]!r:.60} is not {' or '.join(names)}")
    return item["attributes"]


def _sequence(item: dict) -> dict:
    kinds = [f"{kind}FeatureAttributionSequenceOutput" for kind in ("", "Granular", "Coarse", "MultiDimensional")]
    return _attributes(item, *kinds)


def _pairs(items: list) -> list[tuple[int, str]]:
    found = [_attributes(item, "TokenWithId") for item in items]
    return [(int(item["id"]), str(item["token"])) for item in found]


def _whole(item: dict, rest: dict) -> Result:
    """A result that Seqscope wrote."""
    sequence = _sequence(item)
    source = sequence["source"] if sequence["source_attributions"] is not None else []
    pairs = _pairs([*source, *sequence["target"]])
    tokens = [
        Token(number, text, segment, special)
        for (number, text), (segment, special) in zip(pairs, rest["tokens"], strict=True)
    ]
    arrays = {"attributions": _scores(sequence, len(source), "l2", rest["units"]["attributions"])}
    if "step_scores" in rest["units"]:
        arrays["step_scores"] = _steps(sequence, rest["units"]["step_scores"], rest["steps"])
    arrays |= {name: NamedArray.from_dict(array) for name, array in rest["arrays"].items()}
    return Result(KINDS[rest["spec"]["kind"]].from_dict(rest["spec"]), tuple(tokens), arrays, rest["notes"])


def _foreign(item: dict, info: dict, index: int, aggregation: str) -> Result:
    """A result that Inseq computed: its tokens become text, its tensors one score for each pair."""
    sequence = _sequence(item)
    start, end = int(sequence["attr_pos_start"]), int(sequence["attr_pos_end"])
    target, source = _pairs(sequence["target"])[:end], []
    if sequence["source_attributions"] is not None:
        source = _pairs(sequence["source"])
    kind = item["__instance_type__"][1]
    how = ("mean" if kind.startswith("Multi") else "l2") if aggregation == "auto" else aggregation
    method, target_name = str(info.get("attribution_method") or ""), str(info.get("attributed_fn") or "")
    target_name = target_name.removesuffix("_fn")
    known = METHODS.get(method)
    step_function = STEP_FUNCTIONS.get(target_name)
    unit = "attention" if method == "attention" else step_function.unit if step_function else ""
    scores = _scores(sequence, len(source), how, unit)
    sizes = {"source": len(source), "prompt": start, "generated": end - start}
    texts = [*_texts([text for _, text in source]), *_texts([text for _, text in target])]
    segments = [name for name, count in sizes.items() for _ in range(count)]
    tokens = tuple(
        Token(number, text, segment, bool(_SPECIAL.fullmatch(piece)))
        for (number, piece), text, segment in zip([*source, *target], texts, segments, strict=True)
    )
    notes = {
        "model": str(info.get("model_name") or "unknown"),
        "revision": "",
        "method": known.label if known else method,
        "target": step_function.label if step_function else target_name,
        "unit": unit,
        "aggregation": how if _granular(sequence) else "",
        "signed": bool(np.nanmin(scores.values, initial=0.0) < 0),
        "forced": bool(info.get("constrained_decoding")),
        "seconds": {"attribute": float(info.get("exec_time") or 0.0)},
        "warnings": ["Read from a file of Inseq's; the model's revision is not known."],
        "inseq": {
            key: info.get(key) for key in ("attribution_method", "attributed_fn", "attribution_args", "model_class")
        },
    }
    arrays = {"attributions": scores, "step_scores": _steps(sequence, "", list(sequence["step_scores"] or {}))}
    spec = _spec(
        info, index, known.name if known else None, step_function.name if step_function else None, target[start:]
    )
    return Result(spec, tokens, arrays, notes)


def _spec(info: dict, index: int, method: str | None, step_function: str | None, written: list) -> AttributionSpec:
    """The question that comes nearest to what Inseq was asked."""
    prompt, whole = str(info["input_texts"][index]), str(info["generated_texts"][index])
    options: dict[str, Any] = {"model": str(info.get("model_name") or "unknown"), "prompt": prompt}
    options |= {"method": method} if method else {}
    options |= {"step_function": step_function} if step_function else {}
    ids = tuple(number for number, _ in written)
    if any(number < 0 for number in ids):  # a contrastive step: two tokens in one, whose ids are not kept
        options["continuation"] = whole.removeprefix(prompt).strip()
    else:
        options["continuation_ids"] = ids
    return AttributionSpec(**options)


def _granular(sequence: dict) -> bool:
    arrays = (sequence["source_attributions"], sequence["target_attributions"])
    return any(packed is not None and _tensor(packed).ndim > 2 for packed in arrays)


def _scores(sequence: dict, n_source: int, how: str, unit: str) -> NamedArray:
    """(N, G) over source and target tokens, from tensors that may have further dimensions."""
    start, end = int(sequence["attr_pos_start"]), int(sequence["attr_pos_end"])
    if not 0 <= start <= end <= len(sequence["target"]):
        raise ValueError(f"columns {start} to {end} of {len(sequence['target'])} tokens")
    shape = (n_source + end, end - start)
    values = np.full(shape, np.nan, dtype=np.float64)
    parts = ((0, n_source, "source_attributions"), (n_source, shape[0], "target_attributions"))
    for first, last, name in parts:
        if sequence[name] is None:
            continue
        part = _tensor(sequence[name])[: last - first].astype(np.float64)
        part = _REDUCE[how](part, tuple(range(2, part.ndim))) if part.ndim > 2 else part
        values[first : first + len(part)] = part
    for column in range(shape[1]):
        values[n_source + start + column :, column] = np.nan  # Inseq pads with zeros in places
    return NamedArray(values, {"input": positions(shape[0]), "generated": positions(shape[1])}, unit)


def _steps(sequence: dict, unit: str, names: list[str]) -> NamedArray:
    n = int(sequence["attr_pos_end"]) - int(sequence["attr_pos_start"])
    values = [_tensor(sequence["step_scores"][name]).reshape(n) for name in names]
    table = np.array(values, dtype=np.float32).reshape(len(names), n)
    return NamedArray(
        np.where(np.isinf(table), np.nan, table), {"step_function": tuple(names), "generated": positions(n)}, unit
    )


def _tensor(packed: str) -> np.ndarray:
    """The one tensor of a safetensors file in base64."""
    try:
        raw = base64.b64decode(packed, validate=True)
    except binascii.Error as error:
        raise ValueError(error) from None
    length = int.from_bytes(raw[:8], "little")
    facts = json.loads(raw[8 : 8 + length])["attribution"]
    begin, end = facts["data_offsets"]
    values = np.frombuffer(raw[8 + length + begin : 8 + length + end], dtype=_DTYPES[facts["dtype"]])
    values = _float8(values) if facts["dtype"] == "F8_E4M3" else values.astype(np.float32)
    return values.reshape(facts["shape"])


def _float8(values: np.ndarray) -> np.ndarray:
    """Numbers of one sign bit, four of exponent (bias 7) and three of mantissa; all ones means missing."""
    exponent, mantissa = (values >> 3 & 15).astype(np.int32), (values & 7).astype(np.float32)
    size = np.where(exponent == 0, mantissa / 8 * 2.0**-6, (1 + mantissa / 8) * np.exp2(exponent - 7.0))
    size = np.where((values & 127) == 127, np.nan, size)
    return np.where(values & 128, -size, size).astype(np.float32)


def _texts(pieces: Sequence[str]) -> list[str]:
    """Display texts of vocabulary entries; of a contrastive step such as "Ġshe → Ġhe" both sides are entries."""
    parts = [piece.split(" → ") for piece in pieces]
    if not any(len(part) > 1 for part in parts):
        return _begun(pieces, from_vocabulary(pieces))
    firsts = from_vocabulary([part[0] for part in parts])
    seconds = from_vocabulary([part[-1] for part in parts])
    texts = [a if len(part) == 1 else f"{a} → {b.lstrip()}" for part, a, b in zip(parts, firsts, seconds, strict=True)]
    return _begun(pieces, texts)


def _begun(pieces: Sequence[str], texts: list[str]) -> list[str]:
    """SentencePiece marks a space before the first word too, which no reader sees; it may follow a start token."""
    first = next((i for i, piece in enumerate(pieces) if not _SPECIAL.fullmatch(piece)), None)
    if first is not None and pieces[first].startswith("▁"):
        texts[first] = texts[first].removeprefix(" ")
    return texts
