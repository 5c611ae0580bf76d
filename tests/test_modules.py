"""ES modules joined into one script: order, refusals, and what is left out on the way."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest

from components.figure.assets import COMPONENTS
from components.figure.modules import ModuleError, joined
from components.figure.slimming import slim_script, slim_style, without_comments
from spaces_app.figures import FIGURES, figure_value
from spaces_app.serving import gallery
from spaces_app.ui.page.script_widget import SCRIPTS


@pytest.fixture
def write(tmp_path):
    """A function that writes modules by name and gives the path of the first."""

    def write(**modules: str):
        for name, text in modules.items():
            (tmp_path / f"{name}.js").write_text(text, encoding="utf-8")
        return tmp_path / f"{next(iter(modules))}.js"

    return write


def test_a_module_stands_after_those_it_imports_and_each_stands_once(write):
    entry = write(
        a='import { b } from "./b.js";\nimport { c } from "./c.js";\nexport const a = b + c;\n',
        b='import { c } from "./c.js";\nexport const b = 2 * c;\n',
        c="export const c = 3;\n",
    )
    script = joined(entry)
    assert script.body == "const c = 3;\nconst b = 2 * c;\nconst a = b + c;"
    assert script.exports == ("a",)
    assert [path.name for path in script.paths] == ["c.js", "b.js", "a.js"]


def test_every_way_to_export_by_name_is_understood(write):
    entry = write(
        a='import {\n  one,\n  two,\n} from "./b.js";\nexport { last } from "./b.js";\nfunction f() {\n'
        "  return one + two;\n}\nexport { f };\nexport async function g() {}\nexport class K {}\n",
        b="export const one = 1;\nexport let two = 2;\nconst last = 3;\nexport { last };\n",
    )
    script = joined(entry)
    assert sorted(script.exports) == ["K", "f", "g", "last"]
    assert not re.search("import|export", script.body)
    if shutil.which("node"):
        made = f"console.log((() => {{ {script.body}; return f() + last; }})())"
        assert subprocess.run(["node", "-e", made], capture_output=True, text=True).stdout == "6\n"


REFUSED = {
    "a circle": (
        {
            "a": 'import { b } from "./b.js";\nexport const a = 1;',
            "b": 'import { a } from "./a.js";\nexport const b = 1;',
        },
        r"in a circle: .*/a\.js → .*/b\.js → .*/a\.js",
    ),
    "itself": ({"a": 'import { a } from "./a.js";\nexport const a = 1;'}, "in a circle"),
    "the same name twice in all": (
        {"a": 'import { b } from "./b.js";\nconst c = b;', "b": "export const b = 1;\nfunction c() {}"},
        "both declare 'c'",
    ),
    "one name exported twice": ({"a": "export const a = 1;\nexport { a };"}, "exports 'a' twice"),
    "a name that is not there": (
        {"a": 'import { gone } from "./b.js";', "b": "const gone = 1;"},
        "wants 'gone', which .*b.js does not export",
    ),
    "a list of what is not there": ({"a": "export { gone };"}, "which it does not declare"),
    "a file that is not there": ({"a": 'import { b } from "./b.js";'}, "there is no such file"),
    "a package": ({"a": 'import { b } from "lodash";'}, "there is no such file"),
    "another name on the way": ({"a": 'import { b as c } from "./b.js";', "b": "export const b = 1;"}, "renamed"),
    "a default": ({"a": "export default 1;"}, "named imports and exports only"),
    "everything": ({"a": 'import * as b from "./b.js";', "b": ""}, "named imports and exports only"),
    "nothing by name": ({"a": 'import "./b.js";', "b": ""}, "named imports and exports only"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_joined_is_refused_in_a_sentence(name, write):
    modules, sentence = REFUSED[name]
    with pytest.raises(ModuleError, match=sentence):
        joined(write(**modules))


def test_comments_and_indentation_go_and_text_stays():
    text = r"""/**
 * Told at length. It's "quoted" `too`.
 * @param {string} a
 */
