"""More than one map of words: curves of step scores, layers, several methods side by side, badges that explain."""

from __future__ import annotations

import base64
from dataclasses import replace

import made_results
import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from pages import heard, wait
from playwright.sync_api import expect
from test_token_heatmap import background, caption, cell, pairs

from spaces_app.analyses.comparison.spec import ComparisonSpec
from spaces_app.analyses.shared.agreement import spearman
from spaces_app.arrays import NamedArray
from spaces_app.figures.comparison import comparison
from spaces_app.figures.token_heatmap import MAX_PARTS, token_heatmap
from spaces_app.methods import METHODS
from spaces_app.results import Result

KEYS = made_results.keys()
CHECK = {"label": "Comprehensiveness", "value": 0.25, "sentence": "Without the top-ranked words it falls by 0.25."}


def layered(axes: dict[str, tuple], result: Result = KEYS) -> Result:
    """The result with finer scores, in the k-th of which every token but the k-th counts nothing."""
    scores = result.arrays["attributions"]
    count = int(np.prod([len(labels) for labels in axes.values()]))
    finer = np.zeros((count, *scores.values.shape), dtype=np.float32)
    for k in range(count):
        finer[k, k] = 1.0
    finer[:, np.isnan(scores.values)] = np.nan
    shape = [len(labels) for labels in axes.values()]
    array = NamedArray(finer.reshape(*shape, *scores.values.shape), axes | scores.axes, "probability")
    return replace(result, arrays=result.arrays | {"layer_attributions": array})


def compared(*results: Result, **notes) -> dict:
    """The value of a comparison of results on the same tokens, as if each came from another method."""
    names = list(METHODS)[: len(results)]
    head = results[0]
    scores = np.stack([result.arrays["attributions"].values for result in results])
    own = ("method", "signed", "target", "unit", "checks")
    made = [result.notes | {"unit": "probability"} for result in results]
    methods = {name: {key: note[key] for key in own if key in note} for name, note in zip(names, made, strict=True)}
    axes = {"method": tuple(names)} | head.arrays["attributions"].axes
    agreement = np.full((len(names), len(names)), 0.5)
    arrays = {
        "attributions": NamedArray(scores, axes, ""),
        "step_scores": head.arrays["step_scores"],
        "agreement": NamedArray(agreement, {"method": tuple(names), "other": tuple(names)}, "rank correlation"),
    }
    spec = ComparisonSpec(prompt="x", methods=",".join(names))
    return comparison(Result(spec, head.tokens, arrays, head.notes | {"methods": methods} | notes))


BOTH = compared(replace(KEYS, notes=KEYS.notes | {"method": "First"}), made_results.signed_keys())


def below(page, index: int, part: float) -> tuple[float, float]:
    """The place of a generated word's point on the curve, where `part` is its height from 0 to 1."""
    box = page.locator(".ss-generated .ss-cell").nth(index).bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] + 4 + 18 * (1 - part)


INK = """([x, y]) => { const canvas = document.querySelector(".ss-curve"); const box = canvas.getBoundingClientRect();
  const scale = canvas.width / box.width;
  return canvas.getContext("2d").getImageData((x - box.x) * scale, (y - box.y) * scale, 1, 1).data[3]; }"""


# ---- curves ------------------------------------------------------------------------------------------


def test_the_probability_is_a_curve_under_the_words_the_model_wrote(open_file):  # noqa: F811
    page = open_file(token_heatmap(KEYS), checked=False)  # reading pixels makes the browser advise on the console
    for index, p in enumerate((0.62, 0.5, 0.25)):
        assert page.evaluate(INK, list(below(page, index, p))) > 150, index
        assert page.evaluate(INK, list(below(page, index, p + 0.4))) == 0, "and nothing stands above it"
    assert page.locator(".ss-pick-note").last.inner_text() == "0 to 1"


def test_the_curve_answers_the_pointer_and_a_click_below_a_word_pins_it(open_file):  # noqa: F811
    page = open_file(token_heatmap(KEYS))
    page.get_by_label("Curve").select_option(label="Entropy")
    assert heard(page) == ["sel:0-0,unit:word,range:token,view:flow,curve:entropy"]
    assert page.locator(".ss-pick-note").last.inner_text() == "0 to 1.25\u00a0nats"
    page.mouse.move(*below(page, 2, 0.5))
    assert list(pairs(page, ".ss-tip").items())[:2] == [("Entropy", "1.25 nats"), ("Probability", "25 %")]
    assert caption(page).endswith("The model gave ‘time’ 25 %. Entropy 1.25 nats.")
    page.mouse.click(*below(page, 1, 0.5))
    assert heard(page)[-1].startswith("sel:1-1,")
    page.mouse.move(2, 2)
    expect(page.locator(".ss-tip")).to_be_hidden()


