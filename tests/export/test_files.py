"""Results leave as files and come back, by Python and by the command line; notebooks show them safely."""

from __future__ import annotations

import html
import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import made_results
import nbconvert
import nbformat
import pytest

import spaces_app
from spaces_app.cli.main import main
from spaces_app.errors import AppError, NotSupported, SpecError
from spaces_app.export import files
from spaces_app.export.formats import FORMATS
from spaces_app.export.notebook import plain
from spaces_app.link import parse_url
from spaces_app.serving.gallery import examples, recorded_path
from spaces_app.serving.runner import Runner
from spaces_app.settings import Settings

EXAMPLE = examples("attribution")[0]
RESULT = EXAMPLE.result


@pytest.fixture(autouse=True)
def own_store(tmp_path, monkeypatch):
    monkeypatch.setenv("SEQSCOPE_STORE", str(tmp_path / "store"))


@pytest.fixture
def runner(tmp_path):
    runner = Runner(Settings(store=str(tmp_path / "store")))
    yield runner
    runner.stop()


BEGINS = {
    "html": b"<!doctype html>", "svg": b"<svg ", "pdf": b"%PDF-", "png": b"\x89PNG", "latex": b"% Made by Seqscope",
    "csv": b"generated,", "json": b'{"spec": {"kind": "attribution"', "inseq": b"{\n",
}  # fmt: skip


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_writes_a_file_of_its_kind(name, tmp_path):
    item = FORMATS[name]
    for result in (RESULT, made_results.hostile(), made_results.result(["Hello"], [])):
        path = files.save(result, tmp_path / f"figure{item.suffix}")
        assert path.read_bytes().startswith(BEGINS[name])
        assert files.named("", path.name) is item


@pytest.mark.parametrize("name", [name for name, item in FORMATS.items() if item.picture])
def test_a_picture_follows_the_view(name):
    write = FORMATS[name].data
    assert write(RESULT, view="view:matrix") != write(RESULT, view="") == write(RESULT)


def test_a_picture_names_its_link():
    link = RESULT.spec.to_link(view="sel:1-1")
    for name in ("html", "svg", "latex"):
        text = FORMATS[name].write(RESULT, view="sel:1-1")
        assert link in html.unescape(text), name
        assert parse_url(link, {RESULT.spec.kind: type(RESULT.spec)})[0] == RESULT.spec


def test_what_was_saved_loads_again(tmp_path):
    for name in ("json", "inseq"):
        [found] = files.load(files.save(RESULT, tmp_path / f"x{FORMATS[name].suffix}"))
        assert found.to_dict() == RESULT.to_dict()
    lines = tmp_path / "many.jsonl"
    rows = [{"row": 0} | RESULT.to_dict(), {"row": 1, "error": "x"}, {"row": 2} | made_results.keys().to_dict()]
    lines.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert [found.text for found in files.load(lines)] == [RESULT.text, " are on time."]
    indented = tmp_path / "indented.json"
    indented.write_text(json.dumps(RESULT.to_dict(), indent=1))
    assert files.load(indented)[0].to_dict() == RESULT.to_dict()


@pytest.mark.parametrize(
    "text", ["", "{}", "[1]", '{"spec": {"kind": "attribution"}}', "\x00", '{"spec": 1}', "[" * 99999]
)
def test_a_file_that_holds_no_result_is_one_sentence(text, tmp_path):
    path = tmp_path / "x.json"
    path.write_text(text)
    try:
        assert files.load(path) == []  # an empty file
        assert text == ""
    except SpecError as error:
        assert "holds no result" in str(error) or "kind" in str(error)


def test_an_unknown_format_and_a_place_that_cannot_be_written_are_one_sentence(tmp_path):
    with pytest.raises(SpecError, match="ends in none of .html, .svg"):
        files.save(RESULT, tmp_path / "figure.docx")
    with pytest.raises(SpecError, match="'docx' is not one of html, svg"):
        files.save(RESULT, tmp_path / "figure", format="docx")
    with pytest.raises(AppError, match="cannot be written"):
        files.save(RESULT, tmp_path / "none" / "figure.svg")
    with pytest.raises(SpecError, match="cannot be read"):
        files.load(tmp_path / "none.json")


