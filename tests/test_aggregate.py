"""Many scores made few: values one can do in the head, and Inseq 0.7.1's own numbers where it is right."""

from __future__ import annotations

import json

import numpy as np
import pytest
from made_results import keys, result, signed_keys

from spaces_app import aggregate
from spaces_app.aggregate import axes
from spaces_app.analyses.attribution.spec import AttributionSpec
from spaces_app.arrays import NamedArray, positions
from spaces_app.cli.main import main
from spaces_app.errors import SpecError
from spaces_app.results import Result
from spaces_app.tokens import Token

NONE = float("nan")


def array(values, *names: str) -> NamedArray:
    values = np.array(values, dtype=np.float32)
    return NamedArray(values, {name: positions(n) for name, n in zip(names, values.shape, strict=True)}, "p")


def scores(result: Result) -> np.ndarray:
    return result.arrays["attributions"].values


def texts(result: Result) -> list[str]:
    return [token.text for token in result.tokens]


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ("sum", [-2, 5]),
        ("mean", [-2 / 3, 5]),
        ("max", [1, 5]),
        ("min", [-4, 5]),
        ("prod", [-4, 5]),
        ("absmax", [-4, 5]),
        ("l1", [6, 5]),
        ("l2", [18**0.5, 5]),
    ],
)
def test_every_reduction_over_an_axis_leaves_missing_cells_out(how, expected):
    reduced = axes.reduce(array([[1, 1, -4], [NONE, 5, NONE]], "input", "hidden"), "hidden", how)
    assert list(reduced.axes) == ["input"]
    assert reduced.values == pytest.approx(expected)


@pytest.mark.parametrize("how", aggregate.REDUCERS)
def test_what_is_missing_everywhere_stays_missing(how):
    assert np.isnan(axes.reduce(array([[NONE, NONE]], "input", "head"), "head", how).values).all()


def test_layers_and_heads_are_folded_by_name_position_range_or_list():
    four = array(np.arange(24).reshape(2, 3, 2, 2), "layer", "head", "input", "generated")
    assert axes.fold(four, layer="mean", head="sum").values.tolist() == [[30, 33], [36, 39]]
    assert axes.fold(four, layer=-1, head=0).values.tolist() == [[12, 13], [14, 15]]
    assert axes.pick(four, "head", (1, 3)).axes["head"] == (1, 2)
    assert axes.pick(four, "head", [0, -1]).axes["head"] == (0, 2)
    for wrong in (3, (3, 3), [0, 7], []):
        with pytest.raises(SpecError, match="'head', which has 3"):
            axes.pick(four, "head", wrong)


def test_a_finer_array_of_a_result_becomes_its_attributions():
    plain = keys()
    layers = NamedArray(
        np.stack([scores(plain), 3 * scores(plain)]), {"layer": (0, 1)} | plain.arrays["attributions"].axes, "p"
    )
    finer = Result(plain.spec, plain.tokens, plain.arrays | {"layer_attributions": layers}, plain.notes)
    assert (
        np.nanmax(np.abs(scores(aggregate.fold(finer, "layer_attributions", layer="mean")) - 2 * scores(plain))) < 1e-6
    )
    assert np.nanmax(np.abs(scores(aggregate.fold(finer, "layer_attributions", layer=1)) - 3 * scores(plain))) < 1e-6
    with pytest.raises(SpecError, match="layer, input, generated are left"):
        aggregate.fold(finer, "layer_attributions")


def test_words_are_found_in_the_text_and_their_scores_add_up():
    words = aggregate.words(keys())
    assert texts(words) == ["The", " keys", " to", " the", " cabinet", " are", " on", " time", "."]
    assert scores(words)[:5, 0] == pytest.approx([0.1, 0.3, 0, 0.05, 0.05])
    assert [token.id for token in words.tokens][:2] == [3, -1]
    assert np.nansum(scores(words)) == pytest.approx(np.nansum(scores(keys())))
    assert words.notes["aggregated"] == ["word: sum"] and words.text == keys().text


