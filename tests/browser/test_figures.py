"""What every figure must do, and the four beside the token heatmap as people meet them: pointer, finger, keyboard."""

from __future__ import annotations

import copy
import json

import pytest
from axe_playwright_python.sync_playwright import Axe
from pages import heard

from components.context_reliance.demo import made_up as reliance
from components.contrastive.demo import made_up as contrast
from components.layer_grid.demo import made_up as grid
from components.neuron_factors.demo import made_up as factors
from spaces_app.figures import FIGURES

ASSETS = {figure.component: figure.assets for figure in FIGURES.values()}
VALUES = {"contrastive": contrast, "context_reliance": reliance, "neuron_factors": factors, "layer_grid": grid}
HOSTILE = ("${window.pwned=1}", "<img src=x onerror=window.pwned=2>", "</script><script>window.pwned=3</script>")
every_figure = pytest.mark.parametrize("kind", VALUES)


def text(page, selector: str) -> str:
    return page.inner_text(selector).replace("\u00a0", " ").strip()


def poisoned(value, text: str):
    """The value with a hostile text in the place of every text that comes from a model or a person."""
    if isinstance(value, dict):
        kept = {"kind", "f32", "segment", "name", "scale", "state", "unit", "label"}
        return {key: item if key in kept else poisoned(item, text) for key, item in value.items()}
    if isinstance(value, list):
        return [poisoned(item, text) for item in value]
    return " " + text if isinstance(value, str) and value else value


# ---- every figure ----------------------------------------------------------------------------------------------------


def test_every_kind_of_figure_is_tried():
    assert set(ASSETS) == {*VALUES, "token_heatmap"}


@every_figure
@pytest.mark.parametrize("payload", HOSTILE)
def test_hostile_text_is_drawn_literally(kind, payload, open_file):
    page = open_file(poisoned(VALUES[kind](), payload))
    root = ASSETS[kind].selector
    for radio in page.locator(".ss-radio:visible").all():
        radio.check(force=True)
    page.locator(":is(.ss-cell, canvas, .sn-factor):visible").first.click()
    page.wait_for_timeout(50)
    assert page.evaluate("window.pwned") is None
    assert page.locator(f"{root} img, {root} script, {root} iframe").count() == 0
    assert payload.split("=")[0] in page.inner_text(root)


@every_figure
@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 390)])
def test_no_rule_of_accessibility_is_broken_and_nothing_overflows(kind, scheme, width, open_file):
    page = open_file(
        VALUES[kind](), color_scheme=scheme, viewport={"width": width, "height": 800}, has_touch=width < 500
    )
    found = Axe().run(page, context=ASSETS[kind].selector).response["violations"]
    assert [(rule["id"], [node["html"][:120] for node in rule["nodes"]][:3]) for rule in found] == []
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


@every_figure
def test_nothing_yet_and_damaged_data_each_say_so(kind, open_file):
    page = open_file(VALUES[kind](), checked=False)
    name, root = ASSETS[kind].name, ASSETS[kind].selector
    damaged = copy.deepcopy(VALUES[kind]())
    for key in ("scores", "factors", "matrices"):
        damaged.pop(key, None)
    find = f"document.querySelector({json.dumps(root)})"
    script = f"value => {{ {find}.replaceChildren(); Seqscope.{name}.mount({find}, value); }}"
    page.evaluate(script, None)
    assert text(page, f"{root} .ss-empty").startswith("Nothing to show yet.")
    page.evaluate(script, damaged)
    assert text(page, f"{root} .ss-empty") == "This figure cannot be drawn: its data is damaged."


@every_figure
def test_a_figure_without_scripts_is_a_table(kind, open_file):
    page = open_file(VALUES[kind](), java_script_enabled=True)
    assert page.locator("noscript").count() == 1
    value = VALUES[kind]()
    assert page.locator("noscript").evaluate("node => node.textContent").count("<tr>") >= 2
    assert value["kind"] == kind


# ---- context reliance ------------------------------------------------------------------------------------------------


