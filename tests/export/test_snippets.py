"""Everything the share dialog copies means what it says, wherever it is pasted, whatever a stranger wrote."""

from __future__ import annotations

import argparse
import dataclasses
import re
import shlex
from html.parser import HTMLParser

import made_results
import pytest

from spaces_app.analyses import KINDS
from spaces_app.analyses.attribution.spec import AttributionSpec
from spaces_app.cli.main import build_parser, spec_from_flags
from spaces_app.export import citation
from spaces_app.export.snippets import Place, command, embed_link, iframe, link, picture, python, short_link, snippets
from spaces_app.link import parse_query, parse_url
from spaces_app.methods import METHODS
from spaces_app.serving.gallery import examples
from spaces_app.settings import Settings
from spaces_app.ui.page.sharing import TOO_LONG, shared
from spaces_app.version import __version__

HUB = Place.of_space("Some_Lab/my.demo")
LOCAL = Place("http://127.0.0.1:7860/")
HARD = "\"; rm -rf ~; echo '$(whoami)` \\ \n--method=x </script><img src=x onerror=alert(1)> é中 %s {x}"
SPEC = AttributionSpec(
    prompt=HARD, method="integrated_gradients", n_steps=20, continuation_ids=(5, 900), revision="a" * 40,
    attribute_prefix=False, baseline="zero", model="owner/name",
)  # fmt: skip
RESULT = examples("attribution")[0].result
VIEW = "sel:0-0,unit:word"


class Elements(HTMLParser):
    """The elements of some markup, as a browser would see them."""

    def __init__(self, markup: str):
        super().__init__()
        self.found: list[tuple[str, dict]] = []
        self.feed(markup)

    def handle_starttag(self, tag, attributes):
        self.found.append((tag, dict(attributes)))

    def one(self, tag: str) -> dict:
        [attributes] = [attributes for name, attributes in self.found if name == tag]
        return attributes


def test_the_program_runs_and_asks_the_same_question(monkeypatch):
    asked = []
    monkeypatch.setattr("seqscope.run", asked.append)
    exec(python(SPEC), {})
    assert asked == [SPEC]


def test_the_command_line_asks_the_same_question():
    _, _, _, name, *flags = words = shlex.split(command(SPEC))
    assert words[:4] == ["python", "-m", "spaces_app", "attribution"]
    parsed = build_parser().parse_args([name, *flags])
    assert spec_from_flags(KINDS[name], vars(parsed)) == SPEC


@pytest.mark.parametrize("prompt", ["-x", "--help", "- -", "a\tb", "'", "“", "*", "!!", "#c"])
def test_a_prompt_that_looks_like_a_flag_or_a_pattern_is_still_a_prompt(prompt):
    _, _, _, name, *flags = shlex.split(command(AttributionSpec(prompt=prompt)))
    assert vars(build_parser().parse_args([name, *flags]))["prompt"] == prompt


def test_a_prompt_that_no_command_line_can_carry_travels_in_a_link():
    words = shlex.split(command(AttributionSpec(prompt="a\0b")))
    assert words[3:5] == ["open", "--run"] and parse_url(words[5], KINDS)[0].prompt == "a\0b"
    assert isinstance(build_parser().parse_args(words[3:]), argparse.Namespace)


def test_links_lead_to_the_page_and_embeds_to_the_app_s_own_host():
    assert link(SPEC, HUB, view=VIEW).startswith("https://huggingface.co/spaces/Some_Lab/my.demo?s=")
    assert embed_link(SPEC, HUB).startswith("https://some-lab-my-demo.hf.space/embed?s=")
    assert short_link(SPEC, LOCAL, view=VIEW) == f"http://127.0.0.1:7860/?id={SPEC.digest()}&view={VIEW}"
    for address in (link(SPEC, HUB, view=VIEW), embed_link(SPEC, LOCAL, view=VIEW, theme="dark")):
        assert parse_query(address.partition("?")[2], KINDS) == (SPEC, "", VIEW)


def test_a_text_too_long_for_a_link_is_embedded_by_its_digest():
    import random

    long = AttributionSpec(prompt="".join(random.Random(0).choices("abcdefghijklmnopqrstuvwxyz ", k=9000)))
    assert link(long, HUB) == ""
    address = f"https://some-lab-my-demo.hf.space/embed/{long.digest()}"
    assert embed_link(long, HUB, view=VIEW, theme="dark") == f"{address}?view={VIEW}&theme=dark"
    assert embed_link(long, HUB) == address


def test_a_dialog_without_a_link_offers_the_short_one_and_says_why():
    import random

    text = "".join(random.Random(0).choices("abcdefghijklmnopqrstuvwxyz ", k=9000))
    long = dataclasses.replace(RESULT, spec=AttributionSpec(prompt=text))
    copies = {item["label"]: item for item in shared(long, page="http://here/", view="", settings=Settings())["copies"]}
    assert copies["Link"]["text"] == "" and copies["Link"]["note"] == TOO_LONG
    assert copies["Short link"]["text"] == f"http://here/?id={long.spec.digest()}"
    assert len(copies["Short link"]["text"]) < 100 and "short link" in TOO_LONG


