"""Commands for people who work on Seqscope itself: the truth table and README's tables."""

from __future__ import annotations

import argparse
import sys

from spaces_app.errors import AppError
from spaces_app.maintenance import readme
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
    tables = commands.add_parser("tables", help="Make the tables of README.md anew.")
    tables.add_argument("--check", action="store_true", help="Compare only; fail when one is out of date.")
    tables.set_defaults(action=_tables)


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
    text = readme.README.read_text(encoding="utf-8")
    new = readme.filled(text)
    if parsed.check:
        if new != text:
            print("README.md is out of date: run python -m spaces_app tables.", file=sys.stderr)
        return int(new != text)
    readme.README.write_text(new, encoding="utf-8")
    print(f"README.md has {', '.join(readme.TABLES)}.")
    return 0