def test_a_merged_output_multiplies_probabilities_and_adds_nats():
    made = result(["x"], [" un", "til"], probability=[0.5, 0.25])
    steps = aggregate.words(made).arrays["step_scores"]
    assert steps.select(step_function="probability").values == pytest.approx([0.125])
    assert steps.select(step_function="entropy").values == pytest.approx([2.5])
    # Two columns of one word: "x" has 1 + 1; the word's first half explains its second half with 2.
    assert scores(aggregate.words(made)).tolist() == [[2.0], [2.0]]


def test_sentences_and_spans_and_slices():
    made = result(["One", ".", " Two", "."], [" Three", "."])
    assert texts(aggregate.sentences(made)) == ["One.", " Two.", " Three."]
    assert scores(aggregate.sentences(made))[:, 0].tolist() == [6, 14, 5]
    assert texts(aggregate.spans(made, (0, 3))) == ["One. Two", ".", " Three", "."]
    assert scores(aggregate.spans(made, (0, 3)))[0].tolist() == [3, 3]  # the largest of 1, 2, 3
    assert texts(aggregate.keep(made, (1, 3))) == [".", " Two", " Three", "."]
    assert scores(aggregate.keep(made, (1, 3)))[:2].tolist() == [[2, 2], [3, 3]]
    with pytest.raises(SpecError, match="end of a segment"):
        aggregate.spans(made, (3, 5))
    with pytest.raises(SpecError, match="out of order"):
        aggregate.spans(made, (2, 3), (0, 1))


def test_one_span_is_scored_against_another():
    made = keys()
    assert aggregate.between(made, (1, 3), (0, 1)) == pytest.approx(0.3)
    assert aggregate.between(made, (0, 7), (0, 2), "mean") == pytest.approx((0.5 + 0.6) / 14)
    assert aggregate.between(signed_keys(), (0, 2), (0, 2), "absmax") == pytest.approx(0.3)
    assert np.isnan(aggregate.between(made, (9, 11), (0, 1)))


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("single", ["The", " key", "s", " to the cabinet", " are on time."]),
        ("start", ["The", " key", "s to the cabinet", " are on time."]),
        ("end", ["The key", "s", " to the cabinet", " are on time."]),
    ],
)
def test_a_regular_expression_splits_the_text_and_leaves_segments_without_a_match(mode, expected):
    found = texts(aggregate.split(keys(), "y|s$|s(?= to)", mode=mode))
    assert found[: len(expected) - 1] == expected[:-1]
    assert found[len(expected) - 1 :] == [" are", " on", " time", "."]


def test_a_wrong_expression_mode_or_unit_is_refused_by_name():
    with pytest.raises(SpecError, match="pattern: .* is not a regular expression"):
        aggregate.split(keys(), "(")
    with pytest.raises(SpecError, match="mode: .* single, start, end"):
        aggregate.split(keys(), "x", mode="middle")
    with pytest.raises(SpecError, match="token, word, sentence"):
        aggregate.by(keys(), "letter")
    with pytest.raises(SpecError, match="how: .* sum, mean"):
        aggregate.words(keys(), "median")


def test_shares_are_of_the_column_or_of_the_whole_and_keep_their_sign():
    columns = scores(aggregate.normalize(signed_keys()))
    assert columns[:2, 0] == pytest.approx([-0.2, 0.4])
    assert np.nansum(np.abs(columns), axis=0) == pytest.approx([1, 1, 1, 0])  # nothing to share in the last one
    whole = scores(aggregate.normalize(signed_keys(), "whole"))
    assert np.nansum(np.abs(whole)) == pytest.approx(1) and whole[0, 0] == pytest.approx(-0.1 / 2.5)
    assert aggregate.normalize(keys(), "none").arrays["attributions"].unit == "probability"
    assert scores(aggregate.rescale(signed_keys()))[8, 2] == 1
    assert scores(aggregate.weighted(keys(), "probability"))[:2, 0] == pytest.approx([0.062, 0.124])


