"""The command line: one sub-command per analysis, its flags read off the analysis's Spec."""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import os
import sys
from pathlib import Path

from spaces_app import aggregate
from spaces_app.analyses import ANALYSES
from spaces_app.analyses.base import Analysis
from spaces_app.cli import repository, serve, sharing
from spaces_app.errors import AppError
from spaces_app.link import to_link
from spaces_app.results import Result
from spaces_app.serving import plugins
from spaces_app.serving.runner import Runner
from spaces_app.settings import Settings
from spaces_app.spec import Option, Spec
from spaces_app.version import __version__


def main(arguments: list[str] | None = None, *, prog: str = "seqscope") -> int:
    """Run one command; `prog` is how it was called, for its help.

    Returns the exit status: 0 done, 1 a comparison failed, 2 refused with a sentence on stderr.
    """
    try:
        plugins.load(Settings.from_env().plugins)  # first: the parser lists every method there is
        parsed = build_parser(prog).parse_args(arguments)
        status = parsed.action(parsed)
        sys.stdout.flush()
        return status
    except AppError as error:
        print(f"seqscope: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # the reader, such as `head`, has seen enough; what is left must not be flushed at the end
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141


def build_parser(prog: str = "seqscope") -> argparse.ArgumentParser:
    """The parser with every analysis of the table in it."""
    parser = argparse.ArgumentParser(prog=prog, description="See why a language model wrote each word.")
    parser.add_argument("--version", action="version", version=f"seqscope {__version__}")
    parsers = parser.add_subparsers(required=True, metavar="command")
    for analysis in ANALYSES.values():
        command = parsers.add_parser(analysis.name.replace("_", "-"), help=analysis.title, description=analysis.title)
        for name, default, facts in analysis.spec.every_option():
            _add_flag(command, name, default, facts)
        command.add_argument("--json", type=Path, metavar="FILE", help="Also write the result as JSON.")
        if analysis.name == "attribution":
            _add_reading_flags(command)
        _add_data_flags(command)
        command.add_argument("--quiet", action="store_true", help="Print no table, only the link.")
        command.set_defaults(action=lambda parsed, analysis=analysis: _analyse(analysis, parsed))
    repository.add(parsers)
    sharing.add(parsers)
    serve.add(parsers)
    return parser


def _add_flag(parser: argparse.ArgumentParser, name: str, default: object, facts: Option) -> None:
    flag = "--" + name.replace("_", "-")
    if isinstance(default, bool):
        parser.add_argument(
            flag, dest=name, action=argparse.BooleanOptionalAction, default=argparse.SUPPRESS, help=facts.help
        )
        return
    text = facts.help if default in ("", ()) else f"{facts.help} Default: {default}."
    if facts.choices is not None:
        text += f" One of {', '.join(facts.choices())}."
    parser.add_argument(
        flag, dest=name, default=argparse.SUPPRESS, help=text.replace("%", "%%"), metavar=type(default).__name__.upper()
    )


def spec_from_flags(kind: type[Spec], values: dict) -> Spec:
    """The spec of the flags that were given. Raises SpecError."""
    names = [name for name, _, _ in kind.every_option()]
    return kind.from_text({name: str(values[name]) for name in names if name in values})


def _add_reading_flags(command: argparse.ArgumentParser) -> None:
    read = command.add_argument_group("how scores are printed and written", "The answer itself stays as it is.")
    read.add_argument("--unit", choices=aggregate.UNITS, default="token", help="Sum the scores of a word or sentence.")
    read.add_argument(
        "--normalize", choices=aggregate.NORMALIZATIONS, default="none", help="Shares of each column, or of the whole."
    )
    read.add_argument("--preset", choices=tuple(aggregate.PRESETS), default="raw", help="A named way to do both.")


def _as_read(result: Result, parsed: argparse.Namespace) -> Result:
    if not hasattr(parsed, "unit"):
        return result
    return aggregate.normalize(aggregate.by(aggregate.preset(result, parsed.preset), parsed.unit), parsed.normalize)


def _add_data_flags(command: argparse.ArgumentParser) -> None:
    data = command.add_argument_group(
        "many questions", "One for each row of a table; --json then gets a line for each."
    )
    data.add_argument(
        "--data", metavar="TABLE", help="A JSON, CSV, TSV, Parquet or text file, or a data set of the Hub."
    )
    data.add_argument("--data-config", default="", metavar="NAME", help="Configuration of a data set of the Hub.")
    data.add_argument("--data-split", default="train", metavar="NAME", help="Split of a data set of the Hub.")
    data.add_argument("--data-revision", default="", metavar="REVISION", help="Revision of a data set of the Hub.")
    data.add_argument("--limit", type=int, metavar="N", help="Read only this many rows.")
    data.add_argument(
        "--column",
        action="append",
        default=[],
        metavar="FIELD=COLUMN",
        help="Which column holds an option, such as prompt=question. Columns named like an option need no such flag.",
    )


def _analyse_table(analysis: Analysis, parsed: argparse.Namespace) -> int:
    """Answer every row; 1 when a row failed, which is told on stderr and in its line, and stops no other."""
    from spaces_app.data import rows
    from spaces_app.serving.many import run_many

    kind, values = analysis.spec, vars(parsed)
    fixed = {name: str(values[name]) for name, _, _ in kind.every_option() if name in values}
    named = rows.columns(kind, parsed.column)
    table = rows.rows(parsed.data, config=parsed.data_config, split=parsed.data_split, revision=parsed.data_revision)
    specs = rows.asked(itertools.islice(table, parsed.limit), kind, named, fixed)
    tick = _show_progress if sys.stderr.isatty() else None
    failed = 0
    with parsed.json.open("w", encoding="utf-8") if parsed.json else contextlib.nullcontext() as lines:
        for row, answer in enumerate(run_many(specs, Runner(), tick=tick)):
            if isinstance(answer, AppError):
                failed += 1
                print(f"seqscope: row {row}: {answer}", file=sys.stderr)
                document = {"row": row, "error": str(answer)}
            else:
                link = _link(answer)
                print(f"{row}: {answer.text!r} {link}")
                document = {"row": row} | _as_read(answer, parsed).to_dict() | {"link": link}
            if lines is not None:
                lines.write(json.dumps(document, ensure_ascii=False, allow_nan=False) + "\n")
    return 1 if failed else 0


def _link(result: Result) -> str:
    try:
        return to_link(result.spec)
    except AppError:
        return f"?id={result.spec.digest()}"


def _analyse(analysis: Analysis, parsed: argparse.Namespace) -> int:
    if parsed.data:
        return _analyse_table(analysis, parsed)
    spec = spec_from_flags(analysis.spec, vars(parsed))
    result = _as_read(Runner().run(spec, tick=_show_progress if sys.stderr.isatty() else None), parsed)
    link = _link(result)
    if parsed.json:  # before anything is printed, so that it is there whatever becomes of that
        document = result.to_dict() | {"link": link}
        try:
            parsed.json.write_text(json.dumps(document, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")
        except OSError as error:
            raise AppError(f"{parsed.json} cannot be written: {error.strerror}.", field="json") from None
    if not parsed.quiet:
        from spaces_app.figures.terminal.printing import print_result

        print_result(result)
    print(f"Link: {link}")
    return 0


def _show_progress(done: int, total: int, what: str) -> None:
    count = f" {done} of {total}" if total else ""
    print(f"\r\033[K{what}{count}", end="\r\033[K", file=sys.stderr, flush=True)
