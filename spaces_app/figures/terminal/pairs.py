"""Results that compare as tables for the terminal: A and B, with a context and without."""

from __future__ import annotations

import numpy as np
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from spaces_app.analyses.context_reliance.spec import flagged
from spaces_app.figures.terminal.cells import label, number
from spaces_app.figures.terminal.maps import maps
from spaces_app.results import Result

CUES = 3  # context words named for each word of the answer


def contrastive_table(result: Result, *, width: int = 100) -> Group:
    """A and B with their chances, then the map of the difference: positive for A, negative for B."""
    notes, steps = result.notes, result.arrays["step_scores"]
    line = Text()
    line.append("A ", style="bold").append(repr(notes["labels"]["a"]))
    line.append("  B ", style="bold").append(repr(notes["labels"]["b"]))
    if notes["other"] is not None:
        said = "".join(t["text"] for t in notes["other"]["tokens"] if t["segment"] != "generated" and not t["special"])
        line.append(f"  B after {said!r}")
    table = Table(box=None, padding=(0, 1), show_edge=False)
    for heading in ("A", "p(A)", "B", "p(B)", "log odds"):
        table.add_column(heading, justify="right", no_wrap=True)
    chances = (steps.select(step_function=name).values for name in ("probability", "contrast_prob"))
    odds = steps.select(step_function="contrast_logprob_diff").values
    generated = [token for token in result.tokens if token.segment == "generated"]
    for token, other, differs, a, b, odd in zip(
        generated, notes["b_tokens"], notes["compared"], *chances, odds, strict=True
    ):
        if differs:
            cells = (label(token.text), f"{a:.3f}", label(other["text"]), f"{b:.3f}", f"{odd:+.2f}")
            table.add_row(*map(Text, cells))
    return Group(line, table, maps(result, "difference", width=width))


def context_table(result: Result, *, width: int = 100) -> Group:
    """The answer word by word: how much it depends on the context, its chances, and its strongest cues."""
    notes, arrays = result.notes, result.arrays
    metric = notes["metric"]
    scores = arrays["cti"].select(metric=metric).values
    above = flagged(scores, notes["thresholds"]["sigma"], notes["thresholds"]["floor"][metric])
    cues = sorted({*notes["context_tokens"], *notes["output_context_tokens"]})
    table = Table(box=None, padding=(0, 1), show_edge=False)
    for heading in ("answer", notes["metrics"][metric]["label"], "p with", "p without", "instead", "because of"):
        table.add_column(
            heading, justify="left" if heading == "because of" else "right", no_wrap=heading != "because of"
        )
    generated = [token for token in result.tokens if token.segment == "generated"]
    chances = [arrays["step_scores"].select(step_function=name).values for name in ("probability", "contrast_prob")]
    for step, token in enumerate(generated):
        column = arrays["attributions"].values[cues, step]
        order = np.argsort(-np.abs(np.nan_to_num(column)))[:CUES]
        told = ", ".join(f"{label(result.tokens[cues[i]].text)} {number(float(column[i]))}" for i in order)
        table.add_row(
            Text(label(token.text), style="bold" if above[step] else ""),
            Text(f"{scores[step]:.3f}", style="bold" if above[step] else ""),
            *(f"{chance[step]:.3f}" for chance in chances),
            Text("" if notes["agrees"][step] else label(notes["alternatives"][step]["text"])),
            Text(told if above[step] else ""),
        )
    line = Text(f"{notes['metrics'][metric]['label']} with and without the context · {notes['model']}\n")
    if notes["without_diff"]:
        line.append("without the context: ").append(notes["without"]["text"] or "nothing", style="italic")
    if not any(above):
        line.append("\nNo word of the answer depends on the context.", style="yellow")
    for warning in notes.get("warnings", ()):
        line.append(f"\nNote: {warning}", style="yellow")
    parts: list[RenderableType] = [line, table]
    if "answer_leave_one_out" in arrays:
        parts.append(_sentences(result))
    return Group(*parts)


def _sentences(result: Result) -> Table:
    table = Table(box=None, padding=(0, 1), show_edge=False)
    table.add_column("without this sentence, ln p(answer) falls by", justify="right", no_wrap=True)
    table.add_column("")
    falls = result.arrays["answer_leave_one_out"].values
    for i in np.argsort(-falls):
        table.add_row(f"{falls[i]:.2f}", Text(result.notes["sentences"][int(i)]["text"]))
    return table