def test_without_a_curve_the_space_under_the_words_is_just_space(open_file):  # noqa: F811
    page = open_file(token_heatmap(KEYS, state="curve:none"))
    assert page.get_by_label("Curve").input_value() == "none"
    expect(page.locator(".ss-curve")).to_be_hidden()
    tall = page.locator(".ss-flow").bounding_box()["height"]
    page.get_by_label("Curve").select_option(label="Probability")
    assert page.locator(".ss-flow").bounding_box()["height"] > tall + 15
    page.get_by_label("Matrix", exact=True).check()
    expect(page.get_by_label("Curve")).to_be_hidden()


def test_the_curve_follows_the_text_when_it_wraps_anew(open_file):  # noqa: F811
    result = made_results.large(6, 30)
    page = open_file(token_heatmap(result, state="view:percent,unit:token"), checked=False)
    for width in (1280, 420):
        page.set_viewport_size({"width": width, "height": 900})
        wait(page, 150)
        for index in (0, 29):
            assert page.evaluate(INK, list(below(page, index, 0.5))) > 150, (width, index)


def test_a_reader_with_a_keyboard_hears_the_chosen_score(open_file):  # noqa: F811
    page = open_file(token_heatmap(KEYS, state="curve:entropy"))
    cell(page, "are").focus()
    page.keyboard.press("ArrowRight")
    assert "Entropy 1.25\u00a0nats." in page.inner_text("[role=status]")
    assert list(pairs(page, ".ss-details")) == ["Entropy", "Probability"]


# ---- layers and heads ------------------------------------------------------------------------------------------


def test_each_layer_can_be_shown_alone_and_the_link_says_which(open_file):  # noqa: F811
    page = open_file(token_heatmap(layered({"layer": (0, 1, 2)})))
    assert page.get_by_label("Show").locator("option").all_inner_texts() == [
        "All together", "Layer 0", "Layer 1", "Layer 2"
    ]  # fmt: skip
    assert background(cell(page, "keys"))[3] == 1
    page.get_by_label("Show").select_option(label="Layer 0")
    assert caption(page).startswith("‘are’ relies most on ‘The’ (100 %).")
    assert (background(cell(page, "The"))[3], background(cell(page, "keys"))[3]) == (1, 0)
    assert heard(page)[-1] == "sel:0-0,unit:word,range:token,view:flow,part:0"
    again = open_file(token_heatmap(layered({"layer": (0, 1, 2)}), state=heard(page)[-1]))
    assert caption(again).startswith("‘are’ relies most on ‘The’ (100 %).")
    assert again.get_by_label("Show").input_value() == "0"
    again.get_by_label("Show").select_option(label="All together")
    assert caption(again).startswith("‘are’ relies most on ‘keys’ (60 %)")
    assert "part" not in heard(again)[-1]


def test_heads_stand_under_their_layer(open_file):  # noqa: F811
    page = open_file(token_heatmap(layered({"layer": (3, 4), "head": (0, 1)}), state="unit:token,part:3"))
    assert page.locator("optgroup").evaluate_all("nodes => nodes.map(node => node.label)") == ["Layer 3", "Layer 4"]
    assert page.get_by_label("Show").evaluate("node => node.selectedOptions[0].textContent") == "Head 1"
    assert caption(page).startswith("‘are’ relies most on ‘to’ (100 %).")


def test_scores_of_layers_that_would_be_too_many_stay_in_the_result():
    result = made_results.large(300, 100)
    value = token_heatmap(layered({"layer": tuple(range(30))}, result))
    assert 30 * 400 * 100 > MAX_PARTS
    assert value["parts"] == [] and value["notes"] == ["Scores by layer are in the saved result only."]
    sent = token_heatmap(layered({"layer": (0, 1)}))["parts"][0]
    flat = np.frombuffer(base64.b64decode(sent["scores"]["f32"]), dtype="<f4").reshape(2, 11, 4)
    assert (sent["axes"], flat[1, 1, 0], flat[0, 1, 0]) == ([["layer", ["0", "1"]]], 1.0, 0.0)


