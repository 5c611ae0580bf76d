"""A method with an option of its own is one file and one line, or one plug-in; so is a step function a file and a line.

Both are tried on a copy of the package and by SEQSCOPE_PLUGINS: the same file, the same promises.
"""

from __future__ import annotations

import difflib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from spaces_app.errors import SpecError
from spaces_app.methods import METHODS, AttributionRequest, CostInputs, Method
from spaces_app.methods.options import SHARED
from spaces_app.serving import plugins
from spaces_app.spec import option

ROOT = Path(__file__).parent.parent
# Scores can be told beforehand: the input at place i scores (i + 1) · stretch.
METHOD_FILE = """
from spaces_app.methods.base import AttributionRequest, AttributionScores, CostInputs, Method
from spaces_app.spec import option


def stretched(run, request: AttributionRequest) -> AttributionScores:
    near = run.collect([(slice(None), run.before().cumsum(-1).float())])
    sign = {"up": 1, "down": -1}[request.own["direction"]]
    return AttributionScores(near * request.own["stretch"] * sign)


def cost(inputs: CostInputs) -> float:
    return inputs.own["stretch"] * inputs.forward


STRETCHED = Method(
    name="stretched", label="Stretched", family="toy", description="How far to the right a token is, many times.",
    source="https://example.org", signed=True, complete=False, options=("step_function",), attribute=stretched,
    cost=cost,
    own={
        "stretch": option(3, "How often the text is gone over.", label="Turns", low=1, high=900, rounds=True),
        "direction": option("up", "Whether scores rise or fall.", choices=lambda: ("up", "down")),
    },
)
"""
STEP_FILE = """
from spaces_app.step_functions.base import StepFunction

LEAST = StepFunction("least", "Least", "logit", "min z", "https://example.org", lambda logits, targets: logits.amin(-1))
"""
# What a visitor, a script and a server see of it, as one JSON document on stdout.
LOOK = """
import contextlib, io, json, sys
from types import SimpleNamespace
import spaces_app
from spaces_app.cli.main import main
from spaces_app.serving import plugins
from spaces_app.settings import Settings

settings = Settings.from_env()
plugins.load(settings.plugins)

from spaces_app.analyses import ANALYSES, KINDS
from spaces_app.costs import limits
from spaces_app.costs.model import of_method
from spaces_app.costs.token_counts import TokenCounts, cost_inputs
from spaces_app.costs.model import Speed
from spaces_app.errors import AppError
from spaces_app.export.snippets import command, python
from spaces_app.link import encode, parse_query, readable, to_link
from spaces_app.serving.runner import Runner

found = {"from": spaces_app.__file__}
own = {"stretch": 4, "direction": "down"}
TEXT = {"prompt": "The keys to the", "max_new_tokens": 3}
QUESTIONS = {
    "attribution": {"method": "stretched"},
    "comparison": {"methods": "saliency,stretched"},
    "contrastive": {"method": "stretched"},
    "context_reliance": {"method": "stretched", "context": "The dogs bark."},
}
specs = {kind: KINDS[kind].from_dict(TEXT | asked | own) for kind, asked in QUESTIONS.items()}


def sentence(ask):
    try:
        return ask() and ""
    except AppError as error:
        return str(error)


def shell(*words):
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            status = main(list(words))
        except SystemExit as stopped:
            status = stopped.code
    return {"status": status, "out": out.getvalue(), "err": err.getvalue()}


found["links"] = {
    kind: [parse_query(text, KINDS)[0] == spec for text in (to_link(spec), "?" + readable(spec))]
    for kind, spec in specs.items()
}
found["canonical"] = json.loads(specs["attribution"].canonical())
one = specs["attribution"]
found["digests"] = [
    spec.digest() for spec in (one, one.replace(stretch=5), one.replace(direction="up"), one.replace(stretch=4))
]
found["without"] = [one.replace(method="saliency").canonical(), KINDS["attribution"](**TEXT).canonical()]
found["default"] = KINDS["attribution"].from_dict(TEXT | {"method": "stretched"}).own
hostile = {"text": "9", "large": 10**11, "part": 1.5, "list": [1], "nothing": None, "true": True, "far": 901}
found["hostile"] = {}
for name, value in hostile.items():
    data = one.to_dict() | {"stretch": value}
    forged = type("Forged", (), {"canonical": lambda self, data=data: json.dumps(data), "digest": one.digest})()
    found["hostile"][name] = sentence(lambda: parse_query("s=" + encode(forged), KINDS))
found["misspelt"] = sentence(lambda: KINDS["attribution"].from_dict(TEXT | {"method": "stretched", "strech": 3}))
found["misplaced"] = sentence(lambda: KINDS["attribution"].from_dict(TEXT | {"stretch": 3}))
found["choice"] = sentence(lambda: one.replace(direction="left"))

asked = ("attribution", "--prompt", TEXT["prompt"], "--max-new-tokens", "3")
found["help"] = shell("attribution", "--help")
found["refused"] = shell(*asked, "--method", "stretched", "--stretch", "0")
found["other"] = shell(*asked, "--stretch", "3")
found["done"] = shell(*asked, "--method", "stretched", "--stretch", "3", "--step-scores", "%(step)s")

runner = Runner(settings)
results = {kind: runner.run(spec) for kind, spec in specs.items()}
array = {"contrastive": "difference"}
maps = {kind: result.arrays[array.get(kind, "attributions")] for kind, result in results.items()}
maps["comparison"] = maps["comparison"].select(method="stretched")
found["maps"] = {kind: [x for x in scores.values[:, 0].tolist() if x == x] for kind, scores in maps.items()}
found["kept"] = {kind: result.spec.own for kind, result in results.items()}
found["steps"] = list(runner.run(one.replace(step_scores="%(step)s")).arrays["step_scores"].axes["step_function"])
scope = {}
exec(python(one).split("result =")[0], scope)
found["python"] = scope["spec"] == one
found["command"] = command(one)

facts = SimpleNamespace(n_params=14_000_000, d_vocab=8000, d_model=384, n_layers=6)
size = TokenCounts(0, 12, 20)
inputs = [cost_inputs(one.replace(stretch=count), facts, size) for count in (4, 8)]
terms = [of_method("stretched", item).terms[0] for item in inputs]
found["cost"] = [terms[1].operations / terms[0].operations, terms[0].rounds, terms[1].rounds]
speed = Speed(call=0.01, operations=1e9)
allowed = Settings(max_seconds=60)
found["too_large"], found["seconds"] = {}, {}
for kind in ("attribution", "comparison", "context_reliance"):
    large = specs[kind].replace(stretch=900)
    hint = sentence(lambda: limits.check(ANALYSES[kind], large, facts, size, allowed, speed=speed))
    found["too_large"][kind] = hint
    most = int(hint.split("at most ")[1].split()[0])
    found["seconds"][kind] = [
        limits.predicted_seconds(ANALYSES[kind], large.replace(stretch=count), facts, size, speed=speed)
        for count in (most, most + 1)
    ]

from spaces_app.tabs import TABS
from spaces_app.ui.server.api import endpoint
from spaces_app.ui.app import build_app
from spaces_app.ui.server.listeners import Listeners
from spaces_app.ui.page.form import Form

demo = build_app(settings, runner, Listeners())
found["controls"] = [
    {name: item["props"].get(name) for name in ("elem_id", "minimum", "maximum", "value", "label", "info", "visible")}
    for item in demo.config["components"]
    if str(item["props"].get("elem_id", "")).endswith(("-stretch", "-direction"))
]
found["api"] = {
    name: [p for p in route["parameters"] if p["parameter_name"] in own]
    for name, route in demo.get_api_info()["named_endpoints"].items()
}
import gradio as gr

tab = TABS["attribution"]
with gr.Blocks():
    form = Form(tab, settings, KINDS["attribution"]())
    for group in ("main", "contrast", "method", "generation"):
        for name in form.group(group):
            form.add(name)
    form.switch()
saliency, stretched = form.shows(one.replace(method="saliency")), form.shows(one)
found["shown"] = {
    method: form.state(one.replace(method=method))[form.controls["stretch"]]["visible"]
    for method in ("saliency", "stretched")
}
place = form.names.index("stretch")
saliency[place] = 7  # the hidden control keeps what it held
found["form"] = [form.spec(stretched) == one, form.spec(saliency) == one.replace(method="saliency")]
call = endpoint(ANALYSES["attribution"], runner, Listeners())
found["called"] = [
    call(**TEXT, method="saliency", stretch=7)["spec"].get("stretch"),
    call(**TEXT, method="stretched", stretch=7)["spec"].get("stretch"),
]
runner.stop()
json.dump(found, sys.__stdout__)
"""


