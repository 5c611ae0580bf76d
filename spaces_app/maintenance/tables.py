"""The tables of the documentation, made from the tables of the code and recorded measurements. Imports no torch."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields
from pathlib import Path

from spaces_app.methods import METHODS
from spaces_app.models import listed
from spaces_app.settings import Settings
from spaces_app.step_functions import STEP_FUNCTIONS
from spaces_app.truth import table as truth

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
RESULTS = ROOT / "benchmarks" / "RESULTS.md"


def table(heads: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """A Markdown table. Bars within cells are escaped."""
    heads = list(heads)
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    lines += ["| " + " | ".join(str(cell).replace("|", "\\|") for cell in row) + " |" for row in rows]
    return "\n".join(lines)


def methods() -> str:
    """Every attribution method."""
    heads = ("`--method`", "name", "group", "what it says", "signed", "adds up", "options", "paper")
    rows = (
        (
            f"`{m.name}`",
            m.label,
            m.family,
            m.description,
            _yes(m.signed),
            _yes(m.complete),
            _options((*m.options, *m.own), {"step_function", "aggregation"}),
            f"[paper]({m.source})",
        )
        for m in METHODS.values()
    )
    return table(heads, rows)


def targets() -> str:
    """Every step function."""
    heads = ("`--step-function`", "name", "formula", "unit", "options", "paper")
    shared = {"contrast_ids"}  # links carry them; nobody types them
    rows = (
        (f"`{s.name}`", s.label, s.formula, s.unit, _options(s.options, shared), f"[paper]({s.source})")
        for s in STEP_FUNCTIONS.values()
    )
    return table(heads, rows)


def models() -> str:
    """The bundled models."""
    return table(("model", "what it is"), ((f"`{card.id}`", card.blurb) for card in listed(Settings())))


def settings() -> str:
    """Every environment variable."""
    rows = ((f"`{f.metadata['env']}`", _default(f.default), f.metadata["help"]) for f in fields(Settings))
    return table(("variable", "default", "what it does"), rows)


def truth_table() -> str:
    """One table per bundled model: methods down, phenomena across, the share of questions answered rightly."""
    parts = []
    for model, found in truth.read()["models"].items():
        parts.append(f"**`{model}`**\n\n{_truth_of(found)}")
    return "\n\n".join(parts)


def _truth_of(found: dict) -> str:
    kinds = list(found["phenomena"])
    heads = ("method", "mean", *(kind.replace("_", " ") for kind in kinds), "mean, no contrast")
    of = found["phenomena"]
    rows = [
        (
            "*chance*",
            _share(_mean(of[kind]["chance"] for kind in kinds)),
            *(_share(of[k]["chance"]) for k in kinds),
            "",
        ),
        ("*questions*", sum(len(of[kind]["examples"]) for kind in kinds), *(len(of[k]["examples"]) for k in kinds), ""),
    ]
    for name, method in found["methods"].items():
        asked = "contrast" if "contrast" in method else "plain"
        shares = [truth.share(method[asked][kind]) for kind in kinds]
        plain = truth.mean(method, "plain") if asked == "contrast" else None
        rows.append(
            (METHODS[name].label, _share(_mean(shares)), *map(_share, shares), "" if plain is None else _share(plain))
        )
    return table(heads, rows)


def benchmarks() -> str:
    """The tables that the benchmark scripts wrote, without the text around them."""
    text = RESULTS.read_text(encoding="utf-8")
    return "\n\n".join("\n".join(lines) for lines in _tables(text))


@dataclass(frozen=True)
class DocTable:
    """A table of the documentation: the page it stands on, in `docs/`, and the function that makes it."""

    page: str
    make: Callable[[], str]

    @property
    def path(self) -> Path:
        return DOCS / self.page


TABLES: dict[str, DocTable] = {
    "methods": DocTable("methods.md", methods),
    "targets": DocTable("targets.md", targets),
    "models": DocTable("models.md", models),
    "settings": DocTable("settings.md", settings),
    "truth": DocTable("truth.md", truth_table),
    "benchmarks": DocTable("benchmarks.md", benchmarks),
}


def filled(text: str, name: str) -> str:
    """`text` with the table between its two markers made anew. Raises ValueError when a marker is missing."""
    begin, end = f"<!-- table: {name} -->", f"<!-- end: {name} -->"
    if text.count(begin) != 1 or text.count(end) != 1:
        raise ValueError(f"the page has no place for the table {name!r}: it needs {begin} and {end}.")
    head, rest = text.split(begin)
    _, tail = rest.split(end)
    return f"{head}{begin}\n{TABLES[name].make()}\n{end}{tail}"


def _tables(text: str) -> list[list[str]]:
    found: list[list[str]] = [[]]
    for line in text.splitlines():
        if line.startswith("|"):
            found[-1].append(line)
        elif found[-1]:
            found.append([])
    return [lines for lines in found if lines]


def _options(names: Iterable[str], without: set[str]) -> str:
    return ", ".join(f"`{name}`" for name in names if name not in without) or "none"


def _default(value: object) -> str:
    return "empty" if value == "" else str(int(value)) if isinstance(value, bool) else str(value)


def _mean(values: Iterable[float]) -> float:
    values = list(values)
    return sum(values) / len(values)


def _share(value: float) -> str:
    """Two digits without the zero before the point, as in tables of accuracies: .96, 1.0."""
    return re.sub(r"^0", "", f"{value:.2f}") if value < 0.995 else "1.0"


def _yes(value: bool) -> str:
    return "yes" if value else "no"
