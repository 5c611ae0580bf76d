"""Components as packages: what importing them costs, the names they give, the demo of each."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
NAMES = {
    "context_reliance": "ContextReliance",
    "contrastive": "ContrastMap",
    "layer_grid": "LayerGrid",
    "neuron_factors": "NeuronFactors",
    "token_heatmap": "TokenHeatmap",
}


def test_every_folder_of_a_component_is_in_this_list():
    folders = {path.parent.name for path in (ROOT / "components").glob("*/component.py")}
    assert folders - {"figure"} == NAMES.keys()


def test_importing_components_does_not_import_gradio_before_a_class_is_used():
    modules = ", ".join(f"components.{name}.assets" for name in NAMES)
    code = f"""
import sys, {modules}, components.figure.demo
import components.layer_grid as package
print("gradio" in sys.modules, bool(package.LayerGrid), "gradio" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.split() == ["False", "True", "True"]


@pytest.mark.parametrize("name", NAMES)
def test_a_package_gives_its_class_and_no_other_name(name):
    package = importlib.import_module(f"components.{name}")
    assert getattr(package, NAMES[name]).__name__ == NAMES[name]
    assert (
        importlib.import_module(f"components.{name}.component").ASSETS.name == NAMES[name][0].lower() + NAMES[name][1:]
    )
    with pytest.raises(AttributeError, match="has no attribute 'Nothing'"):
        package.Nothing  # noqa: B018


@pytest.mark.parametrize("name", NAMES)
def test_a_demo_is_a_page_with_its_component(name):
    demo = importlib.import_module(f"components.{name}.demo").build()
    kinds = [type(block).__name__ for block in demo.blocks.values()]
    assert kinds.count(NAMES[name]) == 1
