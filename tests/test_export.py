"""The stand-alone page: the same script and style, locked by its own policy, with strangers' text as data only."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re

import made_results
import pytest

from spaces_app.export.html import frame, standalone, table
from spaces_app.figures import FIGURES
from spaces_app.figures.token_heatmap import token_heatmap

HOSTILE = token_heatmap(made_results.hostile(), origin="recorded")


def between(text: str, start: str, end: str) -> str:
    assert text.count(start) == 1, f"{start!r} stands {text.count(start)} times in the page"
    return text.split(start)[1].split(end)[0]


def sha256(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode("utf-8")).digest()).decode("ascii")


def test_the_value_can_be_read_back_from_the_page_and_no_text_can_end_its_element():
    page = standalone(HOSTILE)
    data = between(page, '<script type="application/json" id="value">', "</script>")
    assert json.loads(data) == HOSTILE
    assert not re.search("[<>&\u2028\u2029]", data)


def test_the_policy_allows_this_script_and_this_style_and_nothing_else():
    page = standalone(HOSTILE)
    policy = between(page, 'http-equiv="Content-Security-Policy" content="', '"')
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules == {
        "default-src": "'none'",
        "script-src": f"'{sha256(between(page, '<script>', '</script>'))}'",
        "style-src": f"'{sha256(between(page, '<style>', '</style>'))}'",
        "base-uri": "'none'",
        "form-action": "'none'",
    }


def test_the_page_names_no_other_address():
    page = standalone(token_heatmap(made_results.keys()))
    assert not re.search(r"https?://|//[a-z]+\.|@import|url\(", page)


def test_the_title_is_text():
    page = standalone(token_heatmap(made_results.keys()), title="</title><script>alert(1)</script>")
    assert "<title>&lt;/title&gt;&lt;script&gt;alert(1)&lt;/script&gt;</title>" in page
    assert "<script>alert" not in page


def test_without_scripts_there_is_a_table_of_the_strongest_tokens():
    markup = table(token_heatmap(made_results.keys()))
    rows = [re.findall("<td>(.*?)</td>", row) for row in markup.split("<tr>")[2:]]
    assert [html.unescape(cell) for cell in rows[0]] == [" are", "62.0%", "‘ key’ 40%, ‘The’ 20%, ‘s’ 20%"]
    assert [html.unescape(cell) for cell in rows[3]] == [".", "99.9%", ""]
    assert "<img" not in table(HOSTILE) and "<svg" not in table(HOSTILE)


def test_an_empty_output_exports_too():
    value = token_heatmap(made_results.result(["Hello"], []))
    assert table(value).count("<tr>") == 1
    assert "Hello" in standalone(value)


def test_a_notebook_frame_holds_the_whole_page_in_a_sandbox_and_a_table_beside_it():
    markup = frame(HOSTILE, title='a "quoted" title')
    assert html.unescape(between(markup, 'srcdoc="', '"')) == standalone(HOSTILE, title='a "quoted" title')
    assert 'sandbox="allow-scripts"' in markup and "allow-same-origin" not in markup
    assert markup.endswith(f"{table(HOSTILE)}</details>")


ASSETS = {figure.component: figure.assets for figure in FIGURES.values()}


@pytest.mark.parametrize("kind", ASSETS)
def test_the_parts_stay_light(kind):
    figure = ASSETS[kind]
    assert len(figure.script().encode()) < 90_000
    assert len(figure.style().encode()) < 20_000
    assert len(figure.packed()) < 39_500, "repeated for each figure of an app"


def test_every_figure_has_a_table_for_pages_without_scripts():
    assert all(figure.rows for figure in FIGURES.values())
