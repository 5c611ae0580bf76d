"""Every analysis has one figure, and every way out of the tool draws it or says in a sentence why it does not."""

from __future__ import annotations

import dataclasses
import json

import made_results
import numpy as np
import pytest
from rich.console import Console

from spaces_app.analyses import ANALYSES, KINDS
from spaces_app.cli.main import main
from spaces_app.components.figure.component import Figure as Component
from spaces_app.errors import NotSupported
from spaces_app.export.formats import FORMATS, document, offered
from spaces_app.export.html import mounting, standalone
from spaces_app.export.notebook import mimebundle
from spaces_app.figures import FIGURES, figure_of, figure_value
from spaces_app.figures.still.drawing import Drawing
from spaces_app.figures.terminal.printing import print_result
from spaces_app.results import Result
from spaces_app.serving.gallery import examples
from spaces_app.serving.runner import Runner
from spaces_app.settings import Settings
from spaces_app.tabs import TABS
from spaces_app.tabs.base import plain

# Questions of the analyses that have no recorded example.
ASKED = {"comparison": {"prompt": "The keys", "continuation": " are", "methods": "saliency,attention"}}
every_analysis = pytest.mark.parametrize("analysis", ANALYSES)


@pytest.fixture(scope="module")
def answer(tmp_path_factory):
    """A function from an analysis's name to an answer of it."""
    runner = Runner(dataclasses.replace(Settings(), store=str(tmp_path_factory.mktemp("store")), threads=1))

    def found(analysis: str) -> Result:
        recorded = examples(analysis)
        return recorded[0].result if recorded else runner.run(KINDS[analysis](**ASKED[analysis]))

    yield found
    runner.stop()


def printed(result: Result, width: int = 100) -> str:
    console = Console(width=width, record=True, file=open("/dev/null", "w", encoding="utf-8"), highlight=False)  # noqa: SIM115
    print_result(result, console)
    return console.export_text()


@every_analysis
def test_its_value_is_plain_json_of_its_component(analysis, answer):
    value = figure_value(answer(analysis), origin="recorded")
    assert json.loads(json.dumps(value, allow_nan=False)) == value
    assert value["kind"] == FIGURES[analysis].component
    assert value["badges"][0]["label"] == "Model"
    assert any(badge["text"].startswith("recorded") for badge in value["badges"])


@every_analysis
def test_the_page_draws_it_with_a_component_of_gradio(analysis):
    figure = FIGURES[analysis]
    assert issubclass(figure.gradio_class, Component) and figure.gradio_class.assets is figure.assets


@every_analysis
def test_it_is_a_page_of_its_own_with_a_table_where_scripts_do_not_run(analysis, answer):
    page = standalone(figure_value(answer(analysis)))
    assert mounting(FIGURES[analysis].assets) in page
    assert page.split("<noscript>")[1].split("</noscript>")[0].count("<tr>") > 1


@every_analysis
def test_it_is_a_still_picture_or_a_sentence_says_why_not(analysis, answer):
    result = answer(analysis)
    pictures = [item for item in offered(result) if item.picture and item.name != "html"]
    if isinstance(FIGURES[analysis].drawing, str):
        assert FIGURES[analysis].drawing.endswith(".") and pictures == []
    else:
        made = FIGURES[analysis].still(figure_value(result))
        assert isinstance(made, Drawing) and made.title and made.caption and (made.grid or made.paragraphs)
        assert {item.name for item in pictures} == {"svg", "pdf", "png", "latex"}


@every_analysis
def test_the_terminal_prints_a_table_of_it_or_a_sentence_says_why_not(analysis, answer):
    text = printed(answer(analysis))
    if isinstance(FIGURES[analysis].table, str):
        assert FIGURES[analysis].table in text
    else:
        assert len(text.splitlines()) > 3 and answer(analysis).notes["model"] in text


@every_analysis
def test_a_notebook_shows_it(analysis, answer):
    bundle = mimebundle(answer(analysis))
    assert bundle["text/plain"].startswith(f"<{analysis} of ") and "<iframe srcdoc=" in bundle["text/html"]


