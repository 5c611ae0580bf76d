"""The shape of the house: who may import whom, how large a thing may grow, and what no code may do."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "spaces_app"

# Lowest first. A module imports its own row and rows above it in this list (that is, lower layers), never below.
LAYERS = [
    {"errors", "settings"},
    {"spec", "link", "arrays", "tokens"},
    {"models", "engine", "training"},
    {"step_functions", "methods"},
    {"analyses", "aggregate"},
    {"truth"},
    {"limits", "plugins", "store", "worker", "lanes", "runner", "gallery", "dataset"},
    {"views", "export"},
    {"tabs"},
    {"ui", "readme", "commands", "__main__"},
]
OUTSIDE = {
    "torch": {"models", "engine", "training", "analyses", "worker", "methods", "truth"},
    "transformers": {"models", "engine", "training", "worker", "analyses"},
    "captum": {"methods", "engine", "analyses"},
    "gradio": {"ui"},
    "plotly": {"views", "export"},
    "components": {"tabs", "export", "ui"},
}
PYTHON = sorted([*PACKAGE.rglob("*.py"), *(ROOT / "components").rglob("*.py"), ROOT / "app.py"])


def layer(part: str) -> int:
    return next((i for i, row in enumerate(LAYERS) if part in row), len(LAYERS) - 1)


def part_of(path: Path) -> str:
    names = path.relative_to(PACKAGE).parts
    return Path(names[0]).stem


def imports(path: Path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_imports_only_its_own_layer_and_lower_ones(path):
    part = part_of(path)
    if part == "__init__":
        return  # the public names are looked up lazily, by string
    for name in imports(path):
        head, *rest = name.split(".")
        if head == "spaces_app" and rest:
            assert layer(rest[0]) <= layer(part), f"{part} must not import {name}"
        if head in OUTSIDE:
            assert part in OUTSIDE[head], f"{part} must not import {name}"


def test_components_know_gradio_and_nothing_of_ours():
    for path in (ROOT / "components").rglob("*.py"):
        for name in imports(path):
            assert name.split(".")[0] != "spaces_app", f"{path} imports {name}"


def test_every_module_stands_in_the_table_of_layers():
    known = set().union(*LAYERS) | {"__init__", "bundled"}
    assert {part_of(path) for path in PACKAGE.rglob("*.py")} <= known


@pytest.mark.parametrize("path", PYTHON, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_file_function_or_signature_outgrows_its_bound(path):
    text = path.read_text(encoding="utf-8")
    assert text.count("\n") <= 300, f"{path.name} is longer than 300 lines"
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno - node.lineno + 1 <= 60, f"{node.name} is longer than 60 lines"
            names = [a.arg for a in [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]]
            counted = [name for name in names if name not in {"self", "cls"}]
            assert len(counted) <= 8, f"{node.name} has {len(counted)} parameters"


SCRIPTS = sorted(
    path
    for folder in (ROOT / "components", PACKAGE / "ui")
    for path in folder.rglob("*")
    if path.suffix in {".js", ".ts", ".css"}
)


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_script_or_style_outgrows_its_bound_or_leaves_its_types_out(path):
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 300, f"{path.name} is longer than 300 lines"
    assert not re.search(r"@ts-nocheck|@ts-ignore|@ts-expect-error", text), "types are not switched off"
    assert not re.search(r"\{any\}|<any>|: any\b|, any>", text), "a type says what a thing is"
    alike = [other for other in path.parent.iterdir() if other.suffix == path.suffix]
    assert len(alike) <= 15, f"{path.parent.name} holds {len(alike)} files of a kind"


FORBIDDEN = {
    r"\binnerHTML\b|insertAdjacentHTML|document\.write\b": "strangers' text reaches the page by textContent",
    r"trust_remote_code\s*=\s*True|use_safetensors\s*=\s*False": "loading a model never runs its code",
    r"\brequires_grad_\(True\)|\.backward\(\)|\.train\(\)": "the model is the same after every analysis",
    r"\bset_input_embeddings\b|\bfunctional_call\b": "modules are never swapped",
    r"\bTODO\b|\bFIXME\b|NotImplementedError": "nothing is left half done",
}
SOURCES = [
    p for folder in ("spaces_app", "components") for p in (ROOT / folder).rglob("*") if p.suffix in {".py", ".js"}
]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_code_does_what_is_forbidden(path):
    training = "training" in path.parts  # making a model is the one place where parameters do learn
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        for pattern, reason in FORBIDDEN.items():
            if training and "backward" in pattern:
                continue
            assert not re.search(pattern, line), f"{path.name}:{number}: {reason}: {line.strip()}"


@pytest.mark.parametrize(
    "module",
    [
        "spaces_app",
        "spaces_app.runner",
        "spaces_app.gallery",
        "spaces_app.__main__",
        "spaces_app.ui.app",
        "spaces_app.tabs",
    ],
)
def test_importing_what_the_page_needs_does_not_import_torch(module):
    code = f"import sys, {module}; print(sorted({{'torch', 'transformers', 'captum'}} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.strip() == "[]"