function f(a) { // of a line
    const s = "// no /* comment */", t = '\'/*';
    const r = /[/*"]\/\/[^]/.test(a) /* between */ && 4 / 2 / 1;

    return /"/.test(s + t + r) ? `// ${a /* kept */ + `{${"}"}`}
    /* two  lines */` : a;
}
"""
    expected = r"""function f(a) {
const s = "// no /* comment */", t = '\'/*';
const r = /[/*"]\/\/[^]/.test(a)  && 4 / 2 / 1;
return /"/.test(s + t + r) ? `// ${a /* kept */ + `{${"}"}`}
    /* two  lines */` : a;
}"""
    assert slim_script(text) == expected


def test_comments_of_styles_go_and_strings_stay():
    text = '/* one\n   two */\n.a::before {\n  content: "/* three */"; /* four */\n}\n'
    assert slim_style(text) == '.a::before {\ncontent: "/* three */";\n}'


def test_what_is_no_comment_is_left_alone():
    text = "const a = 1;\nconst b = 'x // y';\n"
    assert without_comments(text) == text


ASSETS = {figure.component: figure.assets for figure in FIGURES.values()}
ENTRIES = sorted({assets.entry for assets in ASSETS.values()})


@pytest.mark.parametrize("entry", ENTRIES)
def test_a_figure_takes_scripts_of_its_own_folder_and_shared_ones_only(entry):
    own = entry.split("/")[0]
    assert {path.parent.name for path in joined(COMPONENTS / entry).paths} <= {own, "figure"}
    assert {style.split("/")[0] for f in ASSETS.values() if f.entry == entry for style in f.styles} <= {own, "figure"}


def test_every_script_is_part_of_a_figure_or_of_the_page():
    pieces = [path for path in SCRIPTS.glob("*.js") if "export function mount(" in path.read_text(encoding="utf-8")]
    entries = [*(COMPONENTS / entry for entry in ENTRIES), COMPONENTS / "figure/gradio.js", *pieces]
    reached = {path for entry in entries for path in joined(entry).paths}
    assert reached == {*COMPONENTS.rglob("*.js"), *SCRIPTS.rglob("*.js")}
    python = "".join(path.read_text(encoding="utf-8") for path in SCRIPTS.parent.rglob("*.py"))
    assert [path.name for path in pieces if f'"{path.stem}' not in python] == [], "drawn by nothing"


@pytest.mark.parametrize("kind", ASSETS)
def test_a_figure_gives_what_pages_call(kind):
    names = joined(COMPONENTS / ASSETS[kind].entry).exports
    assert {"mount", "parseState", "formatState", "parsePins"} <= set(names)


def typed_keys(name: str) -> set[str]:
    """The keys of an interface of a value, with those it takes over."""
    texts = [path.read_text(encoding="utf-8") for path in COMPONENTS.rglob("types.d.ts")]
    found = re.search(rf"^export interface {name}(?: extends (\w+))? {{\n(.*?)^}}", "\n".join(texts), re.M | re.S)
    own = set(re.findall(r"^  (\w+)\??:", found[2], re.M))
    return own | (typed_keys(found[1]) if found[1] else set())


VALUES = {
    "token_heatmap": "HeatmapValue",
    "contrastive": "ContrastValue",
    "context_reliance": "RelianceValue",
    "neuron_factors": "FactorsValue",
    "layer_grid": "GridValue",
}


def test_every_key_that_python_sends_is_typed():
    assert VALUES.keys() == ASSETS.keys()
    seen = set()
    for result in gallery.recorded().values():
        value = figure_value(result, view="", origin="recorded")
        seen.add(value["kind"])
        assert value.keys() <= typed_keys(VALUES[value["kind"]]), value["kind"]
    assert seen == ASSETS.keys()