def test_an_analysis_without_a_figure_says_what_can_be_saved():
    odd = made_results.keys()
    object.__setattr__(odd, "spec", type("OddSpec", (type(odd.spec),), {"kind": "odd"})(prompt="x"))
    with pytest.raises(NotSupported, match="odd has no figure. Save it as JSON or CSV."):
        FORMATS["svg"].write(odd)
    assert "text/html" not in odd._repr_mimebundle_()


# Links --------------------------------------------------------------------------------------------------------------


def test_a_link_gives_the_question_and_where_it_is_stored_the_answer(runner):
    link = RESULT.spec.to_link("https://example.org/app/", view="sel:1-1")
    spec, result = runner.from_link(link)
    assert spec == RESULT.spec and result.to_dict() == RESULT.to_dict(), "recorded examples need no store"
    other = RESULT.spec.replace(prompt="The keys to the other cabinet", continuation_ids=())
    assert runner.from_link(other.to_link()) == (other, None)
    runner.store.put(other.digest(), replace(RESULT, spec=other).to_dict())
    assert runner.from_link(other.to_link())[1].spec == other


@pytest.mark.parametrize(
    "shape",
    [
        "https://x.org/?s={token}", "?s={token}", "#s={token}", "s={token}", "{token}",
        " https://x.org/embed?s={token}&theme=dark ",
        "https://x.org/#s={token}", "https://x.org/?other=1#s={token}", "{digest}",
        "https://x.org/?id={digest}&view=sel:0-0",
        "https://x.org/embed/{digest}?theme=dark", "/figure/{digest}.svg", "https://x.org/r/{digest}.json",
        "https://huggingface.co/spaces/a/b?__theme=dark&s={token}",
    ],
)  # fmt: skip
def test_every_address_of_a_figure_leads_to_it(shape, runner):
    token = RESULT.spec.to_link().removeprefix("?s=")
    spec, result = runner.from_link(shape.format(token=token, digest=RESULT.spec.digest()))
    assert spec == RESULT.spec and result.to_dict() == RESULT.to_dict()


@pytest.mark.parametrize(
    ("link", "sentence"),
    [
        ("https://example.org/", "no link to a figure"),
        ("", "no link to a figure"),
        ("http://[bad", "not an address"),
        ("?id=" + "0" * 64, "not kept here. Ask for the long link"),
        ("?s=broken!", "this link is damaged"),
        ("https://x.org/embed/" + "0" * 63, "no link to a figure"),
        ("x" * 20_000, "longer than"),
    ],
)
def test_what_is_no_link_is_one_sentence(link, sentence, runner):
    with pytest.raises(SpecError, match=re.escape(sentence)):
        runner.from_link(link)


def test_the_public_names_are_there():
    assert spaces_app.save is files.save and spaces_app.load is files.load and spaces_app.FORMATS is FORMATS
    assert spaces_app.from_link(RESULT.spec.to_link())[0] == RESULT.spec
    assert spaces_app.compare(RESULT, RESULT)["largest"] == 0


# The command line ---------------------------------------------------------------------------------------------------


def test_export_writes_what_a_link_or_a_file_shows(tmp_path, capsys):
    link = RESULT.spec.to_link("http://127.0.0.1:7860/", view="view:matrix")
    assert main(["export", link, "--out", str(tmp_path / "a.svg")]) == 0
    assert (tmp_path / "a.svg").read_text() == FORMATS["svg"].write(RESULT, view="view:matrix")
    file = str(recorded_path(EXAMPLE.name))
    assert main(["export", file, "--format", "csv", "--out", str(tmp_path / "numbers")]) == 0
    assert (tmp_path / "numbers").read_bytes() == FORMATS["csv"].data(RESULT)
    assert main(["export", file, "--view", "sel:1-1", "--out", str(tmp_path / "b.tex")]) == 0
    assert (tmp_path / "b.tex").read_text() == FORMATS["latex"].write(RESULT, view="sel:1-1")
    assert capsys.readouterr().out.split() == [str(tmp_path / name) for name in ("a.svg", "numbers", "b.tex")]


