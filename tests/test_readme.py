"""README and docs promise what the code does: tables, versions, links, commands and examples are read and run."""

from __future__ import annotations

import ast
import functools
import os
import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import gradio
import nbformat
import numpy as np
import pytest
from test_plugins import TEN_LINES

from spaces_app.analyses import ANALYSES
from spaces_app.analyses.attribution.spec import AttributionSpec
from spaces_app.maintenance import tables
from spaces_app.methods import METHODS
from spaces_app.models import listed
from spaces_app.serving import gallery
from spaces_app.serving import runner as runner_module
from spaces_app.serving.runner import Runner
from spaces_app.settings import Settings
from spaces_app.step_functions import STEP_FUNCTIONS
from spaces_app.tabs import TABS
from spaces_app.version import __version__

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").glob("*.md")])


def page(name: str) -> str:
    return (ROOT / "docs" / name).read_text(encoding="utf-8")


def column(name: str) -> list[str]:
    """The first column of the first table between the markers of a page, without back-quotes."""
    text = tables.TABLES[name].path.read_text(encoding="utf-8").split(f"<!-- table: {name} -->")[1]
    rows = [line for line in text.split(f"<!-- end: {name} -->")[0].splitlines() if line.startswith("|")][2:]
    return [row.split("|")[1].strip().strip("`") for row in rows]


def code_with(text: str) -> str:
    """The Python example of README or docs that contains a text."""
    pages = [path.read_text(encoding="utf-8") for path in PAGES]
    return next(
        code for shown in pages for code in re.findall(r"```python\n(.*?)```", shown, re.DOTALL) if text in code
    )


@pytest.mark.parametrize("name", tables.TABLES)
def test_every_table_is_what_the_code_and_the_records_say(name):
    text = tables.TABLES[name].path.read_text(encoding="utf-8")
    assert tables.filled(text, name) == text, "run python -m spaces_app tables"


def test_a_table_out_of_date_or_without_a_place_is_noticed():
    text = page("methods.md")
    row = next(line for line in text.splitlines() if line.startswith("| `occlusion` |"))
    assert tables.filled(text.replace(row + "\n", ""), "methods") == text
    with pytest.raises(ValueError, match="'truth'"):
        tables.filled(page("truth.md").replace("<!-- end: truth -->", ""), "truth")


def test_a_newcomer_reads_readme_in_a_few_minutes():
    assert (ROOT / "README.md").stat().st_size <= 12 * 1024


def test_bars_in_a_cell_do_not_end_it():
    assert tables.table(("a",), [("p | q",)]).splitlines() == ["| a |", "|---|", "| p \\| q |"]


@pytest.mark.parametrize(
    ("table", "names"),
    [
        ("methods", [method.name for method in METHODS.values()]),
        ("targets", [step.name for step in STEP_FUNCTIONS.values()]),
        ("models", [card.id for card in listed(Settings())]),
        ("settings", [item.metadata["env"] for item in fields(Settings)]),
    ],
)
def test_a_table_names_every_entry_and_nothing_else(table, names):
    assert column(table) == names


@pytest.mark.parametrize("method", METHODS.values(), ids=lambda method: method.name)
def test_every_method_is_described_as_in_the_code_with_its_paper(method):
    row = next(line for line in page("methods.md").splitlines() if line.startswith(f"| `{method.name}` |"))
    assert method.source in row and method.description in row


@pytest.mark.parametrize("step", STEP_FUNCTIONS.values(), ids=lambda step: step.name)
def test_every_target_is_given_with_formula_and_unit(step):
    row = next(line for line in page("targets.md").splitlines() if line.startswith(f"| `{step.name}` |"))
    assert step.formula in row and step.unit in row


def test_every_tab_and_analysis_is_named():
    assert all(tab.title in README for tab in TABS.values())
    assert all(f"seqscope {name.replace('_', '-')}" in page("command-line.md") for name in ANALYSES)


def test_the_space_header_names_the_gradio_that_is_tested():
    header = README.split("---")[1]
    assert re.search(r"sdk_version: (\S+)", header).group(1) == gradio.__version__
    assert "app_file: app.py" in header and "sdk: gradio" in header


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_file_a_page_points_to_exists(path):
    for target in re.findall(r"\]\(((?!http)[^)#]+)\)", path.read_text(encoding="utf-8")):
        assert (path.parent / target).exists(), target


def test_every_file_the_architecture_page_names_exists():
    text = page("architecture.md")
    paths = re.findall(r"`((?:spaces_app|components|tests)/[\w./]+)`", text)
    assert len(paths) > 10 and all((ROOT / path).exists() for path in paths), paths
    rooms = re.findall(r"^\| ((?:`\w+/?`(?:, )?)+) \|", text, re.MULTILINE)
    named = [name.strip("`/") for row in rooms for name in row.split(", ")]
    there = {path.stem for path in (ROOT / "spaces_app").iterdir() if not path.name.startswith(("_", "."))}
    assert there - {"bundled", "py", "link_format"} <= set(named) and set(named) <= there