@pytest.fixture(scope="module", params=["in the package", "as a plug-in"])
def found(request, tmp_path_factory) -> dict:
    """What is seen of the method, and of the step function in the package."""
    folder = tmp_path_factory.mktemp("house")
    env = {"SEQSCOPE_STORE": str(folder / "store"), "SEQSCOPE_PLUGINS": "", "PYTHONPATH": str(ROOT)}
    step = "entropy"
    if request.param == "in the package":
        where = _copied(folder / "copy")
        env["PYTHONPATH"], step = str(where), "least"
        (where / "spaces_app/methods/stretched.py").write_text(METHOD_FILE, encoding="utf-8")
        _one_line(where / "spaces_app/methods/__init__.py", after='    "relevance",\n', line='    "stretched",\n')
        (where / "spaces_app/step_functions/least.py").write_text(STEP_FILE, encoding="utf-8")
        table = where / "spaces_app/step_functions/__init__.py"
        _one_line(table, after='    "contrastive",\n', line='    "least",\n')
    else:
        path = folder / "mine.py"
        path.write_text(METHOD_FILE + "\nfrom spaces_app import register\nregister(STRETCHED)\n", encoding="utf-8")
        where, env["SEQSCOPE_PLUGINS"] = folder, str(path)
    code = LOOK.replace("%(step)s", step)
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=where, env=os.environ | env, check=False
    )
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout[done.stdout.index("{") :])
    assert Path(seen["from"]).is_relative_to(where if request.param == "in the package" else ROOT)
    return seen | {"step": step}


