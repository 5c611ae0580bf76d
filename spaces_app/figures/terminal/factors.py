"""A result about neuron factors as tables for the terminal: activations along the text, and what each factor is."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from spaces_app.figures.factor_summary import found_again, strongest
from spaces_app.figures.terminal.cells import blocks, head, label
from spaces_app.results import Result

_WORDS = 4


def factors_table(result: Result, *, width: int = 100) -> Group:
    """A row for each factor with where it is strongest and what it writes, then its activation at every token."""
    notes, array = result.notes, result.arrays["factors"]
    near = "" if notes["stability"] is None else f", stability {notes['stability']:.2f}"
    lines = head(
        result,
        f"{notes['k']} factors of {notes['n_neurons']:,} neurons, error {notes['error']:.1%}{near}",
    )
    columns = [label(result.tokens[i].text) for i in array.axes["token"]]
    names = [f"factor {number}" for number in array.axes["factor"]]
    parts: list[RenderableType] = [lines, _cards(result, width), *blocks(names, columns, array.values, width)]
    said = [Text(found_again(notes))] if found_again(notes) else []
    return Group(*parts, *said, *(_ablation(card["ablation"]) for card in notes["factors"] if card["ablation"]))


def _cards(result: Result, width: int) -> Table:
    table = Table(box=None, padding=(0, 1), show_edge=False)
    for name in ("", "share", "strongest at", "writes", "heaviest"):
        table.add_column(name, overflow="fold", justify="right" if name == "share" else "left")
    for i, card in enumerate(result.notes["factors"]):
        tokens = [label(result.tokens[t].text) for t in strongest(result, i, _WORDS)]
        words = [label(word["text"]) for word in card["promoted"][:_WORDS]]
        neurons = [f"{neuron['layer']}:{neuron['index']}" for neuron in card["neurons"][:2]]
        row = (f"{card['number']}", f"{card['share']:.0%}", " ".join(tokens), " ".join(words), " ".join(neurons))
        table.add_row(*map(Text, row))
    return table


def _ablation(told: dict) -> Text:
    after = ", ".join(f"{label(word['text'])} {word['p']:.1%}" for word in told["after"][:_WORDS])
    before = ", ".join(f"{label(word['text'])} {word['p']:.1%}" for word in told["before"][:_WORDS])
    return Text(
        f"Factor {told['factor']}: {told['about']}\n"
        f"  as it is: {before}; goes on {told['text_before']!r}\n  changed:  {after}; goes on {told['text_after']!r}"
    )