def test_the_strongest_dependence_and_its_cues_are_shown_before_anybody_touches_anything(open_file):
    value = reliance()
    page = open_file(value)
    values = value["metrics"][0]["values"]
    strongest = value["tokens"][value["generated"][values.index(max(values))]]["text"].strip()
    assert text(page, ".sc-looked") == strongest
    assert text(page, ".ss-caption").startswith(f"‘{strongest}’ depends on ‘")
    assert page.locator(".sc-cue").first.get_attribute("data-place") in {"1", "2", "3"}
    assert text(page, ".sc-pair-button").startswith(f"«{strongest}» ←")


def test_the_cut_moves_in_the_browser_and_the_link_follows(open_file):
    page = open_file(reliance())
    before = page.locator(".sc-flagged").count()
    slider = page.locator(".sc-range").first
    slider.fill("0")
    assert page.locator(".sc-flagged").count() > before
    assert "cut:0" in heard(page)[-1]
    slider.fill("4")
    assert page.locator(".sc-flagged").count() == 0
    assert "does not pass" in text(page, ".ss-caption") or "No word of the answer" in text(page, ".ss-caption")


def test_when_nothing_passes_the_nearest_is_named_and_can_be_shown(open_file):
    value = reliance() | {"defaults": {"metric": "kl_divergence", "sigma": 1, "cue": 1, "top": 0, "least": 99}}
    page = open_file(value)
    values = value["metrics"][0]["values"]
    nearest = value["tokens"][value["generated"][values.index(max(values))]]["text"].strip()
    caption = text(page, ".ss-caption")
    assert caption.startswith("No word of the answer depends on the context enough to pass the cut.")
    assert f"The nearest is ‘{nearest}’" in caption and "the cut is at 99 nats" in caption
    page.get_by_role("button", name="Show it anyway").click()
    assert text(page, ".sc-looked") == nearest
    assert text(page, ".ss-caption").endswith("It does not pass the cut.")


def test_sentences_are_ranked_by_what_their_loss_costs(open_file):
    page = open_file(reliance())
    page.get_by_role("radio", name="Sentences").check()
    facts = page.locator(".sc-sentence-fact").all_inner_texts()
    falls = [float(fact.split(" to ")[1].split("\u00a0")[0].lstrip("<")) for fact in facts]
    assert len(falls) == 2 and falls == sorted(falls)
    assert "relies most on the sentence" in text(page, ".ss-caption")


def test_a_link_restores_pin_metric_and_cuts(open_file):
    state = "sel:1-1,metric:pcxmi,unit:token,view:words,cut:50,cue:200,top:1,least:300"
    page = open_file(reliance() | {"state": state})
    assert page.input_value(".sc-select") == "pcxmi"
    assert [page.locator(".sc-range").nth(i).input_value() for i in (0, 1)] == ["0.5", "2"]
    assert text(page, ".ss-pinned") == "with"
    assert page.locator(".sc-flagged").count() <= 1
    parsed = page.evaluate("s => Seqscope.contextReliance.formatState({top:0,least:0,sigma:1,cue:1,metric:'pcxmi',"
                           "unit:'word',view:'words',sel:null,...Seqscope.contextReliance.parseState(s,5,['pcxmi'])})",
                           state)  # fmt: skip
    assert parsed == state


def test_arrow_keys_walk_through_the_answer(open_file):
    page = open_file(reliance())
    page.locator(".sc-answer .ss-cell").first.focus()
    page.keyboard.press("ArrowRight")
    assert text(page, ".ss-pinned") == "with"
    page.keyboard.press("Escape")
    assert page.locator(".ss-pinned").count() == 0


# ---- contrastive -----------------------------------------------------------------------------------------------------


def test_a_and_b_their_odds_and_the_layer_where_a_wins_are_shown(open_file):
    page = open_file(contrast())
    assert text(page, ".sk-chip.sk-a").split() == ["A", "are", "60", "%"]
    assert text(page, ".sk-chip.sk-b").split() == ["B", "is", "33", "%"]
    assert text(page, ".sk-odds") == "log-odds 0.598"
    assert text(page, ".sk-layers-text") == "A is ahead for good from layer 2 on."
    assert text(page, ".ss-caption").startswith("‘are’ rather than ‘is’: ")


