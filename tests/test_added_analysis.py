"""CONTRIBUTING's promise, kept: an analysis with a figure of its own is its files and two lines, and is everywhere."""

from __future__ import annotations

import filecmp
import json
import math
import os
import subprocess
import sys

import pytest
from added_analysis import ASKED, HERE, LINES, ROOT, copied

CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    return copied(tmp_path_factory.mktemp("house"))


@pytest.fixture(scope="module")
def found(house):
    """What one process, started in the copy, finds of the new analysis."""
    environment = os.environ | {
        "PYTHONPATH": str(house), "SEQSCOPE_STORE": str(house / "store"), "GRADIO_ANALYTICS_ENABLED": "False",
    }  # fmt: skip
    command = [sys.executable, str(HERE / "added_analysis.py"), str(house)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=house, env=environment)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads((house / "found.json").read_text(encoding="utf-8"))


def test_nothing_but_the_two_lines_that_contributing_names_is_changed(house):
    changed, added = [], set()
    for name in ("spaces_app", "components"):
        for path in (house / name).rglob("*"):
            own = str(path.relative_to(house))
            if path.is_file() and path.suffix in {".py", ".js", ".css"}:
                if not (ROOT / own).exists():
                    added.add(own)
                elif not filecmp.cmp(path, ROOT / own, shallow=False):
                    changed.append(own)
    assert sorted(changed) == sorted(LINES)
    assert all("surprisal" in name for name in added)
    row = next(line for line in CONTRIBUTING.splitlines() if line.startswith("| an analysis |"))
    assert all(f"`{name.removeprefix('spaces_app/')}`" in row for name in LINES)


def test_the_command_line_prints_its_table_and_writes_everything(found):
    assert found["status"] == 0
    lines = found["printed"].splitlines()
    assert lines[0].split() == ["written", "bits"] and lines[1].split()[0] == "are"
    numbers = found["json"]["arrays"]["surprisal"]["values"]
    assert [line.split()[1] for line in lines[1 : 1 + len(numbers)]] == [f"{number:.2f}" for number in numbers]
    assert f"Link: {found['json']['link']}" in lines


def test_its_numbers_are_the_models(found):
    """The same from transformers alone: bits are minus the binary logarithm of the probability."""
    import torch
    from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast

    folder = ROOT / "spaces_app/bundled/tiny-causal"
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    tokenizer = PreTrainedTokenizerFast.from_pretrained(folder)
    prompt, written = found["json"]["tokens"], found["json"]["spec"]["continuation_ids"]
    ids = [token["id"] for token in prompt if token["segment"] == "prompt"]
    assert tokenizer.decode(written) == ASKED["continuation"]
    with torch.no_grad():
        logs = model(torch.tensor([ids + written])).logits[0].double().log_softmax(-1)
    expected = [-logs[len(ids) + k - 1, token].item() / math.log(2) for k, token in enumerate(written)]
    assert found["json"]["arrays"]["surprisal"]["values"] == pytest.approx(expected, rel=1e-4, abs=1e-5)


def test_its_files_are_offered_and_what_it_lacks_is_a_sentence(found):
    assert found["offered"] == ["html", "csv", "json"]
    assert "Seqscope.surprisal.mount(" in found["html"] and "<td> are</td>" in found["html"]
    assert found["csv"].splitlines()[0] == "array,axis_1,label_1,value,unit"
    expected = "the surprisal figure has no still picture. Bars have no still form yet. Save it as HTML."
    assert found["no_picture"] == expected
    assert found["no_comparison"] == "surprisal results cannot be compared."


def test_a_notebook_shows_its_figure(found):
    assert "seqscope-surprisal" in found["notebook"]["text/html"]
    assert found["notebook"]["text/plain"].startswith("<surprisal of bundled/tiny-causal: ' are on the table.'")


def test_it_is_shared_and_cited_like_any_other(found):
    texts = found["snippets"]
    assert texts["command"].startswith("python -m spaces_app surprisal ")
    assert "from spaces_app.analyses.surprisal import SurprisalSpec" in texts["python"]
    assert "https://aclanthology.org/N01-1021" in texts["bibtex"] and texts["link"].endswith(found["json"]["link"])


def test_the_overview_of_examples_takes_it(found):
    (tab,) = found["overview"]
    assert tab["title"] == "Surprisal" and tab["question"] == "How surprising was each word?"
    assert [item["name"] for item in tab["items"]] == ["one"]


def test_the_page_has_a_tab_for_it_and_opens_its_link_there(found):
    assert "Surprisal" in found["titles"] and "Unit" in found["titles"] and "surprisal" in found["page"]
    assert found["selected"] == ["surprisal"]
    (value,) = found["drawn"]
    assert value["values"] == pytest.approx(found["json"]["arrays"]["surprisal"]["values"], rel=1e-6)
    assert any(badge["text"] == "from the store" for badge in value["badges"])


def test_its_link_is_a_figure_to_embed(found):
    assert 'class="seqscope-surprisal seqscope-figure"' in found["embedded"] and "Open in Seqscope" in found["embedded"]


def test_the_api_answers_it(found):
    bits, nats = (answer["arrays"]["surprisal"]["values"] for answer in (found["json"], found["api"]))
    assert [number * math.log(2) for number in bits] == pytest.approx(nats, rel=1e-5)
    assert found["api"]["arrays"]["surprisal"]["unit"] == "nats" and found["api"]["link"].startswith("?s=")
