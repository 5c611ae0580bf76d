"""The token heatmap as people meet it: with pointer, finger and keyboard, in Gradio and as a file, light and dark."""

from __future__ import annotations

import json
import re

import gradio as gr
import made_results
import pytest
from axe_playwright_python.sync_playwright import Axe
from pages import PATIENCE, heard, wait
from playwright.sync_api import expect
from test_views import STATES

from components.token_heatmap import TokenHeatmap, assets
from spaces_app.figures.token_heatmap import token_heatmap

KEYS = token_heatmap(made_results.keys(), origin="recorded")
SIGNED = token_heatmap(made_results.signed_keys())
HOSTILE = token_heatmap(made_results.hostile())
ARE = "‘are’ relies most on ‘keys’ (60 %), then ‘The’ (20 %) and ‘the’ (10 %). The model gave ‘are’ 62 %."
HINT = "Nothing is selected: point at a word, or tap it."


def cell(page, text: str, segment: str = ""):
    """The cell that shows exactly this text."""
    pattern = re.compile(f"^{re.escape(text)}$")
    return page.locator(f".ss-{segment or 'list'} .ss-cell").filter(has_text=pattern).first


def caption(page) -> str:
    return page.inner_text(".ss-caption").replace("\u00a0", " ")


def pairs(page, selector: str) -> dict[str, str]:
    rows = page.locator(f"{selector} .ss-pair").all_inner_texts()
    return dict(row.replace("\u00a0", " ").split("\n", 1) for row in rows)


def background(locator) -> tuple[float, ...]:
    """(red, green, blue, alpha) of a cell's own colour."""
    numbers = re.findall(r"[\d.]+", locator.evaluate("node => getComputedStyle(node).backgroundColor"))
    red, green, blue, alpha = (*map(float, numbers), 1.0)[:4]
    return (red, green, blue, alpha)


# ---- reading -------------------------------------------------------------------------------------------------------


def test_the_first_content_word_is_explained_before_anybody_touches_anything(open_file):
    page = open_file(KEYS)
    assert caption(page) == ARE
    assert pairs(page, ".ss-details") == {"Probability": "62 %", "Entropy": "1.25 nats"}
    assert pairs(page, ".ss-badges") == {
        "Model": "bundled/made-up", "Method": "Saliency", "Target": "Probability", "Result": "recorded"
    }  # fmt: skip
    expect(cell(page, "are")).to_have_class(re.compile("ss-focus"))
    later = page.locator(".ss-later").all_inner_texts()
    assert later == ["on", "time", "."], "what comes after cannot matter, and steps back"
    alphas = [background(cell(page, text))[3] for text in ("keys", "The", "cabinet", "to", "on")]
    assert alphas == [1, 0.33, 0.33 / 2 + 0.005, 0, 0], "colours are the scores over the largest, 0.3"
    assert page.inner_text(".ss-legend").split("\n") == [
        "0", "0.3", "Score (probability) · a word is the sum of its tokens"
    ]  # fmt: skip


@pytest.mark.parametrize("domain", [[0, 1.2], [-1.2, 0.3], 1.2])
def test_a_common_scale_holds_for_every_selection_and_the_legend_says_so(domain, open_file):
    page = open_file(KEYS | {"domain": domain})
    about = "Score (probability) · a word is the sum of its tokens · common scale"
    assert page.inner_text(".ss-legend").split("\n") == ["0", "1.2", about]
    assert background(cell(page, "keys"))[3] == 0.25, "0.3 of 1.2"
    cell(page, "time").click()
    assert page.inner_text(".ss-legend").split("\n") == ["0", "1.2", about]
    assert page.get_by_role("radiogroup", name="Colour range").count() == 0, "there is nothing to choose"
    page.get_by_role("radio", name="Matrix").check()
    assert page.inner_text(".ss-legend").split("\n") == ["0", "1.2", about]


