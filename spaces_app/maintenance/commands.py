"""What the commands `gallery`, `truth` and `tables` do. `spaces_app.cli.repository` declares them."""

from __future__ import annotations

import argparse
import sys
import tempfile
from dataclasses import replace

from spaces_app.errors import AppError
from spaces_app.maintenance import tables as doc_tables
from spaces_app.methods import METHODS
from spaces_app.serving import gallery as examples
from spaces_app.serving.runner import Runner
from spaces_app.settings import Settings


def truth(parsed: argparse.Namespace) -> int:
    """Measure the truth table and print what was asked; keep it where `--write` says so."""
    names = [name.strip() for name in parsed.methods.split(",") if name.strip()] or list(METHODS)
    for name in names:
        if name not in METHODS:
            raise AppError(f"{name!r:.60} is not one of {', '.join(METHODS)}.", field="methods")
    from spaces_app.truth import table
    from spaces_app.truth.models import bundled

    settings = Settings.from_env()
    found = table.measure(bundled(settings), names, parsed.n)
    for model, record in found["models"].items():
        n = sum(len(kind["examples"]) for kind in record["phenomena"].values())
        print(f"{model}: {n} questions of {len(record['phenomena'])} phenomena")
    if parsed.write:
        old = table.read() if table.RECORD.exists() else {}
        table.write(table.merge(old, found))
        print(f"Kept in {table.RECORD}.")
    return 0


def tables(parsed: argparse.Namespace) -> int:
    """Make the tables of the documentation anew, or compare them; 1 when one is out of date."""
    stale = []
    for name, item in doc_tables.TABLES.items():
        text = item.path.read_text(encoding="utf-8")
        new = doc_tables.filled(text, name)
        if new != text:
            stale.append(f"docs/{item.page}")
            if not parsed.check:
                item.path.write_text(new, encoding="utf-8")
    if parsed.check and stale:
        print(f"Out of date: {', '.join(stale)}. Run python -m spaces_app tables.", file=sys.stderr)
    elif not parsed.check:
        print(f"Written anew: {', '.join(stale) or 'none, all were as they should be'}.")
    return int(parsed.check and bool(stale))


def gallery(parsed: argparse.Namespace) -> int:
    """Record every example anew, or compare them; 1 when a number moved by more than 1e-5."""
    with tempfile.TemporaryDirectory() as empty:  # a store that remembers nothing: the numbers must be new
        return _record_or_compare(Runner(replace(Settings.from_env(), store=empty)), check=parsed.check)


def _record_or_compare(runner: Runner, *, check: bool) -> int:
    worst = 0.0
    for question in examples.questions():
        result = runner.run(question.spec)
        path = examples.recorded_path(question.name)
        if check:
            kept = {example.name: example for example in examples.examples(question.spec.kind)}
            gap = examples.difference(kept[question.name].result, result) if question.name in kept else float("inf")
            worst = max(worst, gap)
            print(f"{question.name}: largest difference {gap:.2g}")
        else:
            examples.record(question.name, result)
            print(f"{question.name}: {path.stat().st_size:,} bytes: {result.text!r}")
    return 0 if worst <= 1e-5 else 1
