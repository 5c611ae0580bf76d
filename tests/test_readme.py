"""README promises what the code does: its tables, versions and commands are read and compared."""

from __future__ import annotations

import ast
import functools
import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import gradio
import numpy as np
import pytest
from test_plugins import TEN_LINES

from spaces_app.analyses import ANALYSES
from spaces_app.analyses.attribution.spec import AttributionSpec
from spaces_app.maintenance import readme
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


def column(heading: str) -> list[str]:
    """The first column of the table under a heading, without back-quotes."""
    section = README.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("|")][2:]
    return [row.split("|")[1].strip().strip("`") for row in rows]


def code_with(text: str) -> str:
    """The Python example that contains a text."""
    return next(code for code in re.findall(r"```python\n(.*?)```", README, re.DOTALL) if text in code)


def test_every_table_is_what_the_code_and_the_records_say():
    assert readme.filled(README) == README, "run python -m spaces_app tables"


def test_a_table_out_of_date_or_without_a_place_is_noticed():
    row = next(line for line in README.splitlines() if line.startswith("| `occlusion` |"))
    assert readme.filled(README.replace(row + "\n", "")) == readme.filled(README)
    with pytest.raises(ValueError, match="'truth'"):
        readme.filled(README.replace("<!-- end: truth -->", ""))


def test_bars_in_a_cell_do_not_end_it():
    assert readme.table(("a",), [("p | q",)]).splitlines() == ["| a |", "|---|", "| p \\| q |"]


@pytest.mark.parametrize(
    ("heading", "names"),
    [
        ("Methods", [method.name for method in METHODS.values()]),
        ("Targets", [step.name for step in STEP_FUNCTIONS.values()]),
        ("Bundled models", [card.id for card in listed(Settings())]),
        ("Settings", [item.metadata["env"] for item in fields(Settings)]),
    ],
)
def test_a_table_names_every_entry_and_nothing_else(heading, names):
    assert column(heading) == names


@pytest.mark.parametrize("method", METHODS.values(), ids=lambda method: method.name)
def test_every_method_is_described_as_in_the_code_with_its_paper(method):
    row = next(line for line in README.splitlines() if line.startswith(f"| `{method.name}` |"))
    assert method.source in row and method.description in row


@pytest.mark.parametrize("step", STEP_FUNCTIONS.values(), ids=lambda step: step.name)
def test_every_target_is_given_with_formula_and_unit(step):
    row = next(line for line in README.splitlines() if line.startswith(f"| `{step.name}` |"))
    assert step.formula in row and step.unit in row


def test_every_tab_and_analysis_is_named():
    assert all(tab.title in README for tab in TABS.values())
    assert all(f"python -m spaces_app {name.replace('_', '-')}" in README for name in ANALYSES)


def test_the_space_header_names_the_gradio_that_is_tested():
    header = README.split("---")[1]
    assert re.search(r"sdk_version: (\S+)", header).group(1) == gradio.__version__
    assert "app_file: app.py" in header and "sdk: gradio" in header


def test_every_file_the_readme_points_to_exists():
    for target in re.findall(r"\]\(((?!http)[^)#]+)\)", README):
        assert (ROOT / target).exists(), target


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


def test_the_method_printed_in_the_readme_works_once_it_is_in_the_table(monkeypatch, tmp_path):
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