def test_scores_beyond_a_common_scale_have_its_strongest_colour_and_damaged_scales_are_none(open_file):
    page = open_file(KEYS | {"domain": [0, 0.2]})
    assert [background(cell(page, text))[3] for text in ("keys", "The")] == [1, 0.5]
    for damaged in ([0, None], "x", [0, 0]):
        page = open_file(KEYS | {"domain": damaged})
        assert "common scale" not in page.inner_text(".ss-legend")
        assert background(cell(page, "keys"))[3] == 1


def test_pointing_at_a_generated_word_shows_what_it_relies_on_and_leaving_brings_the_pinned_one_back(open_file):
    page = open_file(KEYS)
    cell(page, "time").hover()
    assert caption(page) == "‘time’ relies most on ‘on’ (100 %). The model gave ‘time’ 25 %."
    assert background(cell(page, "on"))[3] == 1 and background(cell(page, "keys"))[3] == 0
    assert pairs(page, ".ss-tip") == {"Probability": "25 %", "Entropy": "1.25 nats", "Token id": "5"}
    expect(cell(page, "are")).to_have_class(re.compile("ss-pinned"))
    page.mouse.move(2, 2)
    expect(page.locator(".ss-caption").first).to_have_text(ARE)
    expect(page.locator(".ss-tip")).to_be_hidden()
    assert heard(page) == [], "pointing changes no link"


def test_pointing_at_an_input_word_shows_what_it_influenced_and_its_numbers_for_the_pinned_one(open_file):
    page = open_file(KEYS)
    cell(page, "keys").hover()
    assert caption(page) == "‘keys’ matters most for ‘on’ (40 % of its score), then ‘are’."
    assert background(cell(page, "on"))[3] == 1 and background(cell(page, "are"))[3] == 0.75
    assert pairs(page, ".ss-tip") == {"Score for ‘are’": "0.3", "Share": "60 %", "Rank": "1 of 5"}
    cell(page, "to").hover()
    assert caption(page) == "‘to’ has no weight for any word the model wrote."
    assert pairs(page, ".ss-tip")["Share"] == "0 %"


def test_words_sentences_and_tokens_are_sums_of_the_same_scores(open_file):
    page = open_file(KEYS)
    page.get_by_label("Token", exact=True).check()
    assert caption(page).startswith("‘are’ relies most on ‘key’ (40 %), then ‘The’ (20 %) and ‘s’ (20 %).")
    page.get_by_label("Sentence").check()
    assert caption(page) == (
        "‘are on time.’ relies most on ‘The keys to the cabinet’ (100 %). "
        "The model gave ‘are on time.’ 7.7 %, the product over its 4 tokens."
    )
    details = pairs(page, ".ss-details")
    assert details == {"Probability": "7.7 %", "‘are’": "62 %", "‘on’": "50 %", "‘time’": "25 %", "‘.’": "99.9 %"}
    assert heard(page)[-1] == "sel:0-0,unit:sentence,range:token,view:flow"


def test_what_a_word_has_from_its_own_first_token_is_left_out(open_file):
    scores = [[0.1, 0.1], [0.0, 0.8], [0.0, 0.0]]
    page = open_file(token_heatmap(made_results.result(["The"], [" cab", "inet"], scores), state="range:output"))
    assert caption(page).startswith("‘cabinet’ relies most on ‘The’ (100 %).")
    assert page.inner_text(".ss-legend").startswith("0\n0.2\n"), "0.8 stays within the word"
    page.get_by_label("Token", exact=True).check()
    cell(page, "inet").hover()
    assert caption(page).startswith("‘inet’ relies most on ‘cab’ (89 %)")


