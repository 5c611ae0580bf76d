"""Commands for people who work on Seqscope itself: the truth table and the documentation's tables."""

from __future__ import annotations

import argparse
import sys

from spaces_app.errors import AppError
from spaces_app.maintenance import tables
from spaces_app.methods import METHODS
from spaces_app.settings import Settings


def add(commands) -> None:
    """Add these commands to the subparsers of the command line."""
    truth = commands.add_parser(
        "truth", help="How often each method's top-ranked word is the one that decides, on the bundled models."
    )
    truth.add_argument("--methods", default="", metavar="NAMES", help="Separated by commas; all without it.")
    truth.add_argument("--n", type=int, default=40, metavar="N", help="Questions per phenomenon, at most.")
    truth.add_argument("--write", action="store_true", help="Keep the figures in bundled/truth.json.")
    truth.set_defaults(action=_truth)
    made = commands.add_parser("tables", help="Make the tables of the documentation anew.")
    made.add_argument("--check", action="store_true", help="Compare only; fail when one is out of date.")
    made.set_defaults(action=_tables)


def _truth(parsed: argparse.Namespace) -> int:
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


def _tables(parsed: argparse.Namespace) -> int:
    stale = []
    for name, item in tables.TABLES.items():
        text = item.path.read_text(encoding="utf-8")
        new = tables.filled(text, name)
        if new != text:
            stale.append(f"docs/{item.page}")
            if not parsed.check:
                item.path.write_text(new, encoding="utf-8")
    if parsed.check and stale:
        print(f"Out of date: {', '.join(stale)}. Run python -m spaces_app tables.", file=sys.stderr)
    elif not parsed.check:
        print(f"Written anew: {', '.join(stale) or 'none, all were as they should be'}.")
    return int(parsed.check and bool(stale))
