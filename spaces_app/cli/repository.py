"""The commands for people who work on Seqscope itself: gallery, truth, tables. They need the repository."""

from __future__ import annotations

import argparse
import importlib.util

from spaces_app.errors import AppError


def add(commands: argparse._SubParsersAction) -> None:
    """Add these commands to the subparsers of the command line."""
    recorded = commands.add_parser("gallery", help="Record the examples anew, or compare them with what is recorded.")
    recorded.add_argument(
        "--check", action="store_true", help="Compare only; fail when a number moved by more than 1e-5."
    )
    truth = commands.add_parser(
        "truth", help="How often each method's top-ranked word is the one that decides, on the bundled models."
    )
    truth.add_argument("--methods", default="", metavar="NAMES", help="Separated by commas; all without it.")
    truth.add_argument("--n", type=int, default=40, metavar="N", help="Questions per phenomenon, at most.")
    truth.add_argument("--write", action="store_true", help="Keep the figures in bundled/truth.json.")
    tables = commands.add_parser("tables", help="Make the tables of the documentation anew.")
    tables.add_argument("--check", action="store_true", help="Compare only; fail when one is out of date.")
    for name, command in (("gallery", recorded), ("truth", truth), ("tables", tables)):
        command.set_defaults(action=lambda parsed, name=name: _run(name, parsed))


def _run(name: str, parsed: argparse.Namespace) -> int:
    if importlib.util.find_spec("spaces_app.maintenance") is None:
        raise AppError(
            f"`{name}` is for people who work on Seqscope and needs its repository, which is not installed here.",
            hint="Run it as `python -m spaces_app` in a checkout.",
        )
    from spaces_app.maintenance import commands

    return getattr(commands, name)(parsed)