def test_signed_scores_have_two_hues_a_dashed_line_and_words_for_what_speaks_against(open_file):
    page = open_file(SIGNED)
    assert caption(page).startswith(
        "‘are’ is supported most by ‘keys’ (60 %), then ‘the’ (10 %); ‘The’ speaks against it"
    )
    red, _, blue, _ = background(cell(page, "keys"))
    assert red > blue
    red, _, blue, _ = background(cell(page, "The"))
    assert blue > red
    assert "underline" in cell(page, "The").evaluate("node => getComputedStyle(node).textDecorationLine")
    assert "none" in cell(page, "keys").evaluate("node => getComputedStyle(node).textDecorationLine")
    assert page.inner_text(".ss-legend").split("\n")[:2] == ["−0.3", "0.3"]
    cell(page, "The").hover()
    assert caption(page) == "‘The’ speaks against ‘on’ (20 % of its score), then ‘are’."


def test_the_colour_range_of_the_whole_output_makes_a_weak_word_look_weak(open_file):
    page = open_file(KEYS)
    page.get_by_label("Whole output").check()
    assert background(cell(page, "keys"))[3] == 0.3, "the strongest score of the whole output is 1"
    assert heard(page) == ["sel:0-0,unit:word,range:output,view:flow"]


def test_percent_puts_the_share_under_every_scored_word(open_file):
    page = open_file(KEYS)
    page.get_by_label("Percent").check()
    numbers = page.locator(".ss-prompt .ss-number").all_inner_texts()
    assert numbers == ["20%", "60%", "0%", "10%", "10%"]
    fills = [fill.bounding_box() for fill in page.locator(".ss-prompt .ss-fill").all()]
    tracks = [bar.bounding_box() for bar in page.locator(".ss-prompt .ss-bar").all()]
    parts = [fill["width"] / track["width"] for fill, track in zip(fills, tracks, strict=True)]
    assert parts == pytest.approx([1 / 3, 1, 0, 1 / 6, 1 / 6], abs=0.01)
    assert page.locator(".ss-generated .ss-number").all_inner_texts()[1:] == ["\u00a0"] * 3, "the future has no share"


# ---- selecting -----------------------------------------------------------------------------------------------------


def test_a_click_pins_shift_extends_and_escape_or_the_background_clears(open_file):
    page = open_file(KEYS)
    cell(page, "on").click()
    cell(page, "time").click(modifiers=["Shift"])
    page.mouse.move(2, 2)
    span = "‘on time’ relies most on ‘keys’ (40 %), then ‘are’ (40 %) and ‘The’ (20 %)."
    assert caption(page).startswith(span), "what lies inside the span is left out"
    assert caption(page).endswith("The model gave ‘on time’ 13 %, the product over its 2 tokens.")
    assert page.locator("[aria-selected=true]").all_inner_texts() == ["on", "time"]
    page.keyboard.press("Escape")
    assert caption(page) == HINT
    assert page.locator(".ss-tinted").count() == 0
    cell(page, "cabinet").click()
    page.mouse.move(2, 2)
    assert caption(page) == "‘cabinet’ matters most for ‘are’ (10 % of its score)."
    box = page.locator(".ss-flow").bounding_box()
    page.mouse.click(box["x"] + box["width"] - 5, box["y"] + box["height"] / 2)
    assert caption(page) == HINT
    assert [state.split(",unit")[0] for state in heard(page)] == [
        "sel:1-1", "sel:1-2", "unit:word,range:token,view:flow", "in:5", "unit:word,range:token,view:flow"
    ]  # fmt: skip


def test_arrow_keys_go_through_the_text_and_one_tab_stop_serves_each_part(open_file):
    page = open_file(KEYS)
    assert page.locator('.ss-cell[tabindex="0"]').all_inner_texts() == ["The", "are"]
    cell(page, "are").focus()
    page.keyboard.press("ArrowRight")
    assert caption(page).startswith("‘on’ relies most on ‘keys’ (40 %), then ‘are’ (40 %)")
    page.keyboard.press("Shift+ArrowRight")
    assert page.locator("[aria-selected=true]").all_inner_texts() == ["on", "time"]
    page.keyboard.press("End")
    assert caption(page) == "No part of the text has any weight for ‘.’. The model gave ‘.’ 99.9 %."
    assert page.inner_text("[role=status]").replace("\u00a0", " ") == caption(page)
    page.keyboard.press("Home")
    page.keyboard.press("ArrowLeft")
    assert caption(page) == "‘cabinet’ matters most for ‘are’ (10 % of its score)."
    assert page.locator('.ss-cell[tabindex="0"]').all_inner_texts() == ["cabinet", "are"]


