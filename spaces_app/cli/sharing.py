"""The commands about links and files: open, export, compare."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from spaces_app.analyses import KINDS
from spaces_app.errors import SpecError
from spaces_app.export import compare, files
from spaces_app.export.formats import FORMATS, link
from spaces_app.link import parse_url, readable
from spaces_app.results import Result
from spaces_app.serving.runner import Runner

_WHAT = "A link, or a file of this tool or of Inseq."


def add(commands: argparse._SubParsersAction) -> None:
    """Add these commands to the subparsers of the command line."""
    opened = commands.add_parser("open", help="Say what a link asks and, where it is stored here, what the answer is.")
    opened.add_argument("what", metavar="LINK", help=_WHAT)
    opened.add_argument("--run", action="store_true", help="Compute the answer when it is not stored.")
    opened.set_defaults(action=_open)
    export = commands.add_parser("export", help="Save a figure or its numbers as a file.")
    export.add_argument("what", metavar="LINK", help=f"{_WHAT} A link's answer is computed when it is not stored.")
    labels = ", ".join(f"{item.name} ({item.label})" for item in FORMATS.values())
    export.add_argument(
        "--format", default="", metavar="NAME", help=f"By default the one of the file's name: {labels}."
    )
    export.add_argument("--out", type=Path, metavar="FILE", help="Without it, the file goes to the standard output.")
    export.add_argument(
        "--view", default="", metavar="STATE", help="What is selected, as links say: sel:2-3,unit:word."
    )
    export.set_defaults(action=_export)
    compared = commands.add_parser("compare", help="What changed from one answer to another.")
    compared.add_argument("first", metavar="LINK", help=_WHAT)
    compared.add_argument("second", metavar="LINK", help=_WHAT)
    compared.add_argument("--out", type=Path, metavar="FILE", help="Save the map of differences as HTML, SVG, PDF, …")
    compared.set_defaults(action=_compare)


def _open(parsed: argparse.Namespace) -> int:
    from spaces_app.figures.terminal.printing import print_result

    results, _ = _known(parsed.what, Runner(), compute=parsed.run)
    for result in results:
        print_result(result)
        print(f"Link: {link(result)}")
    if not results:
        spec, _, _ = parse_url(parsed.what, KINDS)
        assert spec is not None  # an address without a question has raised
        print(f"?{readable(spec)}")
        print("Not stored here; --run computes it.")
    return 0


def _export(parsed: argparse.Namespace) -> int:
    item = files.named(parsed.format, parsed.out.name if parsed.out else "")
    results, view = _known(parsed.what, Runner(), compute=True)
    view = parsed.view or view
    if parsed.out is None:
        sys.stdout.buffer.write(b"".join(item.data(result, view=view) for result in results))
        return 0
    for number, result in enumerate(results):
        path = parsed.out if number == 0 else parsed.out.with_name(f"{parsed.out.stem}-{number + 1}{parsed.out.suffix}")
        print(files.save(result, path, format=item.name, view=view))
    return 0


def _compare(parsed: argparse.Namespace) -> int:
    runner = Runner()
    (first, *_), (second, *_) = (_known(what, runner, compute=True)[0] for what in (parsed.first, parsed.second))
    comparison = compare.comparison(first, second)
    for fact in comparison.facts:
        print(f"{fact.name}: {fact.first} → {fact.second}")
    print(comparison.sentence)
    if parsed.out:
        print(files.save(comparison.difference, parsed.out))
    return 0


def _known(what: str, runner: Runner, *, compute: bool) -> tuple[list[Result], str]:
    """The results of a file or link, and the view that a link carries. Empty when it is not stored nor computed."""
    if "?" not in what and "#" not in what and Path(what).is_file():
        results = files.load(what)
        if not results:
            raise SpecError(f"{what} holds no result.", field="file")
        return results, ""
    spec, result = runner.from_link(what)
    if result is None and compute:
        result = runner.run(spec, tick=_show_progress if sys.stderr.isatty() else None)
    return ([] if result is None else [result]), parse_url(what, KINDS)[2]


def _show_progress(done: int, total: int, what: str) -> None:
    count = f" {done} of {total}" if total else ""
    print(f"\r\033[K{what}{count}", end="\r\033[K", file=sys.stderr, flush=True)