def test_the_iframe_is_one_element_with_a_sandbox_and_a_title():
    markup = iframe(made_results.hostile(), HUB, view=VIEW, theme="dark")
    elements = Elements(markup)
    assert [tag for tag, _ in elements.found] == ["iframe", "script"]
    frame = elements.one("iframe")
    assert frame["src"] == embed_link(made_results.hostile().spec, HUB, view=VIEW, theme="dark")
    assert frame["sandbox"].split() == ["allow-scripts", "allow-popups", "allow-popups-to-escape-sandbox"]
    assert frame["title"].startswith("${Object.assign(window,{pwned:1})} ${alert(1)}")
    assert not any(name.startswith("on") for name in frame)


def test_the_picture_has_a_vector_a_fallback_and_a_text():
    elements = Elements(picture(made_results.hostile(), HUB, view=VIEW))
    assert [tag for tag, _ in elements.found] == ["a", "picture", "source", "img"]
    base = f"https://some-lab-my-demo.hf.space/figure/{made_results.hostile().spec.digest()}"
    assert elements.one("source")["srcset"] == f"{base}.svg?view={VIEW}"
    assert elements.one("img")["src"] == f"{base}.png?view={VIEW}"
    assert "relies most on" in elements.one("img")["alt"] and "\n" not in elements.one("img")["alt"]
    assert "‘keys’" in Elements(picture(RESULT, LOCAL, view=VIEW)).one("img")["alt"]


def test_the_dialog_has_them_all_in_order():
    made = snippets(RESULT, HUB, view=VIEW)
    assert list(made) == [
        "link", "short_link", "embed_link", "iframe", "picture", "python", "command", "bibtex", "apa",
    ]  # fmt: skip
    assert all(made.values())


# Citations ------------------------------------------------------------------------------------------------------


def entries(text: str) -> dict[str, dict[str, str]]:
    """BibTeX entries by kind and key, parsed by counting braces."""
    found = {}
    for head in re.finditer(r"@(\w+)\{([^,]+),\n(.*?)\n\}", text, re.DOTALL):
        fields = dict(re.findall(r"^  (\w+) = \{(.*)\},$", head[3], re.MULTILINE))
        assert all(
            value.count("{") - value.count(r"\{") == value.count("}") - value.count(r"\}") for value in fields.values()
        )
        found[f"{head[1]} {head[2]}"] = fields
    return found


def test_bibtex_names_the_paper_the_model_at_its_revision_and_the_tool_at_its_version():
    from dataclasses import replace

    revision = "b" * 40
    spec = RESULT.spec.replace(method="integrated_gradients", model="openai-community/gpt2", revision=revision)
    result = replace(RESULT, spec=spec, notes=RESULT.notes | {"model": spec.model, "revision": revision})
    found = entries(citation.bibtex(result, address=HUB.page + "?s=secret"))
    paper = found["inproceedings sundararajan2017axiomatic"]
    assert paper["author"] == "Sundararajan, Mukund and Taly, Ankur and Yan, Qiqi"
    assert paper["title"] == "{Axiomatic Attribution for Deep Networks}" and paper["year"] == "2017"
    assert paper["url"] == METHODS["integrated_gradients"].source
    model = found["misc openai-community-gpt2"]
    assert model["howpublished"] == r"\url{https://huggingface.co/openai-community/gpt2}"
    assert model["note"] == f"Revision {revision}"
    assert found["software seqscope"]["version"] == __version__
    assert found["software seqscope"]["url"] == HUB.page and "secret" not in citation.bibtex(result, address=HUB.page)
    text = citation.apa(result, address=HUB.page + "?s=secret")
    assert "Sundararajan, M., Taly, A., & Yan, Q. (2017). Axiomatic Attribution for Deep Networks. ICML." in text
    assert f"[Language model, revision {revision}]" in text and f"(Version {__version__})" in text
    assert "secret" not in text


def test_a_local_model_s_name_cannot_break_the_entry():
    from dataclasses import replace

    result = replace(RESULT, notes=RESULT.notes | {"model": "../my_models/100% {x}\\y"})
    found = entries(citation.bibtex(result))
    [model] = [fields for name, fields in found.items() if name.startswith("misc my-models")]
    assert model["title"] == r"../my\_models/100\% \{x\}\textbackslash{}y" and "howpublished" not in model


@pytest.mark.parametrize("name", list(METHODS))
def test_every_method_s_paper_can_be_cited_in_full(name):
    paper = citation.PAPERS.get(METHODS[name].source)
    assert paper is not None, f"add {METHODS[name].source} to spaces_app/export/citation.py"
    assert all(len(author.split(", ")) == 2 for author in paper.authors) and 1900 < paper.year < 2100