def test_pointing_at_a_word_shows_its_three_numbers(open_file):
    value = contrast()
    page = open_file(value)
    page.locator(".ss-flow .ss-cell").nth(1).hover()
    rows = page.locator(".ss-tip .ss-pair").all_inner_texts()
    numbers = {row.split("\n")[0]: float(row.split("\n")[1].replace("−", "-")) for row in rows}
    assert list(numbers) == ["Towards A", "Towards B", "A against B"]
    assert numbers["Towards A"] - numbers["Towards B"] == pytest.approx(numbers["A against B"], abs=0.011)


def test_a_bar_asks_for_another_b_and_the_arrows_swap(open_file):
    page = open_file(contrast())
    page.evaluate("""() => { const value = JSON.parse(document.getElementById("value").textContent);
      window.told = []; const root = document.querySelector(".seqscope-contrast"); root.replaceChildren();
      Seqscope.contrastMap.mount(root, value, { emit: (detail) => told.push([detail.ask, detail.text]) }); }""")
    page.get_by_role("button", name="were").click()
    page.get_by_role("button", name="Swap A and B").click()
    assert page.evaluate("told") == [["contrast", " were"], ["swap", " is"]]
    assert page.locator(".sk-choice:disabled").count() == 2


def test_the_second_prompt_of_a_pair_stands_below_with_its_differences_marked(open_file):
    tokens = [{"text": "The", "changed": False}, {"text": " key", "changed": True}, {"text": " to", "changed": False}]
    page = open_file(contrast() | {"pair": {"label": "B after", "tokens": tokens}})
    assert text(page, ".sk-pair-line") == "The key to"
    assert text(page, ".sk-changed") == "key"


# ---- layers and factors ----------------------------------------------------------------------------------------------


def test_a_cell_of_the_grid_is_read_with_its_column_through_the_layers(open_file):
    page = open_file(grid())
    assert text(page, ".ss-caption") == "‘are’ · layer 6: rank 1."
    page.locator(".ss-matrix").focus()
    page.keyboard.press("ArrowRight")
    assert text(page, ".ss-caption").startswith("‘on’ · layer 6: rank")
    assert heard(page)[-1] == "sel:6-6,show:rank"
    assert page.locator(".sg-item").count() == 5
    assert page.locator(".sf-dot").count() == 7


def test_a_link_restores_cell_and_matrix(open_file):
    page = open_file(grid() | {"state": "sel:2-1,show:p"})
    assert text(page, ".ss-caption").startswith("‘keys’ · layer 2: probability")
    assert page.get_by_role("radio", name="Probability").is_checked()


def test_a_factor_colours_the_tokens_and_a_token_marks_all_factors(open_file):
    page = open_file(factors())
    page.locator(".sn-factor").nth(1).hover()
    assert text(page, ".ss-caption").startswith("Factor 2 is most active at ‘")
    assert page.locator(".sn-tinted").count() == page.locator(".sn-tinted.sn-hue-1").count() > 0
    page.locator(".ss-cell").nth(3).hover()
    assert page.locator('.sn-cursor[visibility="visible"]').count() == 6
    assert [value for value in page.locator(".sn-value").all_inner_texts() if value] != []


def test_a_click_on_a_factor_opens_its_card_and_a_second_closes_it(open_file):
    page = open_file(factors())
    assert page.locator(".sn-card").is_hidden()
    page.locator(".sn-factor").nth(2).click()
    assert text(page, ".sn-card-title") == "Factor 3"
    titles = page.locator(".sn-title").all_inner_texts()
    assert titles == ["Layers", "Neurons", "Writes", "Holds back", "Without it"]
    assert heard(page)[-1] == "factor:3"
    page.locator(".sn-factor").nth(2).click()
    assert page.locator(".sn-card").is_hidden()


def test_more_factors_than_colours_wait_behind_a_button(open_file):
    page = open_file(factors(n_factors=12))
    assert page.locator(".sn-factor:visible").count() == 8
    page.get_by_role("button", name="Show 4 more").click()
    assert page.locator(".sn-factor:visible").count() == 12