def test_a_damaged_or_impossible_part_shows_everything_or_says_so(open_file):  # noqa: F811
    page = open_file(token_heatmap(layered({"layer": (0, 1)}), state="part:7"))
    assert caption(page).startswith("‘are’ relies most on ‘keys’")
    damaged = open_file(dict(BOTH, planes=[dict(BOTH["planes"][0], scores={"f32": "AAAA"})]), checked=False)
    expect(damaged.locator(".ss-empty")).to_have_text("This figure cannot be drawn: its data is damaged.")


# ---- several methods ------------------------------------------------------------------------------------------


def panes(page) -> list:
    return page.locator(".ss-pane").all()


def test_several_methods_stand_below_each_other_and_share_one_selection(open_file):  # noqa: F811
    page = open_file(BOTH)
    assert page.locator(".ss-pane-title").all_inner_texts() == ["First", "Saliency"]
    first, second = panes(page)
    readings = [pane.locator(".ss-pane-reading").inner_text().replace("\u00a0", " ") for pane in (first, second)]
    assert readings[0] == "‘are’ relies most on ‘keys’ (60 %), then ‘The’ (20 %) and ‘the’ (10 %)."
    assert readings[1].startswith("‘are’ is supported most by ‘keys’ (60 %)")
    assert caption(page) == "The model gave ‘are’ 62 %."
    second.locator(".ss-generated .ss-cell").nth(2).hover()
    for pane in (first, second):
        expect(pane.locator(".ss-focus")).to_have_text("time")
        expect(pane.locator(".ss-pane-reading")).to_contain_text("‘on’ (100\u00a0%)")
    first.locator(".ss-prompt .ss-cell").nth(1).click()
    assert heard(page) == ["in:1,unit:word,range:token,view:flow"]
    page.mouse.move(2, 2)
    assert caption(page) == "What each method says of ‘keys’."
    expect(second.locator(".ss-focus")).to_have_text("keys")
    page.keyboard.press("Escape")
    assert page.locator(".ss-tinted").count() == 0


def test_the_tip_tells_the_number_of_the_map_it_stands_in(open_file):  # noqa: F811
    page = open_file(BOTH)
    first, second = panes(page)
    first.locator(".ss-prompt .ss-cell").first.hover()
    assert pairs(page, ".ss-tip")["Score for ‘are’"] == "0.1"
    second.locator(".ss-prompt .ss-cell").first.hover()
    assert pairs(page, ".ss-tip")["Score for ‘are’"] == "−0.1"


def test_agreement_is_told_for_the_selection_and_over_the_output(open_file):  # noqa: F811
    rng = np.random.default_rng(1)
    texts = [f" w{i}" for i in range(9)]
    results = [made_results.result(texts, [" a", " b"], rng.normal(size=(11, 2)), signed=True) for _ in range(3)]
    page = open_file(compared(*results))
    scores = [result.arrays["attributions"].values for result in results]

    def told(column: int) -> list[str]:
        pairs_of = [(1, 0), (2, 0), (2, 1)]
        return [f"{spearman(scores[i][:, column], scores[j][:, column]):.2f} (0.50)" for i, j in pairs_of]

    def shown() -> list[str]:
        texts = page.locator(".ss-agreement-table td").all_inner_texts()
        return [text.replace("−", "-") for text in texts if text]

    assert shown() == told(0)
    cell(page, "b", "generated").click()
    assert shown() == told(1)
    page.mouse.move(2, 2)
    page.keyboard.press("Escape")
    assert shown() == ["0.50"] * 3


def test_matrices_of_several_methods_keep_one_cursor(open_file):  # noqa: F811
    page = open_file(BOTH)
    page.get_by_label("Matrix", exact=True).check()
    assert page.locator(".ss-canvas:visible").count() == 2
    page.locator(".ss-matrix").nth(1).focus()
    page.keyboard.press("ArrowRight")
    assert heard(page)[-1] == "sel:1-1,unit:word,range:token,view:matrix"
    described = page.locator(".ss-canvas").evaluate_all("nodes => nodes.map(node => node.getAttribute('aria-label'))")
    assert all("‘on’" in text for text in described) and described[0] != described[1]