def test_up_and_down_go_to_the_line_that_is_drawn_there(open_file):
    page = open_file(token_heatmap(made_results.large(60, 60)), viewport={"width": 390, "height": 844})
    start = cell(page, "out20")
    start.focus()
    page.keyboard.press("ArrowDown")
    here, there = start.bounding_box(), page.locator(":focus").bounding_box()
    assert here["y"] < there["y"] < here["y"] + 2 * 1.8 * 17
    assert abs(here["x"] - there["x"]) < here["width"]
    page.keyboard.press("ArrowUp")
    assert page.locator(":focus").inner_text() == "out20"


def test_a_finger_pins_by_a_tap_and_the_page_does_not_scroll_sideways(open_file):
    for state in ("view:flow", "view:percent", "view:matrix"):
        value = token_heatmap(made_results.large(40, 30), state=state)
        page = open_file(value, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, state
        if state == "view:flow":
            cell(page, "out3").tap()
            assert heard(page) == ["sel:3-3,unit:word,range:token,view:flow"]
            assert caption(page).startswith("‘out3’ relies most on")
    matrix = page.locator(".ss-matrix")
    assert matrix.evaluate("node => node.scrollWidth") > 390 > matrix.evaluate("node => node.clientWidth")


def test_states_are_read_as_python_reads_them(open_file):
    page = open_file(KEYS)
    for text, parts in STATES.items():
        assert page.evaluate("text => Seqscope.tokenHeatmap.parseState(text, 10, 20)", text) == parts, text


def test_a_link_restores_selection_unit_range_and_view(open_file):
    page = open_file(token_heatmap(made_results.keys(), state="sel:1-2,unit:token,range:output,view:percent"))
    assert page.locator("[aria-selected=true] .ss-text").all_inner_texts() == ["on", "time"]
    checked = page.locator(".ss-radio:checked").evaluate_all("nodes => nodes.map(node => node.value)")
    assert checked == ["percent", "token", "output"]
    page = open_file(token_heatmap(made_results.keys(), state="in:1"))
    assert caption(page).startswith("‘keys’ matters most for")


# ---- the matrix ----------------------------------------------------------------------------------------------------

PIXEL = """([x, y]) => { const canvas = document.querySelector(".ss-canvas");
  const scale = canvas.width / canvas.clientWidth;
  return Array.from(canvas.getContext("2d").getImageData(x * scale, y * scale, 1, 1).data); }"""


def test_the_matrix_keeps_the_selection_and_a_click_in_it_moves_it(open_file):
    page = open_file(KEYS, checked=False)  # reading pixels makes the browser advise on the console
    page.get_by_label("Matrix", exact=True).check()
    canvas = page.locator(".ss-canvas")
    expect(canvas).to_have_attribute("aria-label", re.compile("^Matrix of scores. ‘are’ relies most on ‘keys’"))
    page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    box = canvas.bounding_box()
    # Eight scored rows of 24 px stand at the bottom of the grid; columns are 46 px wide when there is room.
    rows = ["The", "keys", "to", "the", "cabinet", "are", "on", "time"]
    spacer = page.locator(".ss-spacer").bounding_box()
    top = spacer["height"] - 2 - 24 * len(rows)
    left = first_filled(page, int(top) + 12)
    orange = page.evaluate(PIXEL, [left + 23 + 46 * 0, top + 24 * 1 + 12])
    pale = page.evaluate(PIXEL, [left + 23 + 46 * 0, top + 24 * 0 + 12])
    assert orange[:3] == [232, 119, 34] and orange[3] == 255, "‘keys’ is the strongest of the column ‘are’"
    assert 0 < pale[3] < 100, "‘The’ has a third of it"
    assert page.evaluate(PIXEL, [left + 23, top + 24 * 5 + 12])[3] == 0, "‘are’ does not explain itself"
    x, y = left + 23 + 46 * 1, top + 24 * 5 + 12
    page.mouse.move(box["x"] + x, box["y"] + y)
    expect(page.locator(".ss-tip-title")).to_have_text("are")
    assert pairs(page, ".ss-tip") == {"Score for ‘on’": "0.4", "Share": "40 %", "Rank": "2 of 6", "Token id": "4"}
    page.mouse.click(box["x"] + x, box["y"] + y)
    assert heard(page)[-1] == "sel:1-1,unit:word,range:token,view:matrix"
    page.get_by_label("Colour", exact=True).check()
    expect(cell(page, "on")).to_have_class(re.compile("ss-focus"))
    page.get_by_label("Matrix", exact=True).check()
    page.mouse.click(box["x"] + left - 20, box["y"] + top + 24 * 1 + 12)
    assert heard(page)[-1].startswith("in:1,"), "a row's label is the input itself"
    # Column labels lean to the right at 50 degrees: 30 px up is 25 px to the right, into the next column.
    page.mouse.click(box["x"] + left + 23 + 46 * 2 + 25, box["y"] + top - 30)
    assert heard(page)[-1].startswith("sel:2-2,"), "a column's label is the generated word"


def first_filled(page, y: int) -> int:
    """Where the grid begins from the left, at a height where a row is."""
    return page.evaluate(
        """(y) => { const canvas = document.querySelector(".ss-canvas");
        const scale = canvas.width / canvas.clientWidth;
        const line = canvas.getContext("2d").getImageData(0, y * scale, canvas.width, 1).data;
        // Labels are dark and the grid is coloured: the first column of this row has red far above blue.
        for (let x = 0; x < canvas.width; x++) {
          if (line[x * 4 + 3] > 20 && line[x * 4] - line[x * 4 + 2] > 60) return Math.round(x / scale);
        }
        return -1; }""",
        y,
    )


def test_arrow_keys_walk_through_the_matrix(open_file):
    page = open_file(KEYS)
    page.get_by_label("Matrix", exact=True).check()
    page.locator(".ss-matrix").focus()
    page.keyboard.press("ArrowRight")
    assert heard(page)[-1] == "sel:1-1,unit:word,range:token,view:matrix"
    page.keyboard.press("ArrowDown")
    expect(page.locator(".ss-tip-title")).to_have_text("keys")
    assert pairs(page, ".ss-tip")["Score for ‘on’"] == "0.4"
    page.keyboard.press("Escape")
    assert caption(page) == HINT


# ---- text ----------------------------------------------------------------------------------------------------------


def test_line_breaks_spaces_and_invisible_characters_are_seen(open_file):
    value = token_heatmap(
        made_results.result(
            ["def", " f", "():", "\n", "   ", " return", "\t", "\x00", "\u202e", "\u200d", "\x85"], [" 1"]
        ),
        state="unit:token",
    )
    page = open_file(value)
    marks = page.locator(".ss-prompt .ss-mark").all_inner_texts()
    assert marks == ["⏎", "␣␣␣", "⇥", "␀", "U+202E", "U+200D", "U+0085"]
    before, after = cell(page, "():").bounding_box(), cell(page, "return").bounding_box()
    assert after["y"] > before["y"] + 10 and after["x"] < before["x"] + before["width"], "the break breaks the line"


def test_a_character_split_over_tokens_is_one_cell_and_special_tokens_stand_apart(open_file):
    result = made_results.result(["<s>", "a ", "🎉", "", "", " b"], [" 👍", "", "</s>"], special=("<s>", "</s>"))
    page = open_file(token_heatmap(result, state="unit:token"))
    assert page.locator(".ss-cell").all_inner_texts() == ["<s>", "a", "🎉", "b", "👍", "</s>"]
    assert page.locator(".ss-special").all_inner_texts() == ["<s>", "</s>"]
    assert caption(page).startswith("‘👍’ relies most on"), "the first content is found although no letter is there"
    cell(page, "👍").click()
    assert heard(page) == [] or heard(page) == ["sel:0-1,unit:token,range:token,view:flow"]


def test_right_to_left_text_runs_from_the_right(open_file):
    page = open_file(token_heatmap(made_results.result(["مرحبا", " يا"], [" عالم"])))
    assert page.locator(".ss-line").get_attribute("dir") == "rtl"
    assert cell(page, "مرحبا").bounding_box()["x"] > cell(page, "عالم").bounding_box()["x"]
    cell(page, "عالم").focus()
    page.keyboard.press("ArrowRight")
    assert heard(page)[-1].startswith("in:1"), "the right arrow leads to what stands on the right"


def test_a_source_text_has_a_row_of_its_own(open_file):
    result = made_results.result(["<fr>"], [" la", " clé"], source=["the", " key"], special=("<fr>",))
    page = open_file(token_heatmap(result))
    assert page.locator(".ss-label").all_inner_texts() == ["Source", "Output"]
    assert page.locator(".ss-source .ss-cell").all_inner_texts() == ["the", "key"]
    assert caption(page).startswith("‘la’ relies most on ‘<fr>’ (50 %), then ‘key’ (33 %)")


@pytest.mark.parametrize("state", ["unit:token,view:flow", "unit:token,view:percent", "unit:token,view:matrix"])
def test_hostile_text_is_drawn_literally_in_the_file(open_file, state):
    value = dict(HOSTILE, state=state, badges=[{"label": text, "text": text} for text in made_results.HOSTILE])
    value["step_labels"] = {
        name: {"label": made_results.HOSTILE[3], "unit": made_results.HOSTILE[4]} for name in value["steps"]
    }
    page = open_file(value)
    check_hostile(page, state)
    assert page.locator(".ss-badges dd").all_inner_texts() == [text.strip() for text in made_results.HOSTILE]


def check_hostile(page, state: str) -> None:
    shown = [text.strip() for text in made_results.HOSTILE]
    if "matrix" not in state:
        inside = " .ss-text" if "percent" in state else ""
        assert page.locator(f".ss-prompt .ss-cell{inside}").all_inner_texts() == shown
        for i in range(len(shown)):
            page.locator(".ss-generated .ss-cell").nth(i).hover()
            page.locator(".ss-generated .ss-cell").nth(i).click()
            assert page.inner_text(".ss-caption").startswith(f"‘{shown[i][:20]}")
    assert page.locator(".ss-notes li").all_inner_texts() == shown
    page.wait_for_timeout(100)
    assert page.evaluate("window.pwned") is None
    assert page.locator(".seqscope-heatmap :is(img, svg, script, iframe)").count() == 0


# ---- states of the whole figure ------------------------------------------------------------------------------------


def test_a_changed_control_marks_the_figure_and_a_new_value_clears_the_mark(open_file):
    page = open_file(KEYS)
    expect(page.get_by_text("Not run yet: press Run")).to_be_hidden()
    page.evaluate("document.querySelector('.seqscope-heatmap').dataset.stale = '1'")
    expect(page.get_by_text("Not run yet: press Run")).to_be_visible()
    assert "grayscale(1)" in page.locator(".ss-stage").evaluate("node => getComputedStyle(node).filter")
    page.evaluate(MOUNT, KEYS)
    page.evaluate("document.querySelector('.seqscope-heatmap').dataset.stale = '1'")
    page.evaluate("value => window.figure.update(value)", KEYS)
    expect(page.get_by_text("Not run yet: press Run")).to_be_hidden()


MOUNT = """value => { const root = document.querySelector(".seqscope-heatmap"); window.pins = [];
  window.figure = Seqscope.tokenHeatmap.mount(root, value, { emit: (pin) => window.pins.push(pin) }); }"""


def test_nothing_yet_no_output_and_damaged_data_each_say_so(open_file):
    page = open_file(KEYS, checked=False)
    page.evaluate(MOUNT, "")
    expect(page.locator(".ss-empty")).to_have_text("Nothing to show yet. Write a prompt and press Run.")
    expect(page.locator(".ss-frame")).to_be_hidden()
    page.evaluate("value => window.figure.update(value)", dict(KEYS, generated=[0, 1]))
    expect(page.locator(".ss-empty")).to_have_text("This figure cannot be drawn: its data is damaged.")
    page.evaluate("value => window.figure.update(value)", token_heatmap(made_results.result(["Hello"], [])))
    assert caption(page) == "The model wrote nothing, so there is nothing to explain."
    cell(page, "Hello").hover()
    page.get_by_label("Matrix", exact=True).check()
    page.evaluate("value => window.figure.update(value)", json.dumps(KEYS))
    assert caption(page) == ARE, "a value may also come as JSON"
    page.evaluate("window.figure.destroy()")
    assert page.locator(".seqscope-heatmap > *").count() == 0


def test_a_root_that_bears_the_figures_own_class_alone_is_styled_all_the_same(open_file):
    page = open_file(KEYS)
    page.evaluate(
        """value => { const root = document.createElement("div"); root.className = "seqscope-heatmap"; root.id = "own";
        document.body.append(root); Seqscope.tokenHeatmap.mount(root, value); }""",
        KEYS,
    )
    expect(page.locator("#own")).to_have_css("position", "relative")
    assert page.locator("#own .ss-cell").count() == page.locator("main .ss-cell").count() > 0


def test_a_new_value_keeps_the_visitors_way_of_looking(open_file):
    page = open_file(KEYS)
    page.evaluate(MOUNT, KEYS)
    page.get_by_label("Percent").check()
    page.get_by_label("Token", exact=True).check()
    page.evaluate("value => window.figure.update(value)", SIGNED)
    checked = page.locator(".ss-radio:checked").evaluate_all("nodes => nodes.map(node => node.value)")
    assert checked == ["percent", "token", "token"]
    page.locator(".ss-generated .ss-cell").nth(1).click()
    wait(page, 500)  # the figure waits a quarter of a second for the next pin
    assert page.evaluate("window.pins") == [
        {"index": [1, 1], "value": " on", "state": "sel:1-1,unit:token,range:token,view:percent"}
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_no_rule_of_accessibility_is_broken(open_file, scheme, width):
    page = open_file(SIGNED, color_scheme=scheme, viewport={"width": width, "height": 900}, bypass_csp=True)
    for choice in ("Colour", "Percent", "Matrix"):
        page.get_by_label(choice, exact=True).check()
        found = Axe().run(page).response["violations"]
        assert [(rule["id"], rule["nodes"][0]["target"]) for rule in found] == [], choice
    page.evaluate("document.querySelector('.seqscope-heatmap').dataset.stale = '1'")
    assert Axe().run(page).response["violations"] == []


# ---- in Gradio -----------------------------------------------------------------------------------------------------

VALUES = {"keys": KEYS, "signed": SIGNED, "hostile": HOSTILE, "none": None}


def small_app() -> gr.Blocks:
    with gr.Blocks() as blocks:
        gr.Markdown("# A page")
        figure = TokenHeatmap(KEYS, elem_id="figure")
        pinned = gr.Textbox(label="Pinned", elem_id="pinned")
        for name in VALUES:
            draw = gr.Button(name, elem_id=name)
            draw.click(lambda name=name: VALUES[name], None, figure, show_progress="hidden")
        with gr.Tabs(), gr.Tab("first"):
            gr.Markdown("nothing here")
        with gr.Tab("later"):
            second = TokenHeatmap(elem_id="second")
        gr.Button("both", elem_id="both").click(lambda: (KEYS, KEYS), None, [figure, second], show_progress="hidden")
        figure.select(_told, None, pinned, trigger_mode="multiple")
    return blocks


def _told(event: gr.SelectData) -> str:
    return json.dumps([event.index, event.value, event._data["state"]], ensure_ascii=False)


@pytest.fixture(scope="module")
def address(serve_blocks) -> str:
    return serve_blocks(small_app()).rstrip("/")


@pytest.fixture
def open_app(browser, address):
    contexts, said, asked = [], [], []

    def open_app(query: str = ""):
        context = browser.new_context(viewport={"width": 1280, "height": 900})
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(PATIENCE * 1000)
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("dialog", lambda dialog: (said.append(dialog.message), dialog.dismiss()))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(address + query)
        page.wait_for_selector("#figure .ss-cell")
        return page

    yield open_app
    for context in contexts:
        context.close()
    assert said == []
    assert all(url.startswith((address, "data:", "blob:")) for url in asked), asked


def test_the_first_figure_is_in_the_page_itself_and_python_hears_of_pins(open_app):
    page = open_app()
    assert caption(page) == ARE
    cell(page, "on").click()
    expected = json.dumps([[1, 1], " on", "sel:1-1,unit:word,range:token,view:flow"], ensure_ascii=False)
    expect(page.locator("#pinned textarea")).to_have_value(expected)


def test_new_values_from_python_redraw_the_figure_in_place(open_app):
    page = open_app()
    page.locator("#figure").get_by_label("Percent").check()
    page.click("#signed")
    expect(page.locator(".ss-caption").first).to_contain_text("is supported most by")
    assert page.locator(".ss-radio:checked").first.input_value() == "percent"
    page.click("#none")
    expect(page.locator("#figure .ss-empty")).to_be_visible()
    page.click("#keys")
    expect(page.locator(".ss-caption").first).to_contain_text("relies most on")


def test_a_figure_in_a_tab_that_opens_later_shows_what_was_sent_before(open_app):
    page = open_app()
    page.click("#both")
    page.wait_for_timeout(300)
    page.get_by_role("tab", name="later").click()
    expect(page.locator("#second .ss-caption")).to_contain_text("‘keys’ (60")


def test_hostile_text_is_drawn_literally_in_gradio(open_app):
    page = open_app()
    page.click("#hostile")
    expect(page.locator(".ss-notes li").first).to_have_text(made_results.HOSTILE[0])
    page.locator("#figure").get_by_label("Token", exact=True).check()
    check_hostile(page, "flow")


def test_dark_pages_have_dark_figures_that_are_accessible_too(open_app):
    light = open_app("/?__theme=light")
    assert light.locator("#figure .seqscope-heatmap").get_attribute("data-theme") == "light"
    page = open_app("/?__theme=dark")
    assert page.locator("#figure .seqscope-heatmap").get_attribute("data-theme") == "dark"
    assert background(cell(page, "keys"))[:3] == (173, 79, 8)
    found = Axe().run(page, context="#figure").response["violations"]
    assert [(rule["id"], rule["nodes"][0]["target"]) for rule in found] == []
    page.evaluate("document.body.classList.remove('dark')")
    expect(page.locator("#figure .seqscope-heatmap")).to_have_attribute("data-theme", "light")


def test_the_page_carries_one_short_script_for_each_figure_and_values_as_text():
    config = json.dumps(small_app().get_config_file())
    figures = [
        item["props"] for item in json.loads(config)["components"] if item["props"].get("name") == "tokenheatmap"
    ]
    assert ["value" in props for props in figures] == [True, False], "an empty figure sends nothing"
    assert json.loads(figures[0]["value"]) == KEYS
    for props in figures:
        assert props["html_template"] == f'<div class="{assets.ROOT_CLASS}"></div>'
        assert len(props["js_on_load"]) < 41_000
    assert "functools" not in json.dumps(figures)


def test_an_example_of_the_component_is_shown_as_escaped_text():
    component = TokenHeatmap()
    assert "<img" not in component.process_example(HOSTILE)
    assert component.process_example(KEYS) == " are on time."
    assert component.process_example(None) == ""
