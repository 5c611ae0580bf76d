"""Names that programs, pages and shells use go on working. The fixtures grow; no line of them is ever taken out."""

from __future__ import annotations

import argparse
import ast
import importlib
import json
import subprocess
import sys

import pytest
from support import ROOT

import seqscope
import spaces_app
from spaces_app.analyses import KINDS
from spaces_app.cli.main import build_parser
from spaces_app.export.snippets import python
from spaces_app.spec import Spec

FIXTURES = [
    json.loads(path.read_text(encoding="utf-8"))
    for path in sorted((ROOT / "tests" / "fixtures").glob("public-names-*.json"))
]
NAMES = [
    (module, name) for fixture in FIXTURES for module, names in fixture["modules"].items() for name in sorted(names)
]
FLAGS = [(command, flags) for fixture in FIXTURES for command, flags in fixture["commands"].items()]


@pytest.mark.parametrize(("module", "name"), NAMES)
def test_a_name_that_was_public_is_still_found(module, name):
    assert getattr(importlib.import_module(module), name) is not None


@pytest.mark.parametrize(("command", "flags"), FLAGS)
def test_every_command_takes_the_flags_it_took(command, flags):
    [commands] = [action for action in build_parser()._actions if isinstance(action, argparse._SubParsersAction)]
    found = {text for action in commands.choices[command]._actions for text in action.option_strings}
    assert found >= set(flags)


def test_seqscope_hands_on_what_the_application_calls_public():
    assert seqscope.__all__ == spaces_app.__all__
    assert all(getattr(seqscope, name) is getattr(spaces_app, name) for name in seqscope.__all__)
    assert set(seqscope.__all__) <= set(dir(seqscope))
    with pytest.raises(AttributeError, match="module 'seqscope' has no attribute 'Nothing'"):
        seqscope.Nothing  # noqa: B018


def test_every_analysis_has_its_spec_among_the_public_names():
    specs = {getattr(seqscope, name) for name in seqscope.__all__ if name.endswith("Spec")}
    assert specs == set(KINDS.values()) and len(specs) == 9 and all(issubclass(spec, Spec) for spec in specs)


def test_type_checkers_are_told_the_same_names_from_the_same_modules():
    tree = ast.parse((ROOT / "seqscope" / "__init__.py").read_text(encoding="utf-8"))
    told = {
        alias.name: node.module
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module != "typing"
        for alias in node.names
    }
    assert set(told) == set(seqscope.__all__)
    for name, module in told.items():
        assert module in ("spaces_app", spaces_app._WHERE.get(name)), name


@pytest.mark.parametrize("module", ["seqscope", "spaces_app"])
def test_importing_it_loads_neither_torch_nor_gradio(module):
    code = (
        f"import sys, {module}; {module}.AttributionSpec, {module}.METHODS, {module}.to_link, {module}.register;"
        "print(sorted({'torch', 'transformers', 'gradio', 'matplotlib', 'scipy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize("kind", KINDS.values(), ids=list(KINDS))
def test_the_program_that_is_copied_imports_from_the_public_module_and_older_copies_still_run(kind, monkeypatch):
    asked = []
    monkeypatch.setattr("seqscope.run", asked.append)
    monkeypatch.setattr("spaces_app.run", asked.append)
    spec = kind.from_text(NEEDED.get(kind.kind, {"prompt": "The keys"}))
    new = python(spec)
    older = new.replace(
        f"from seqscope import {kind.__name__}, run",
        f"from spaces_app import run\nfrom spaces_app.analyses.{kind.kind} import {kind.__name__}",
    )
    assert older != new
    exec(new, {})
    exec(older, {})
    assert asked == [spec, spec]


NEEDED = {
    "contrastive": {"prompt": "The keys", "contrast": " is"},
    "context_reliance": {"prompt": "So he went", "context": "James needed a croissant."},
    "knowledge": {"prompt": "The capital is", "true": " Paris", "false": " Berlin"},
}


def test_a_method_in_the_old_terms_is_a_method():
    from spaces_app.methods import AttributionRequest, AttributionScores, CostInputs, base

    assert (base.Ask, base.Answer, base.Load) == (AttributionRequest, AttributionScores, CostInputs)
