"""Links and results that have been published open for ever, with the meaning they had. No fixture is ever changed."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from spaces_app.analyses import KINDS
from spaces_app.analyses.attribution.spec import AttributionSpec
from spaces_app.link import made_digest, parse_query, parse_url
from spaces_app.results import Result
from spaces_app.serving.runner import Runner
from spaces_app.settings import Settings

FIXTURES = Path(__file__).parent / "fixtures"
# One file for each version of a spec that was ever released, written by the code of that release.
LINKS = [
    entry for path in sorted(FIXTURES.glob("links-*.json")) for entry in json.loads(path.read_text(encoding="utf-8"))
]
RESULTS = sorted(FIXTURES.glob("result-*.json"))


@pytest.fixture
def runner(tmp_path):
    runner = Runner(Settings(store=str(tmp_path)))
    yield runner
    runner.stop()


@pytest.mark.parametrize("entry", LINKS, ids=lambda entry: entry["digest"][:8])
def test_a_published_link_asks_what_it_asked(entry):
    spec, digest, view = parse_query(entry["link"], KINDS)
    assert {name: spec.to_dict()[name] for name in entry["means"]} == entry["means"]
    assert (digest, view) == ("", entry["view"])
    added = {name for name in spec.to_dict() if name not in entry["means"]}
    assert all(getattr(spec, name) == spec.default(name) for name in added), (
        "what came later is as if it were not there"
    )


@pytest.mark.parametrize("entry", LINKS, ids=lambda entry: entry["digest"][:8])
def test_a_published_readable_link_asks_the_same(entry):
    spec = parse_query(entry["readable"], KINDS)[0]
    assert spec == parse_query(entry["link"], KINDS)[0]


@pytest.mark.parametrize("entry", LINKS, ids=lambda entry: entry["digest"][:8])
def test_the_digest_of_its_maker_is_known(entry):
    for address in (
        entry["link"],
        "https://x.org/embed" + entry["link"],
        "https://x.org/#" + entry["link"][1:],
        entry["link"][3:].split("&")[0],
    ):
        assert made_digest(address) == entry["digest"]


@pytest.mark.parametrize(
    "address", ["", "?s=", "?s=broken", "?notes=abc", "https://x.org/?id=" + "0" * 64, "s=" + "A" * 5000, "x" * 99999]
)
def test_other_addresses_have_no_maker(address):
    assert made_digest(address) == ""


@pytest.mark.parametrize("path", RESULTS, ids=lambda path: path.stem)
def test_a_published_result_loads_and_keeps_its_numbers(path):
    data = json.loads(path.read_text(encoding="utf-8"))
    again = Result.from_dict(data, KINDS[data["spec"]["kind"]]).to_dict()
    assert again["arrays"] == data["arrays"] and again["tokens"] == data["tokens"] and again["notes"] == data["notes"]
    assert {name: again["spec"][name] for name in data["spec"]} == data["spec"]


def test_a_result_stored_by_an_earlier_release_is_found_by_the_links_of_that_release(runner):
    entry = LINKS[0]
    data = json.loads(RESULTS[0].read_text(encoding="utf-8")) | {"spec": entry["means"]}
    runner.store.put(entry["digest"], data)
    spec, result = runner.from_link("https://x.org/" + entry["link"])
    assert result is not None and spec == AttributionSpec.from_dict(entry["means"])
    assert runner.from_link(f"https://x.org/embed/{entry['digest']}")[1].to_dict() == result.to_dict()
    changed = replace(spec, prompt="something else")
    assert runner.from_link(changed.to_link())[1] is None


def test_every_released_version_has_a_fixture():
    versions = {(entry["means"]["kind"], entry["means"]["v"]) for entry in LINKS}
    assert {("attribution", version) for version in range(1, AttributionSpec.version + 1)} <= versions
    assert parse_url(LINKS[0]["link"], KINDS)[0].kind == "attribution"
