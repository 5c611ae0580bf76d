"""A user's own method and step function: ten lines of Python, and they are everywhere."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import spaces_app
from spaces_app.analyses import ANALYSES
from spaces_app.analyses.attribution.spec import AttributionSpec
from spaces_app.errors import SpecError
from spaces_app.methods import METHODS
from spaces_app.serving import plugins
from spaces_app.serving.runner import Runner
from spaces_app.settings import Settings
from spaces_app.step_functions import STEP_FUNCTIONS, StepFunction

ROOT = Path(__file__).parent.parent
TEN_LINES = """
from spaces_app import Method, StepFunction, register
from spaces_app.methods import Answer

def lead(logits, targets):
    return logits.gather(-1, targets.expand(logits.shape[:-1])[..., None])[..., 0] - logits.mean(-1)

register(StepFunction("lead", "Lead", "logit", "z(y) − mean z", "https://example.org", lead))
def nearest(run, ask):
    return Answer(run.collect([(slice(None), run.before().cumsum(-1).float())]))

register(Method(name="nearest", label="Nearest", family="attention", description="How near each token is.",
                source="https://example.org", signed=False, complete=False, options=(), attribute=nearest,
                cost=lambda inputs: inputs.forward))
"""


@pytest.fixture
def own_file(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(TEN_LINES, encoding="utf-8")
    return path


@pytest.fixture
def tables():
    """Puts the tables back as they were."""
    kept = dict(METHODS), dict(STEP_FUNCTIONS), set(plugins._registered), set(plugins._loaded)
    yield
    for table, before in zip((METHODS, STEP_FUNCTIONS, plugins._registered, plugins._loaded), kept, strict=True):
        table.clear()
        table.update(before)


def test_the_command_line_knows_what_a_users_file_registers(own_file, tmp_path):
    assert len([line for line in TEN_LINES.splitlines() if line]) <= 11  # two records
    path = tmp_path / "out.json"
    env = os.environ | {"SEQSCOPE_PLUGINS": str(own_file), "SEQSCOPE_STORE": str(tmp_path / "store")}
    command = [sys.executable, "-m", "spaces_app", "attribution"]
    asked = ["--prompt", "The keys to the", "--max-new-tokens", "3", "--method", "nearest", "--step-scores", "lead"]
    for lane in ("thread", "process"):
        done = subprocess.run(
            [*command, *asked, "--json", str(path)],
            capture_output=True,
            text=True,
            cwd=ROOT,
            env=env | {"SEQSCOPE_LANE": lane},
        )
        assert done.returncode == 0, done.stderr
        document = json.loads(path.read_text())
        column = [row[0] for row in document["arrays"]["attributions"]["values"] if row[0] is not None]
        assert column == [float(i + 1) for i in range(len(column))]
        scores = document["arrays"]["step_scores"]
        assert scores["labels"]["step_function"][-1] == "lead" and min(scores["values"][-1]) > 0
    shown = subprocess.run([*command, "--help"], capture_output=True, text=True, cwd=ROOT, env=env, check=True).stdout
    assert "nearest" in shown and "lead" in shown


def test_api_and_form_offer_what_a_users_file_registers(own_file, tables, tmp_path):
    from spaces_app.ui.app import build_app
    from spaces_app.ui.server.listeners import Listeners

    settings = Settings(plugins=str(own_file), store=str(tmp_path))
    demo = build_app(settings, Runner(settings), Listeners())
    offered = json.dumps(demo.config["components"], default=str)
    assert '"nearest"' in offered and '"lead"' in offered
    schema = json.dumps(demo.get_api_info(), default=str)
    assert "nearest" in schema and "lead" in schema


def test_registering_by_hand_makes_an_option_of_every_spec(tables):
    record = StepFunction("mine", "Mine", "logit", "z", "https://example.org", lambda logits, targets: logits[..., 0])
    assert spaces_app.register(record) is record
    assert AttributionSpec(prompt="a", step_function="mine").step_function == "mine"
    assert plugins.own(AttributionSpec(step_scores="entropy, mine")) and not plugins.own(AttributionSpec())


def test_an_answer_with_own_code_is_computed_anew_each_time(tables, tmp_path, monkeypatch):
    runner = Runner(Settings(store=str(tmp_path)))
    calls = []

    def compute(spec, lm, tick, settings):
        calls.append(spec)
        return real(spec, lm, tick, settings)

    real = ANALYSES["attribution"].compute
    monkeypatch.setitem(ANALYSES, "attribution", _with(ANALYSES["attribution"], compute))
    spaces_app.register(StepFunction("own", "Own", "logit", "z", "https://example.org", lambda z, y: z[..., 0]))
    for spec in (AttributionSpec(prompt="The", max_new_tokens=2, step_function="own"),) * 2:
        runner.run(spec)
    assert len(calls) == 2
    for spec in (AttributionSpec(prompt="The", max_new_tokens=2),) * 2:
        runner.run(spec)
    assert len(calls) == 3
    runner.stop()


def _with(analysis, compute):
    import dataclasses

    return dataclasses.replace(analysis, compute=compute)


@pytest.mark.parametrize(
    ("record", "sentence"),
    [
        (METHODS["saliency"], "there is a method 'saliency' already"),
        (STEP_FUNCTIONS["logit"], "there is a step function 'logit' already"),
        (StepFunction("Bad name", "", "", "", "", len), "'Bad name' is no name for a step function"),
        (StepFunction("a,b", "", "", "", "", len), "'a,b' is no name"),
        (StepFunction("fine", "", "", "", "", len, options=("wrong",)), "'wrong' is not an option"),
        (len, "neither a Method nor a StepFunction"),
    ],
)
def test_what_cannot_be_registered_is_refused_in_one_sentence(record, sentence, tables):
    with pytest.raises(SpecError, match=sentence):
        spaces_app.register(record)
    assert "fine" not in STEP_FUNCTIONS


@pytest.mark.parametrize(
    ("text", "sentence"),
    [(None, "cannot be loaded: FileNotFoundError"), ("1 / 0", "ZeroDivisionError"), ("def", "SyntaxError")],
)
def test_a_file_that_cannot_be_loaded_is_one_sentence(tmp_path, text, sentence, tables, capsys, monkeypatch):
    from spaces_app.cli.main import main

    path = tmp_path / "broken.py"
    if text is not None:
        path.write_text(text, encoding="utf-8")
    monkeypatch.setenv("SEQSCOPE_PLUGINS", str(path))
    assert main(["attribution", "--prompt", "a"]) == 2
    error = capsys.readouterr().err
    assert sentence in error and error.startswith("seqscope: SEQSCOPE_PLUGINS: ") and error.count("\n") == 1


def test_a_file_is_loaded_once_and_starts_no_torch(own_file):
    code = (
        "import sys; from spaces_app.serving import plugins;"
        f"plugins.load({str(own_file)!r}); plugins.load({str(own_file)!r});"
        "from spaces_app.methods import METHODS; print('nearest' in METHODS, 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.split() == ["True", "False"]