def triangles(method: str = "saliency", **notes) -> tuple[Result, NamedArray]:
    """Hidden units in 3-4-5 triangles, so that norms are whole numbers; and the result of their L2 norms."""
    source, generated = ["▁The", "▁mid", "wi", "fe", "</s>"], ["▁La", "▁sage", "-fe", "mme"]
    values = np.full((10, 4, 2), NONE)
    for g in range(4):
        values[:5, g] = np.array([[3, 4], [6, 8], [0, 0], [5, 12], [8, 15]]) * (2 if g == 3 else 1)
        for i in range(g + 1):
            values[5 + i, g] = [0, i + 1]
    hidden = array(values, "input", "generated", "hidden")
    rows = [("source", text) for text in source] + [("prompt", "<pad>")] + [("generated", text) for text in generated]
    tokens = tuple(Token(0, text.replace("▁", " "), segment, text in ("</s>", "<pad>")) for segment, text in rows)
    steps = array([[0.5, 0.25, 0.5, 0.8], [1, 2, 3, 4]], "step", "generated").values
    arrays = {
        "attributions": axes.reduce(hidden, "hidden", "l2"),
        "step_scores": NamedArray(steps, {"step_function": ("probability", "entropy"), "generated": positions(4)}, ""),
    }
    notes = {"aggregation": "l2", "signed": False} | notes
    return Result(AttributionSpec(prompt="x", method=method), tokens, arrays, notes), hidden


# What Inseq 0.7.1 prints for the numbers of triangles(): GranularFeatureAttributionSequenceOutput.aggregate().
INSEQ = [
    [0.1086956, 0.1041667, 0.0980392, 0.1],
    [0.2173913, 0.2083333, 0.1960784, 0.2],
    [0.0, 0.0, 0.0, 0.0],
    [0.2826087, 0.2708333, 0.254902, 0.26],
    [0.3695652, 0.3541667, 0.3333333, 0.34],
    [0.0217391, 0.0208333, 0.0196078, 0.01],
    [NONE, 0.0416667, 0.0392157, 0.02],
    [NONE, NONE, 0.0588235, 0.03],
    [NONE, NONE, NONE, 0.04],
    [NONE, NONE, NONE, NONE],
]
# The same with ["vnorm", "subwords"]. It leaves "mme" out of the word it ends, which is its defect.
INSEQ_SUBWORDS = [
    [0.1086956, 0.1041667, 0.1],
    [0.2826087, 0.2708333, 0.26],
    [0.3695652, 0.3541667, 0.34],
    [0.0217391, 0.0208333, 0.01],
    [NONE, 0.0416667, 0.02],
    [NONE, 0.0588235, 0.04],
    [NONE, NONE, NONE],
]


def test_the_preset_of_inseq_gives_its_numbers():
    made, _ = triangles()
    np.testing.assert_allclose(scores(aggregate.preset(made, "inseq")), INSEQ, atol=1e-6)
    assert aggregate.asked_with(made.spec, "inseq").aggregation == "l2"


def test_the_preset_of_inseq_keeps_the_size_of_occlusion_and_asks_gradients_for_the_l2_norm():
    made, _ = triangles("occlusion", aggregation="")
    assert scores(aggregate.preset(made, "inseq"))[0].tolist() == [5, 5, 5, 10]
    summed, _ = triangles("integrated_gradients", aggregation="sum")
    with pytest.raises(SpecError, match="Ask with aggregation='l2'"):
        aggregate.preset(summed, "inseq")


def test_words_equal_inseqs_subwords_except_that_the_last_word_is_whole():
    made, _ = triangles()
    tokens = [*made.tokens[:8], Token(0, "fe", "generated"), Token(0, "mme", "generated")]
    plain = Result(made.spec, tuple(tokens), made.arrays, made.notes)
    words = aggregate.pipeline(plain, "column", lambda r: aggregate.merge(r, [0, 1, 1, 1, 2, 3, 4, 5, 5, 5], "absmax"))
    assert texts(words) == [" The", " midwife", "</s>", "<pad>", " La", " sagefemme"]
    np.testing.assert_allclose(scores(words)[:5, 0], np.array(INSEQ_SUBWORDS)[:5, 0], atol=1e-6)
    # Its column is the largest of Inseq's two columns for "▁sage-fe" and "mme".
    np.testing.assert_allclose(scores(words)[:5, 1], np.nanmax(np.array(INSEQ_SUBWORDS)[:5, 1:], 1), atol=1e-6)
    # So are the words found in the text, for this tokenizer and for one without a word mark.
    assert texts(aggregate.preset(plain, "inseq_words")) == texts(words)