@every_analysis
def test_every_offered_file_holds_it_and_json_all_of_it(analysis, answer):
    result = answer(analysis)
    for item in offered(result):
        if item.name not in ("pdf", "png"):  # the same page as the SVG, and slow
            assert len(item.data(result)) > 200, item.name
    again = Result.from_dict(json.loads(FORMATS["json"].data(result)), KINDS[analysis])
    assert again.spec == result.spec and again.tokens == result.tokens
    for name, array in result.arrays.items():
        assert np.array_equal(array.values, again.arrays[name].values, equal_nan=True)
    assert document(result)["link"].startswith("?")


@every_analysis
def test_the_overview_finds_the_numbers_it_shows_small(analysis, answer):
    assert answer(analysis).arrays[FIGURES[analysis].thumbnail].values.ndim >= 2


def test_every_analysis_is_asked_in_one_tab():
    assert list(TABS) == ["attribution", "contrastive", "context_reliance", "neuron_factors"]
    assert sorted(name for tab in TABS.values() for name in tab.views) == sorted(ANALYSES)


def test_a_plain_tab_has_every_group_of_its_spec_and_follows_every_option():
    tab = plain(ANALYSES["layers"])
    assert (tab.name, tab.title, tab.question) == ("layers", "Layers", ANALYSES["layers"].title)
    assert tab.groups == (("reading", "Reading"), ("generation", "Generation"))
    hidden = {"revision", "continuation_ids"}
    assert set(tab.governing) == {name for name, _, _ in KINDS["layers"].options()} - hidden


# ---- without ---------------------------------------------------------------------------------------------------------


def test_an_analysis_without_a_figure_says_so_everywhere(monkeypatch):
    monkeypatch.delitem(FIGURES, "attribution")
    result = made_results.keys()
    with pytest.raises(NotSupported, match="attribution has no figure. Save it as JSON or CSV."):
        figure_of("attribution")
    assert [item.name for item in offered(result)] == ["csv", "json", "inseq"]
    assert list(mimebundle(result)) == ["text/plain"]
    text = " ".join(printed(result).split())
    assert "The terminal has no table of attribution: It has no figure. --json has the numbers." in text
    assert "attributions (11, 4)" in text


def test_a_figure_without_picture_and_table_gives_its_reasons(monkeypatch):
    made = dataclasses.replace(FIGURES["attribution"], drawing="It moves.", table="It has no words.", rows=None)
    for name in ("attribution", "comparison"):  # both are drawn by this component
        monkeypatch.setitem(FIGURES, name, made)
    result = made_results.keys()
    with pytest.raises(NotSupported, match="the token heatmap figure has no still picture. It moves. Save it as HTML."):
        FORMATS["svg"].write(result)
    assert [item.name for item in offered(result)] == ["html", "csv", "json", "inseq"]
    assert "no table of attribution: It has no words." in " ".join(printed(result).split())
    assert "<noscript><p>This figure is drawn by a script" in FORMATS["html"].write(result)


def test_a_value_of_no_known_figure_is_refused_in_a_sentence():
    with pytest.raises(NotSupported, match="odd is not a figure that is known here."):
        standalone({"kind": "odd"})


def test_the_document_is_written_before_anything_is_printed(tmp_path, monkeypatch):
    monkeypatch.setenv("SEQSCOPE_STORE", str(tmp_path / "store"))

    def broken(result, **given):
        raise RuntimeError("a table that cannot be printed")

    monkeypatch.setitem(FIGURES, "attribution", dataclasses.replace(FIGURES["attribution"], table=broken))
    path = tmp_path / "out.json"
    with pytest.raises(RuntimeError, match="cannot be printed"):
        main(["attribution", "--prompt", "The keys", "--continuation", "are", "--json", str(path)])
    assert json.loads(path.read_text(encoding="utf-8"))["spec"]["prompt"] == "The keys"