def _copied(where: Path) -> Path:
    """The package as it is, with its weights and stored answers where they are."""
    where.mkdir()
    for name in ("spaces_app", "components", "seqscope"):
        ignored = shutil.ignore_patterns("__pycache__", "bundled")
        shutil.copytree(ROOT / name, where / name, ignore=ignored)
    (where / "spaces_app/bundled").symlink_to(ROOT / "spaces_app/bundled")
    shutil.copy(ROOT / "app.py", where)
    return where


def _one_line(path: Path, *, after: str, line: str) -> None:
    before = path.read_text(encoding="utf-8")
    assert before.count(after) == 1
    path.write_text(before.replace(after, after + line), encoding="utf-8")
    changed = difflib.unified_diff(before.splitlines(), path.read_text(encoding="utf-8").splitlines(), n=0)
    assert [row for row in changed if row[0] in "+-" and row[:3] not in ("+++", "---")] == ["+" + line.rstrip()]


def test_its_value_is_part_of_the_question_and_of_its_link(found):
    assert all(all(both) for both in found["links"].values()) and len(found["links"]) == 4
    assert found["canonical"]["stretch"] == 4 and found["canonical"]["direction"] == "down"
    assert found["default"] == {"stretch": 3, "direction": "up"}  # spelled out, whatever becomes of the default
    one, other, third, same = found["digests"]
    assert len({one, other, third}) == 3 and one == same


def test_a_question_to_another_method_is_written_as_before(found):
    changed, plain = found["without"]
    assert changed == plain and "stretch" not in plain


def test_values_from_a_link_are_checked_like_those_of_any_option(found):
    said = found["hostile"]
    assert said["text"] == "stretch: '9' is not a number."
    assert said["large"] == "stretch: 100000000000 is outside 1 to 900."
    assert said["far"] == "stretch: 901 is outside 1 to 900."
    assert said["part"] == "stretch: 1.5 is not a whole number."
    assert all(said[name].startswith("stretch: ") for name in ("list", "nothing", "true"))
    assert found["misspelt"] == "'strech' is not an option of attribution. Did you mean 'stretch'?"
    assert found["misplaced"] == "stretch: Saliency does not have this option. Choose Stretched, or leave it out."
    assert found["choice"] == "direction: 'left' is not one of up, down."


def test_the_command_line_has_a_flag_for_it(found):
    told = " ".join(found["help"]["out"].split())
    assert "--stretch INT How often the text is gone over. Default: 3." in told
    assert "--direction STR Whether scores rise or fall. Default: up. One of up, down." in told
    assert found["refused"]["status"] == 2
    assert found["refused"]["err"] == "seqscope: stretch: 0 is outside 1 to 900.\n"
    assert found["other"]["status"] == 2 and "Saliency does not have this option" in found["other"]["err"]
    assert found["done"]["status"] == 0 and "Link: ?s=" in found["done"]["out"]
    assert found["command"].endswith("--method=stretched --max-new-tokens=3 --stretch=4 --direction=down")
    assert found["python"]  # the copied program asks the same


def test_the_method_reads_it_in_every_analysis_that_uses_methods(found):
    for kind, scores in found["maps"].items():
        assert scores == [-4.0 * (place + 1) for place in range(len(scores))] and scores, kind
        assert found["kept"][kind] == {"stretch": 4, "direction": "down"}
    assert set(found["maps"]) == {"attribution", "comparison", "contrastive", "context_reliance"}


def test_cost_and_limits_follow_from_it(found):
    assert found["cost"] == [2.0, 4, 8]
    for kind, said in found["too_large"].items():
        assert said.startswith("this would take about") and " turns" in said
        fits, exceeds = found["seconds"][kind]
        assert fits <= 60 < exceeds, kind