def test_export_goes_to_the_standard_output_without_a_file(capfdbinary):
    assert main(["export", RESULT.spec.to_link(), "--format", "latex"]) == 0
    assert capfdbinary.readouterr().out == FORMATS["latex"].data(RESULT)


def test_open_shows_the_stored_answer_or_the_question(capsys):
    assert main(["open", RESULT.spec.to_link()]) == 0
    printed = capsys.readouterr().out
    assert "cabinet" in printed and RESULT.spec.to_link() in printed
    other = RESULT.spec.replace(prompt="Another", continuation_ids=())
    assert main(["open", other.to_link()]) == 0
    printed = capsys.readouterr().out
    assert "prompt=Another" in printed and "Not stored here" in printed


def test_compare_says_what_changed(tmp_path, capsys):
    files_ = [str(recorded_path(name)) for name in ("profession", "nurse")]
    assert main(["compare", *files_, "--out", str(tmp_path / "d.svg")]) == 0
    printed = capsys.readouterr().out
    assert "Prompt: The soldier" in printed and "The largest difference is" in printed
    assert (tmp_path / "d.svg").read_text().startswith("<svg")


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (["export", "?s=x", "--format", "svg"], "this link is damaged"),
        (["export", "?s=x", "--format", "doc"], "'doc' is not one of"),
        (["export", "?s=x"], "Name a format."),
        (["open", "nowhere.json"], "no link to a figure"),
        (["compare", "?id=" + "0" * 64, "x"], "not kept here"),
    ],
)
def test_an_error_is_one_sentence_and_status_2(flags, sentence, capsys):
    assert main(flags) == 2
    error = capsys.readouterr().err
    assert error.startswith("seqscope: ") and sentence in error and error.count("\n") == 1


# Notebooks ----------------------------------------------------------------------------------------------------------


def notebook(result) -> nbformat.NotebookNode:
    """A notebook with the output that Jupyter stores for a cell ending in `result`."""
    output = nbformat.v4.new_output("execute_result", data=result._repr_mimebundle_(), execution_count=1)
    return nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("result", outputs=[output], execution_count=1)])


class Frames(HTMLParser):
    """The attributes of every <iframe> in a page, as a browser would read them."""

    def __init__(self, page: str):
        super().__init__()
        self.found: list[dict] = []
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        if tag == "iframe":
            self.found.append(dict(attributes))


def test_nbconvert_keeps_the_interactive_figure_of_a_trusted_notebook():
    page, _ = nbconvert.HTMLExporter().from_notebook_node(notebook(RESULT))
    [frame] = Frames(page).found
    about = f'<meta name="seqscope:link" content="{RESULT.spec.to_link()}">\n'
    assert frame["srcdoc"] == FORMATS["html"].write(RESULT).replace(about, "")
    assert frame["sandbox"] == "allow-scripts"


def test_an_untrusted_notebook_shows_the_table_and_runs_nothing():
    for result in (made_results.keys(), made_results.hostile()):
        page, _ = nbconvert.HTMLExporter(sanitize_html=True).from_notebook_node(notebook(result))
        body = page[page.index("<body") :]
        assert not re.search(r"<(iframe|script|img|svg)\b", body.split("</body>")[0].split('class="jp-Cell')[1])
    page, _ = nbconvert.HTMLExporter(sanitize_html=True).from_notebook_node(notebook(made_results.keys()))
    assert "<td> are</td>" in page and "62.0%" in page and "‘ key’ 40%" in page


def test_a_console_shows_one_line():
    assert plain(made_results.keys()) == (
        "<attribution of bundled/tiny-causal: ' are on time.'; attributions (11, 4), step_scores (2, 4)>"
    )
    page, _ = nbconvert.MarkdownExporter().from_notebook_node(notebook(made_results.keys()))
    assert "are on time" in page
