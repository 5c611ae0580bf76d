"""Wide tables of the terminal are cut into blocks; no column, row or number is lost, whatever the width."""

from __future__ import annotations

import made_results
import numpy as np
import pytest
from rich.console import Console

from spaces_app.figures.terminal.cells import blocks
from spaces_app.figures.terminal.layers import layers_table
from spaces_app.figures.terminal.maps import attribution_table
from spaces_app.serving.gallery import examples

N_PROMPT, N_WRITTEN = 3, 11
WIDTHS = (24, 47, 60, 80, 140, 400)  # from one column in a block to all of them in one


def lines(table, width: int) -> list[list[str]]:
    """The words of each line as printed."""
    console = Console(width=width, record=True, file=open("/dev/null", "w", encoding="utf-8"), highlight=False)  # noqa: SIM115
    console.print(table)
    text = console.export_text()
    assert max(map(len, text.splitlines())) <= width and "…" not in text
    return [line.split() for line in text.splitlines()]


def wide():
    """A map whose numbers name their places: row 2, column 7 has 2.07; column 7 has the probability 0.107."""
    prompt, written = [f"p{i}" for i in range(N_PROMPT)], [f"w{i}" for i in range(N_WRITTEN)]
    n = N_PROMPT + N_WRITTEN
    scores = [[row + column / 100 for column in range(N_WRITTEN)] for row in range(n)]
    probability = [0.1 + column / 1000 for column in range(N_WRITTEN)]
    notes = {"revision": "r" * 8, "model": "m"}
    return made_results.result(prompt, written, scores, probability=probability, **notes)


@pytest.mark.parametrize("width", WIDTHS)
def test_a_map_has_every_column_once_with_all_its_numbers(width):
    found = lines(attribution_table(wide(), width=width), width)
    written = [f"w{i}" for i in range(N_WRITTEN)]
    headers = [name for words in found if words and set(words) <= set(written) for name in words]
    assert headers == written
    given = [number for words in found if words[:1] == ["probability"] for number in words[1:]]
    assert given == [f"{0.1 + column / 1000:.3f}" for column in range(N_WRITTEN)]
    for row in range(N_PROMPT):
        numbers = [number for words in found if words[:1] == [f"p{row}"] for number in words[1:]]
        assert numbers == [f"{row + column / 100:.3f}" for column in range(N_WRITTEN)]


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("upward", [False, True])
def test_a_matrix_in_blocks_has_every_column_once_with_all_its_numbers(width, upward):
    rows, columns = ["a", "b"], [f"c{i}" for i in range(N_WRITTEN)]
    values = np.array([[1 + c / 100 for c in range(N_WRITTEN)], [2 + c / 100 for c in range(N_WRITTEN)]])
    found = [words for table in blocks(rows, columns, values, width, upward=upward) for words in lines(table, width)]
    assert [name for words in found if words and words[0].startswith("c") for name in words] == columns
    for row, name in enumerate(rows):
        assert [number for words in found if words[:1] == [name] for number in words[1:]] == [
            f"{value:.3f}" for value in values[row]
        ]
    order = [words[0] for words in found if words and words[0] in rows]
    assert order[:2] == (["b", "a"] if upward else ["a", "b"])


@pytest.mark.parametrize("width", [40, 90, 400])
def test_ranks_after_each_layer_are_all_there(width):
    result = examples("layers")[0].result
    ranks = result.arrays["rank"].values.astype(int).tolist()
    found = lines(layers_table(result, width=width), width)
    for label, row in zip(result.notes["layer_labels"], ranks, strict=True):
        name = label.split()
        told = [word for words in found if words[: len(name)] == name for word in words[len(name) :]]
        assert [int(word.replace(",", "")) for word in told] == row
