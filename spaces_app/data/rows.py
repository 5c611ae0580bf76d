"""The rows of a file or data set, and the spec that each row asks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from spaces_app.errors import AppError, SpecError
from spaces_app.spec import Spec

READERS = {".json": "json", ".jsonl": "json", ".csv": "csv", ".tsv": "csv", ".parquet": "parquet", ".txt": "text"}


def rows(data: str, *, config: str = "", split: str = "train", revision: str = "") -> Iterator[dict]:
    """The rows of a local JSON, JSON-lines, CSV, TSV, Parquet or text file, or of a data set of the Hub.

    Read as a stream, so a large one begins at once. Raises SpecError when it cannot be read.
    """
    import datasets  # a second and a half; only this command needs it

    path = Path(data).expanduser()
    reader = READERS.get(path.suffix.lower())
    if path.exists() and reader is None:
        raise SpecError(f"{path.name} is not one of {', '.join(READERS)}.", field="data")
    if reader is not None and not path.is_file():
        raise SpecError(f"{data} does not exist.", field="data")
    try:
        if reader is None:
            table = datasets.load_dataset(data, config or None, split=split, revision=revision or None, streaming=True)
        else:
            options = {"delimiter": "\t"} if path.suffix.lower() == ".tsv" else {}
            table = datasets.load_dataset(reader, data_files=str(path), split="train", streaming=True, **options)
        yield from table
    except (ValueError, OSError, ConnectionError, datasets.exceptions.DatasetsError) as error:
        reason = str(error).strip().partition("\n")[0][:200]
        raise SpecError(f"{data} cannot be read: {reason}", field="data") from None


def columns(kind: type[Spec], pairs: Iterable[str]) -> dict[str, str]:
    """{field: column} from texts such as "prompt=question". Raises SpecError for what is no field of the spec."""
    fields = {name for name, _, _ in kind.every_option()}
    found = {}
    for pair in pairs:
        field, equals, column = pair.partition("=")
        if not equals or field not in fields:
            raise SpecError(f"{pair!r:.60} is not FIELD=COLUMN with a field of {kind.kind}.", field="column")
        found[field] = column
    return found


def spec_of(row: Mapping, kind: type[Spec], *, named: Mapping[str, str], fixed: Mapping[str, str]) -> Spec:
    """The spec of one row: `named` fields from their columns, fields called like a column from it, the rest `fixed`.

    Raises SpecError, also for a column that the row does not have.
    """
    fields = {name for name, _, _ in kind.every_option()}
    values = {name: str(row[name]) for name in fields & row.keys() if row[name] is not None}
    given = dict(fixed)
    for field, column in named.items():
        if column not in row:
            raise SpecError(f"there is no column {column!r:.60}.", hint=f"There are {', '.join(row)}.", field="column")
        given.setdefault(field, "" if row[column] is None else str(row[column]))
    # A column may happen to be called like an option of a method that is not asked.
    return kind.from_text(kind.heeded(values | given, kind.from_text) | given)


def asked(table: Iterable[Mapping], kind: type[Spec], named: Mapping[str, str], fixed: Mapping[str, str]) -> Iterator:
    """The Spec of every row, or the AppError that says why it has none."""
    for row in table:
        try:
            yield spec_of(row, kind, named=named, fixed=fixed)
        except AppError as error:
            yield error