def test_a_pair_is_second_minus_first_over_tokens_with_an_arrow():
    first = result(["The", " nurse", " said"], [" she"], [[1], [2], [3], [NONE]], probability=[0.9])
    second = result(["The", " pilot", " said"], [" he"], [[1], [5], [2], [NONE]], probability=[0.8])
    both = aggregate.pair(first, second)
    assert texts(both) == ["The", " nurse → pilot", " said", " she → he"]
    assert scores(both)[:3, 0].tolist() == [0, 3, -1]
    assert both.arrays["step_scores"].select(step_function="probability").values == pytest.approx([-0.1])
    assert both.notes["signed"] is True


def test_a_difference_is_first_minus_second_which_inseq_turns_round():
    first = result(["a"], ["b"], [[5], [NONE]])
    second = result(["a"], ["b"], [[3], [NONE]])
    assert scores(aggregate.difference(first, second))[0, 0] == 2  # Inseq 0.7.1's first - second gives -2
    assert scores(aggregate.pair(first, second))[0, 0] == -2


def test_runs_of_another_length_are_aligned_whole_and_lone_tokens_count_nothing_on_the_other_side():
    first = result(["The", " house", "keeper", " left"], [" she"], [[1], [2], [3], [4], [NONE]])
    second = result(["The", " pilot", " left", " now"], [" she"], [[1], [7], [4], [6], [NONE]])
    both = aggregate.pair(first, second)
    assert texts(both) == ["The", " housekeeper → pilot", " left", " → now", " she"]
    assert scores(both)[:4, 0].tolist() == [0, 2, 0, 6]


def test_a_column_only_one_side_wrote_has_nothing_to_compare_with():
    both = aggregate.pair(result(["a"], [" b", " c"]), result(["a"], [" b"]))
    assert texts(both) == ["a", " b", " c → "]
    assert scores(both)[0, 0] == 0 and np.isnan(scores(both)[:, 1]).all()


def test_results_on_the_same_tokens_are_put_together_cell_by_cell():
    one, three = result(["a"], ["b"], [[1], [NONE]]), result(["a"], ["b"], [[3], [NONE]])
    assert scores(aggregate.together([one, three]))[0, 0] == 2
    assert scores(aggregate.together([one, three], "max"))[0, 0] == 3
    with pytest.raises(SpecError, match="different tokens"):
        aggregate.together([one, keys()])


def test_a_merged_result_survives_json_and_can_be_merged_again():
    words = aggregate.normalize(aggregate.words(keys()))
    again = Result.from_dict(words.to_dict(), AttributionSpec)
    assert again.tokens == words.tokens and again.notes["aggregated"] == ["word: sum", "normalized: column"]
    assert texts(aggregate.sentences(again)) == ["The keys to the cabinet", " are on time."]
    with pytest.raises(SpecError, match="side by side"):
        aggregate.merge(keys(), [0, 1, 0, 2, 3, 4, 5, 6, 7, 8, 9])


def test_the_command_line_prints_and_writes_words_and_shares(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("SEQSCOPE_STORE", str(tmp_path / "store"))
    path, question = tmp_path / "out.json", ["--prompt", "The manager said that", "--continuation", " he"]
    assert main(["attribution", *question, "--unit", "word", "--normalize", "column", "--json", str(path)]) == 0
    assert "manager" in capsys.readouterr().out  # four tokens of this tokenizer
    read = Result.from_dict(json.loads(path.read_text()), AttributionSpec)
    assert texts(read) == ["The", " manager", " said", " that", " he"]
    assert np.nansum(np.abs(scores(read))) == pytest.approx(1)
    assert main(["attribution", *question, "--method", "integrated_gradients", "--preset", "inseq"]) == 2
    assert "Ask with aggregation='l2'" in capsys.readouterr().err
