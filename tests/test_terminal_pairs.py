"""The terminal tables of results that compare, and the command line that prints them."""

from __future__ import annotations

import numpy as np
import pytest

from spaces_app.analyses.context_reliance.spec import flagged
from spaces_app.cli.main import main


@pytest.fixture(autouse=True)
def own_store(tmp_path, monkeypatch):
    monkeypatch.setenv("SEQSCOPE_STORE", str(tmp_path / "store"))
    monkeypatch.setenv("COLUMNS", "120")


def test_the_command_line_says_why_a_and_not_b(capsys):
    asked = ["--prompt", "The keys to the cabinet", "--continuation", "are", "--contrast", "is", "--method", "saliency"]
    assert main(["contrastive", *asked]) == 0
    printed = capsys.readouterr().out
    assert "A ' are'" in printed and "B ' is'" in printed and "log odds" in printed and "Link: ?s=" in printed
    assert "+6.06" in printed and "cab" not in printed.split("log odds")[0]
    assert main(["contrastive", "--prompt", "The keys", "--continuation", "are", "--contrast", "are"]) == 2
    assert "contrast: this is the output itself" in capsys.readouterr().err


def test_the_command_line_says_what_depends_on_the_context_and_on_which_part(capsys):
    asked = ["--context", "James needed a croissant. Mary was happy.", "--prompt", "So he went to the"]
    assert main(["context-reliance", *asked, "--method", "occlusion"]) == 0
    printed = capsys.readouterr().out
    line = next(line for line in printed.splitlines() if "bakery" in line and "0.990" in line)
    assert "library" in line  # what stands against it
    assert "without the context:  library." in printed and "James needed a croissant." in printed
    assert "No word of the answer depends" not in printed
    assert main(["context-reliance", "--prompt", "So he went to the"]) == 2
    assert "context: no context is given." in capsys.readouterr().err


def test_the_command_line_says_when_nothing_depends_on_the_context(capsys):
    asked = ["--context", "Mary needed a bandage.", "--prompt", "After lunch the curator took a taxi to the"]
    assert main(["context-reliance", *asked, "--method", "saliency", "--sentences", "off"]) == 0
    assert "No word of the answer depends on the context." in capsys.readouterr().out


def test_what_stands_out_is_inseqs_rule_above_a_floor():
    scores = np.array([0.31, 0.25, 0.55, 0.16, 0.43, 0.19, 0.13, 0.07, 0.37])
    assert flagged(scores, 1.0, 0.0).tolist() == [False, False, True, False, True, False, False, False, False]
    assert not flagged(scores, 1.0, 0.6).any()
    # Of two scores none is a deviation above the mean; Inseq would never flag any.
    assert flagged(np.array([2.0, 0.0]), 1.0, 0.1).tolist() == [True, False]
    assert flagged(np.array([2.0]), 1.0, 0.1).tolist() == [True]
    assert flagged(np.array([-2.0, 0.1, 0.2, 0.0]), 1.0, 0.1).tolist() == [True, False, False, False]


def test_markup_in_texts_is_printed_as_it_is(capsys):
    asked = ["--context", "[red]James[/red] needed it. Mary was happy.", "--prompt", "So he went to the"]
    assert main(["context-reliance", *asked, "--method", "saliency", "--continuation", "[b]bank[/b]"]) == 0
    printed = capsys.readouterr().out
    assert "[red]James[/red] needed it." in printed and "[" in [
        line.split()[0] for line in printed.splitlines() if line.split()
    ]