def test_one_method_after_several_is_one_map_again(open_file):  # noqa: F811
    page = open_file(BOTH)
    mount = """value => { window.figure = window.figure ?? Seqscope.tokenHeatmap.mount(
      document.querySelector(".seqscope-heatmap"), value); window.figure.update(value); }"""
    for value, count in ((token_heatmap(KEYS), 1), (BOTH, 2), (token_heatmap(KEYS), 1)):
        page.evaluate(mount, value)
        assert page.locator(".ss-pane").count() == count
        assert page.locator(".ss-agreement").is_visible() == (count > 1)
        assert page.locator(".ss-scale-row .ss-legend").is_visible() == (count == 1)


# ---- badges ------------------------------------------------------------------------------------------


def test_a_badge_says_its_sentence_on_pointer_keyboard_and_tap(open_file):  # noqa: F811
    value = token_heatmap(made_results.keys(checks=[CHECK]))
    page = open_file(value)
    assert pairs(page, ".ss-badges")["Comprehensiveness"] == "0.25"
    badge, hint = page.locator(".ss-badge", has_text="0.25"), page.locator(".ss-hint-tip")
    expect(hint).to_be_hidden()
    badge.hover()
    expect(hint).to_have_text(CHECK["sentence"])
    page.mouse.move(2, 2)
    expect(hint).to_be_hidden()
    badge.focus()
    expect(hint).to_be_visible()
    page.keyboard.press("Escape")
    expect(hint).to_be_hidden()
    assert heard(page) == [], "Escape closed the hint and left the selection"
    about = badge.get_attribute("aria-describedby")
    assert page.locator(f"#{about}").text_content() == CHECK["sentence"]
    phone = open_file(value, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    phone.locator(".ss-badge", has_text="0.25").tap()
    expect(phone.locator(".ss-hint-tip")).to_be_visible()
    box = phone.locator(".ss-hint-tip").bounding_box()
    assert box["x"] >= 0 and box["x"] + box["width"] <= 390


# ---- all of it ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", ["unit:token,view:flow", "unit:token,view:percent", "unit:token,view:matrix"])
def test_hostile_labels_and_sentences_are_drawn_literally(open_file, state):  # noqa: F811
    loud = "".join(made_results.HOSTILE)
    check = dict.fromkeys(("label", "value", "sentence"), loud)
    one = replace(made_results.hostile(), notes=made_results.hostile().notes | {"checks": [check]})
    value = compared(one, one) | {"state": state}
    value["step_labels"] = {name: {"label": loud, "unit": loud} for name in value["steps"]}
    page = open_file(value)
    assert page.locator(".ss-pane-title").all_inner_texts() == [loud, loud]
    page.locator(".ss-badge").first.hover()
    page.locator(".ss-pane-checks .ss-badge").first.focus()
    assert page.locator(".ss-hint-tip").inner_text() == loud
    if "matrix" not in state:
        page.locator(".ss-generated .ss-cell").first.hover()
        assert loud in page.get_by_label("Curve").inner_text()
    parts = token_heatmap(layered({made_results.HOSTILE[3]: (made_results.HOSTILE[4], "1")}, one), state=state)
    layers = open_file(parts)
    layers.get_by_label("Show").select_option(index=1)
    assert made_results.HOSTILE[4].strip() in layers.get_by_label("Show").inner_text()
    for shown in (page, layers):
        shown.wait_for_timeout(100)
        assert shown.evaluate("window.pwned") is None
        assert shown.locator(".seqscope-heatmap :is(img, svg, script, iframe)").count() == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_no_rule_of_accessibility_is_broken_by_several_maps(open_file, scheme, width):  # noqa: F811
    value = compared(made_results.keys(checks=[CHECK]), made_results.signed_keys())
    page = open_file(value, color_scheme=scheme, viewport={"width": width, "height": 900}, bypass_csp=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    for choice in ("Colour", "Percent", "Matrix"):
        page.get_by_label(choice, exact=True).check()
        found = Axe().run(page).response["violations"]
        assert [(rule["id"], rule["nodes"][0]["target"]) for rule in found] == [], choice


def test_positions_of_a_comparison_are_those_of_its_tokens():
    assert BOTH["generated"] == [7, 8, 9, 10]
    assert [plane["signed"] for plane in BOTH["planes"]] == [False, True]
    assert len(BOTH["agreement"]) == 2 and BOTH["parts"] == []
