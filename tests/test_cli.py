"""The command line: one sub-command per analysis, one sentence per error."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from spaces_app.analyses import KINDS
from spaces_app.cli.main import main
from spaces_app.link import parse_query
from spaces_app.results import Result

ROOT = Path(__file__).parent.parent


@pytest.fixture(autouse=True)
def own_store(tmp_path, monkeypatch):
    monkeypatch.setenv("SEQSCOPE_STORE", str(tmp_path / "store"))


def test_a_table_a_link_and_a_document_come_out(tmp_path, capsys):
    path = tmp_path / "out.json"
    prompt = "The keys to the cabinet"
    assert main(["attribution", "--prompt", prompt, "--continuation", "are", "--json", str(path)]) == 0
    printed = capsys.readouterr().out
    document = json.loads(path.read_text())
    result = Result.from_dict(document, KINDS["attribution"])
    probability = result.arrays["step_scores"].select(step_function="probability").values[0]
    assert "cabinet" in printed and "probability" in printed and f"{probability:.3f}" in printed
    link = printed.split("Link: ")[1].strip()
    assert link == document["link"] and parse_query(link, KINDS)[0] == result.spec
    assert [token.text for token in result.tokens if token.segment == "generated"] == [" are"]


def test_every_option_of_the_spec_is_a_flag(capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["attribution", "--help"])
    text = capsys.readouterr().out
    assert stopped.value.code == 0
    for name, _, _ in KINDS["attribution"].options():
        assert "--" + name.replace("_", "-") in text


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (["--prompt", ""], "prompt: this is empty."),
        (["--prompt", "a", "--method", "magic"], "method: 'magic' is not one of saliency"),
        (["--prompt", "a", "--n-steps", "many"], "n_steps: 'many' does not fit."),
        (["--prompt", "a", "--model", "../x"], "model: "),
        (["--prompt", "a", "--model", "bundled/none"], "model: "),
        (["--prompt", "a\udcff"], "prompt: character 2 is half of a surrogate pair."),
        (["--prompt", "word " * 4000], "prompt: "),
        (["--prompt", "a", "--json", "/nonexistent/x.json"], "json: /nonexistent/x.json cannot be written"),
    ],
)
def test_an_error_is_one_sentence_on_stderr_and_status_2(flags, sentence, capsys):
    assert main(["attribution", *flags]) == 2
    error = capsys.readouterr().err
    assert error.startswith("seqscope: ") and sentence in error and error.count("\n") == 1 and "Traceback" not in error


def test_a_reader_that_has_seen_enough_ends_a_command_without_a_traceback(tmp_path):
    command = [sys.executable, "-m", "spaces_app", "open", "?analysis=attribution&prompt=x"]
    read, write = os.pipe()
    os.close(read)  # what `| head` does when it has seen enough
    environment = os.environ | {"SEQSCOPE_STORE": str(tmp_path)}
    done = subprocess.run(command, stdout=write, stderr=subprocess.PIPE, text=True, cwd=ROOT, env=environment)
    os.close(write)
    assert (done.returncode, done.stderr) == (141, "")


def test_a_misspelt_choice_names_the_nearest_one(capsys):
    assert main(["attribution", "--prompt", "x", "--method", "oclusion"]) == 2
    assert capsys.readouterr().err.rstrip().endswith("Did you mean 'occlusion'?")
