"""Results to and from files."""

from __future__ import annotations

import json
from pathlib import Path

from spaces_app.analyses import KINDS
from spaces_app.errors import AppError, SpecError
from spaces_app.export.formats import FORMATS, Format
from spaces_app.inseq import read, write_context
from spaces_app.results import Result

_MAX_BYTES = read.MAX_BYTES


def save(result: Result, path: str | Path, *, format: str = "", view: str = "") -> Path:
    """Write a result to a file, in the format named or else the one its suffix says; `view` as in links.

    Raises SpecError for an unknown format, NotSupported where it cannot hold this result, AppError when the file
    cannot be written.
    """
    path = Path(path)
    data = named(format, path.name).data(result, view=view)
    try:
        path.write_bytes(data)
    except OSError as error:
        raise AppError(f"{path} cannot be written: {error.strerror}.", field="out") from None
    return path


def load(path: str | Path) -> list[Result]:
    """The results in a file of ours (JSON, or a line of JSON for each) or of Inseq's (JSON, gzipped or not)."""
    path = Path(path)
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise SpecError(f"{path.name} holds more than {_MAX_BYTES:,} bytes.", field="file")
        data = path.read_bytes()
    except OSError as error:
        raise SpecError(f"{path} cannot be read: {error.strerror}.", field="file") from None
    if data[:2] == b"\x1f\x8b" or b'"__instance_type__"' in data[: 1 << 16]:
        return read.loads(data)
    try:
        text = data.decode("utf-8")
        documents = [json.loads(text)] if "\n" not in text.strip() else _lines(text)
        return [_result(document) for document in documents if "error" not in document]
    except AppError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise SpecError(f"{path.name} holds no result ({type(error).__name__}).", field="file") from None


def named(format: str, file: str = "") -> Format:
    """The format of a name, or of a file's suffix (the longest that fits). Raises SpecError."""
    if format:
        if format not in FORMATS:
            raise SpecError(f"{format!r:.60} is not one of {', '.join(FORMATS)}.", field="format")
        return FORMATS[format]
    fitting = [item for item in FORMATS.values() if file.lower().endswith(item.suffix)]
    if not fitting:
        suffixes = ", ".join(item.suffix for item in FORMATS.values())
        raise SpecError(f"{file!r:.60} ends in none of {suffixes}.", hint="Name a format.", field="format")
    return max(fitting, key=lambda item: len(item.suffix))


def _lines(text: str) -> list[dict]:
    try:
        return [json.loads(line) for line in text.splitlines() if line.strip()]
    except ValueError:
        return [json.loads(text)]  # one document, indented


def _result(document: dict) -> Result:
    if "cti_scores" in document:
        return write_context.loads(json.dumps(document))
    return Result.from_dict(document, KINDS[document["spec"]["kind"]])
