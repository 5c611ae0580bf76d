"""What is to be installed is said in pyproject.toml; requirements.txt says the same, and nothing that is not used."""

from __future__ import annotations

import ast
import functools
import importlib
import importlib.metadata
import re
import sys

import pytest
from support import ROOT

tomllib = importlib.import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
SPACE = ("mcp", "captum", "plotly")  # the extras that a Space installs
# What no line of ours imports, and why it is named all the same.
NOT_IMPORTED = {
    "sentencepiece": "transformers reads many tokenizers with it",
    "captum": "named by the project's card",
    "plotly": "named by the project's card",
}
# What is imported beside, and what requires it.
COMES_WITH = {"brotli": "gradio", "fontTools": "matplotlib", "starlette": "gradio"}
IMPORTED_AS = {"scikit-learn": "sklearn"}
ONLY_ON_A_SPACE = {"spaces"}


def listed(name: str) -> list[str]:
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def named(requirement: str) -> str:
    return re.match(r"[\w.-]+", requirement).group()


@functools.cache
def shipped_imports() -> set[str]:
    """First names of all modules that shipped code imports, wherever the line stands."""
    found = set()
    for folder in ("spaces_app", "components", "seqscope"):
        for path in (ROOT / folder).rglob("*.py"):
            if path.parts[len(ROOT.parts) + 1] in ("training", "truth", "maintenance"):
                continue
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Import):
                    found |= {alias.name.split(".")[0] for alias in node.names}
                elif isinstance(node, ast.ImportFrom) and not node.level:
                    found.add(node.module.split(".")[0])
    return found - set(sys.stdlib_module_names) - {"spaces_app", "seqscope"}


def test_requirements_are_the_dependencies_and_the_extras_of_a_space():
    expected = {named(line): line for line in PROJECT["dependencies"]}
    for extra in SPACE:  # gradio[mcp] stands for gradio
        expected |= {named(line): line for line in EXTRAS[extra]}
    assert sorted(listed("requirements.txt")) == sorted(expected.values())
    assert sorted(listed("tests/requirements.txt")) == sorted(EXTRAS["dev"])


def test_what_an_extra_adds_to_has_the_same_bounds():
    [base] = [line for line in PROJECT["dependencies"] if named(line) == "gradio"]
    assert EXTRAS["mcp"] == [base.replace("gradio", "gradio[mcp]")]


def test_torch_is_admitted_up_to_2_13_0_and_no_newer():
    [line] = [line for line in PROJECT["dependencies"] if named(line) == "torch"]
    assert line.endswith("<=2.13.0") and line in listed("requirements.txt")


@pytest.mark.parametrize("name", sorted(map(named, listed("requirements.txt"))))
def test_what_is_required_is_imported_or_has_a_reason(name):
    used = IMPORTED_AS.get(name, name) in shipped_imports()
    assert used != (name in NOT_IMPORTED), NOT_IMPORTED.get(name, "nothing imports it")


def test_what_is_imported_is_required():
    required = {IMPORTED_AS.get(named(line), named(line)) for line in PROJECT["dependencies"]}
    assert shipped_imports() - required == ONLY_ON_A_SPACE | set(COMES_WITH)
    for name, parent in COMES_WITH.items():
        assert any(named(line) == name.lower() for line in importlib.metadata.requires(parent)), (
            f"{parent} needs no {name}"
        )
