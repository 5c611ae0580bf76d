"""Tables for the terminal of results whose figure is a grid: every row and column is there, whatever the width."""

from __future__ import annotations

import dataclasses

import pytest
from rich.console import Console

from spaces_app.analyses import KINDS
from spaces_app.figures.terminal.printing import print_result
from spaces_app.serving.runner import Runner
from spaces_app.settings import Settings


@pytest.fixture(scope="module")
def runner(tmp_path_factory):
    runner = Runner(dataclasses.replace(Settings(), store=str(tmp_path_factory.mktemp("store")), threads=1))
    yield runner
    runner.stop()


def printed(result, width: int) -> str:
    console = Console(width=width, record=True, file=open("/dev/null", "w", encoding="utf-8"), highlight=False)  # noqa: SIM115
    print_result(result, console)
    return console.export_text()


@pytest.mark.parametrize("width", [60, 140])
def test_a_map_of_knowledge_has_every_layer_twice(runner, width):
    spec = KINDS["knowledge"](prompt="The capital of France is", true="Paris", false="Rome", subject="France")
    text = printed(runner.run(spec), width)
    assert text.count("layer 3") == text.count("layer 0") == 2 * -(-5 // max(1, (width - 9) // 12))
    assert "against R" in text and "restored" in text


def test_similarities_have_a_matrix_for_each_measure(runner):
    text = printed(runner.run(KINDS["similarity"](prompt="Monday, Tuesday, Wednesday, Thursday,")), 120)
    assert all(name in text for name in ("CKA", "SVCCA", "PWCCA")) and text.count("1.000") >= 15


def test_neurons_are_named_with_their_cluster(runner):
    result = runner.run(KINDS["neurons"](prompt="Monday, Tuesday,", n_neurons=4, clusters=2, others="1, 2, 3,"))
    text = printed(result, 120)
    first = result.notes["neurons"][0]
    assert text.count(f"{first['layer']}:{first['index']} ({first['cluster']})") == 2 and "Text 2" in text
