"""The CSV holds every number exactly, and no cell that a spreadsheet would run."""

from __future__ import annotations

import csv
import io
from dataclasses import replace

import made_results
import numpy as np

from spaces_app.arrays import NamedArray
from spaces_app.export.tabular import csv_text
from spaces_app.serving.gallery import examples


def rows(result) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(csv_text(result), newline="")))


def test_a_row_for_each_pair_with_the_step_scores_of_its_output():
    table = rows(made_results.keys())
    assert len(table) == 7 + 8 + 9 + 10
    assert table[1] == {
        "generated": "0", "generated_id": "4", "generated_token": " are", "input": "1", "input_id": "4",
        "input_token": " key", "input_segment": "prompt", "attributions": "0.200000003", "probability": "0.620000005",
        "entropy": "1.25",
    }  # fmt: skip


def test_the_numbers_come_back_exactly():
    result = examples("attribution")[0].result
    scores = result.arrays["attributions"].values
    found = np.full_like(scores, np.nan)
    for row in rows(result):
        found[int(row["input"]), int(row["generated"])] = np.float32(row["attributions"])
    np.testing.assert_array_equal(found, scores)


def test_texts_survive_and_formulas_do_not():
    odd = ["=HYPERLINK(1)", "+1", "-1", "@x", 'a "b", c\r\nd', " =fine"]
    table = rows(made_results.result(odd, [" x"]))
    assert [row["input_token"] for row in table] == ["'=HYPERLINK(1)", "'+1", "'-1", "'@x", 'a "b", c\r\nd', " =fine"]


def test_a_result_without_pairs_gives_a_row_for_each_number():
    array = NamedArray(np.array([[1.0, np.nan], [3.0, 4.0]]), {"factor": (0, 1), "layer": ("a", "b")}, "logit")
    alone = NamedArray(np.array([7.0]), {"factor": (5,)}, "")
    table = rows(replace(made_results.keys(), arrays={"weights": array, "size": alone}))
    assert table[1] == {
        "array": "weights", "axis_1": "factor", "label_1": "1", "axis_2": "layer", "label_2": "a", "value": "3",
        "unit": "logit",
    }  # fmt: skip
    assert [(row["array"], row["value"]) for row in table] == [
        ("weights", "1"), ("weights", "3"), ("weights", "4"), ("size", "7"),
    ]  # fmt: skip