@pytest.mark.parametrize("name", ["figure_for_a_paper.py", "method_of_your_own.py"])
def test_an_example_script_runs(name, tmp_path):
    command = [sys.executable, str(ROOT / "examples" / name), str(tmp_path)]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "SEQSCOPE_STORE": str(tmp_path / "store")}
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=environment)
    assert done.returncode == 0, done.stderr
    if name.startswith("figure"):
        assert {path.suffix for path in tmp_path.iterdir()} >= {".svg", ".tex", ".html", ".csv"}
        assert "?s=" in done.stdout
    else:
        rows = [line.split() for line in done.stdout.splitlines()[-3:]]
        assert [row[0] for row in rows] == ["saliency", "occlusion", "neighbour"]
        assert [rows[i][i + 1] for i in range(3)] == ["1.00"] * 3


def test_the_example_notebook_runs_and_finds_the_word_that_decides(monkeypatch, tmp_path):
    monkeypatch.setattr(runner_module, "default_runner", functools.cache(lambda: Runner(Settings(store=str(tmp_path)))))
    cells = nbformat.read(ROOT / "examples" / "which_word_decided.ipynb", as_version=4).cells
    names: dict = {}
    for cell in cells:
        if cell.cell_type == "code":
            exec(cell.source, names)
    assert names["decisive"] == "keys" and names["result"].text != names["other"].text
    runner_module.default_runner().stop()


def test_the_python_example_runs_as_printed():
    code = README.split("```python\n")[1].split("```")[0]
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    shape = re.search(r"\((\d+), (\d+)\)", done.stdout)
    assert int(shape.group(1)) > int(shape.group(2)) >= 1


def test_the_example_of_words_shares_and_differences_does_what_it_says(monkeypatch, tmp_path):
    monkeypatch.setattr(runner_module, "default_runner", functools.cache(lambda: Runner(Settings(store=str(tmp_path)))))
    names: dict = {}
    exec(code_with("aggregate.pair"), names)
    assert [token.text for token in names["change"].tokens] == ["The", " nurse → pilot", " said", " that", " she → he"]
    shares = names["inseq"].arrays["attributions"].values
    assert np.nansum(shares, axis=0) == pytest.approx(1) and names["one"] > 0
    assert names["layers"].arrays["attributions"].values.shape == names["result"].arrays["attributions"].values.shape
    runner_module.default_runner().stop()


def test_the_method_printed_in_the_docs_works_once_it_is_in_the_table(monkeypatch, tmp_path):
    names: dict = {}
    exec(code_with("GRADIENT_MEAN = "), names)
    method = names["GRADIENT_MEAN"]
    monkeypatch.setitem(METHODS, method.name, method)
    runner = Runner(Settings(store=str(tmp_path)))
    spec = AttributionSpec(prompt="The keys to the cabinet", continuation=" are", method=method.name)
    plain = spec.replace(method="saliency", aggregation="mean")
    mean, saliency = (runner.run(s).arrays["attributions"].values[:-1, 0] for s in (spec, plain))
    assert (abs(mean) <= saliency + 1e-6).all() and (mean < 0).any() and (mean > 0).any()
    runner.stop()


def test_the_option_printed_in_the_docs_is_one_of_its_method_and_counts(monkeypatch, tmp_path):
    names: dict = {}
    exec(code_with("GRADIENT_POWER = "), names)
    method = names["GRADIENT_POWER"]
    monkeypatch.setitem(METHODS, method.name, method)
    runner = Runner(Settings(store=str(tmp_path)))
    spec = AttributionSpec(prompt="The keys to the cabinet", continuation=" are", method=method.name)
    first, squares = (
        runner.run(spec.replace(own={"power": power})).arrays["attributions"].values[:-1, 0] for power in (1, 2)
    )
    sizes, norms = (
        runner.run(spec.replace(method="saliency", own={}, aggregation=name)).arrays["attributions"].values[:-1, 0]
        for name in ("l1", "l2")
    )
    np.testing.assert_allclose(first, sizes, rtol=1e-5)
    np.testing.assert_allclose(squares, norms**2, rtol=1e-5)
    runner.stop()


def test_the_changelog_begins_with_this_version():
    first = re.search(r"\n## (\S+)", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"))
    assert first.group(1) == __version__


def test_every_gallery_question_is_recorded():
    names = {question.name for question in gallery.questions()}
    recorded = {example.name for analysis in ANALYSES for example in gallery.examples(analysis)}
    assert names == recorded and names


def test_the_ten_lines_of_a_users_own_file_are_those_that_are_tested():
    shown = code_with("register(StepFunction")
    assert ast.dump(ast.parse(shown)) == ast.dump(ast.parse(TEN_LINES))


def test_the_citation_names_this_version():
    assert f"version: {__version__}\n" in (ROOT / "CITATION.cff").read_text(encoding="utf-8")