def test_the_page_has_a_control_for_it_that_is_there_with_its_method(found):
    controls = {control["elem_id"]: control for control in found["controls"]}
    for tab in ("attribution", "contrastive", "context_reliance"):
        slider, choice = controls[f"{tab}-stretch"], controls[f"{tab}-direction"]
        assert (slider["minimum"], slider["maximum"], slider["value"]) == (1, 900, 3)
        assert (slider["label"], slider["info"]) == ("Turns", "How often the text is gone over.")
        assert slider["visible"] is choice["visible"] is False and choice["value"] == "up"
    assert found["shown"] == {"saliency": False, "stretched": True}
    assert found["form"] == [True, True]


def test_api_and_tools_have_a_parameter_for_it(found):
    for name in ("/attribution", "/comparison", "/contrastive", "/context_reliance"):
        stretch, direction = found["api"][name]
        assert stretch["parameter_default"] == 3 and stretch["type"]["type"] == "integer"
        assert direction["parameter_default"] == "up" and direction["type"]["enum"] == ["up", "down"]
    assert found["api"]["/layers"] == []
    assert found["called"] == [None, 7]  # every caller sends all parameters; those of other methods are left out


def test_a_step_function_is_one_file_and_one_line(found):
    assert found["step"] in found["steps"] and found["done"]["status"] == 0


def test_what_methods_share_is_declared_once_and_reaches_request_and_cost():
    shared = {"aggregation", "baseline", "n_steps", "n_samples", "noise", "layer", "head", "combine", "window"}
    assert set(SHARED) == shared | {"removal"}
    request = AttributionRequest(None, None, n_steps=7, own={"stretch": 2})
    inputs = CostInputs(None, 0, 3, 2, n_steps=7, own={"stretch": 2})
    assert [request.n_steps, inputs.n_steps, request.n_samples, inputs.n_samples] == [7, 7, 50, 50]
    assert request.own == inputs.own == {"stretch": 2}


def made(**own) -> Method:
    facts = ("made", "Made", "toy", "For a test.", "https://example.org", False, False, ())
    return Method(*facts, lambda run, request: None, lambda inputs: 0.0, own=own)


@pytest.mark.parametrize(
    ("own", "sentence"),
    [
        ({"stretch": 3}, "'stretch' is not declared"),
        ({"stretch": option((), "ids")}, "'stretch' is not declared"),
        ({"n_steps": option(3, "Steps.")}, "'n_steps' is an option that methods share"),
        ({"stretch": option(30, "Too many.", low=1, high=9)}, "stretch: 30 is outside 1 to 9"),
        ({"stretch": option(0.5, "Half a round.", rounds=True)}, "'stretch' counts rounds"),
        ({"Stretch": option(3, "A name.")}, "'Stretch' is no name for an option"),
        ({"lambda": option(3, "A name.")}, "'lambda' is no name for an option"),
        ({"prompt": option("", "A name.")}, "'prompt' means something else already"),
        ({"context": option("", "A field of another analysis.")}, "'context' means something else already"),
        ({"replace": option(3, "A name.")}, "'replace' means something else already"),
        ({"json": option("", "A flag.")}, "'json' means something else already"),
    ],
)
def test_an_option_that_is_badly_declared_or_named_is_refused_in_one_sentence(own, sentence):
    with pytest.raises(SpecError, match=sentence):
        plugins.register(made(**own))
    assert "made" not in METHODS


def test_two_methods_share_an_option_only_when_they_mean_the_same(monkeypatch):
    either = lambda: option("up", "Up or down.", choices=lambda: ("up", "down"))  # noqa: E731 - one function for each
    monkeypatch.setitem(METHODS, "first", made(direction=either(), stretch=option(3, "Times.")))
    plugins.check_own_names(made(direction=either()))
    for other in (option(4, "Times."), option(3.0, "Times."), option(3, "Times.", low=1)):
        with pytest.raises(SpecError, match="Made has another option 'stretch'"):
            plugins.check_own_names(made(stretch=other))


def test_every_name_that_the_command_line_takes_is_kept_from_options():
    from spaces_app.analyses import ANALYSES
    from spaces_app.cli.main import build_parser

    commands = build_parser()._subparsers._group_actions[0].choices
    for kind, command in (("attribution", "attribution"), ("context_reliance", "context-reliance")):
        taken = {action.dest for action in commands[command]._actions}
        fields = {name for name, _, _ in ANALYSES[kind].spec.every_option()}
        assert taken - fields <= plugins.RESERVED


@pytest.mark.parametrize("method", METHODS.values(), ids=lambda method: method.name)
def test_the_options_of_every_method_have_names_of_their_own(method):
    plugins.check_own_names(method)
