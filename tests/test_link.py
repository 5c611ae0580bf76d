"""Links: what goes in comes out, and nothing a stranger types does more than raise a SpecError."""

from __future__ import annotations

import base64
import json
import random
import tracemalloc
import zlib

import fuzz_links
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spaces_app.analyses import KINDS
from spaces_app.analyses.attribution.spec import AttributionSpec
from spaces_app.errors import SpecError
from spaces_app.link import (
    MAX_JSON,
    decode,
    encode,
    made_digest,
    pair_query,
    parse_pair,
    parse_query,
    readable,
    to_link,
)

SPEC = AttributionSpec(prompt="The keys to the cabinet 🗝️ «ключи»", continuation_ids=(5, 900, 3), revision="a" * 40)

# Links that have been published. They must open for ever, so no line here is ever changed.
PUBLISHED = {
    1: {"kind": "attribution", "v": 1, "model": "bundled/tiny-causal", "prompt": "One, two,", "method": "occlusion"},
}


def token_of(data: bytes) -> str:
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
    return base64.urlsafe_b64encode(deflate.compress(data) + deflate.flush()).rstrip(b"=").decode()


def test_a_link_restores_the_spec_and_the_view():
    spec, digest, view = parse_query(to_link(SPEC, view="sel:2-3,unit:word"), KINDS)
    assert (spec, digest, view) == (SPEC, "", "sel:2-3,unit:word")


def test_a_fragment_works_like_a_query():
    assert parse_query("#s=" + encode(SPEC), KINDS)[0] == SPEC


def test_the_readable_form_restores_the_spec():
    assert parse_query("?" + readable(SPEC), KINDS)[0] == SPEC


def test_foreign_parameters_are_left_alone():
    assert parse_query("?__theme=dark&utm=x", KINDS) == (None, "", "")
    assert parse_query("?analysis=attribution&prompt=Hi&__theme=dark", KINDS)[0] == AttributionSpec(prompt="Hi")


def test_a_300_character_prompt_makes_a_link_of_at_most_800_characters():
    prompt = (
        "The manager of the northern library said that the quick repair of her old blue bicycle had cost "
        "nearly forty pounds, while the gardener next door, who had just come back from Lisbon with a crate "
        "of lemons, claimed he could have done it for nothing but a cup of tea and two slices of apple cake."
    )
    assert 290 <= len(prompt) <= 310
    spec = AttributionSpec(prompt=prompt, continuation_ids=tuple(range(200, 220)), revision="9" * 40)
    assert len(to_link(spec)) <= 800


def test_no_link_that_is_written_is_longer_than_4000_characters_with_its_address():
    base, view = "https://huggingface.co/spaces/" + "o" * 80 + "/" + "n" * 80, "sel:1-1,note:3-" + "x" * 140
    generator, longest = random.Random(0), 0
    for length in range(3000, 7000, 40):
        spec = AttributionSpec(prompt="".join(generator.choices("abcdefghijklmnopqrstuvwxyz ", k=length)))
        try:
            longest = max(longest, len(to_link(spec, base, view=view)))
        except SpecError:
            break
    assert 3_800 < longest <= 4_000


def test_two_questions_make_one_link_of_tokens_or_of_digests_where_those_are_too_long():
    long = SPEC.replace(prompt="".join(random.Random(0).choices("abcdefghijklmnopqrstuvwxyz ", k=5000)))
    assert parse_pair("?" + pair_query(SPEC, SPEC, view="sel:1-1")) == (encode(SPEC), encode(SPEC), "sel:1-1")
    assert parse_pair("#" + pair_query(SPEC, long)) == (SPEC.digest(), long.digest(), "")
    assert parse_pair("?s=x") is None and parse_pair("?compare=x&view=<b>") == ("x", "", "")


def test_a_text_too_long_for_a_link_says_so():
    text = "".join(random.Random(0).choices("abcdefghijklmnopqrstuvwxyz ", k=9000))
    with pytest.raises(SpecError, match="makes a link of"):
        to_link(AttributionSpec(prompt=text))


@pytest.mark.parametrize("version", sorted(PUBLISHED))
def test_published_links_still_open(version):
    spec, _, _ = parse_query("?s=" + token_of(json.dumps(PUBLISHED[version]).encode()), KINDS)
    assert spec.to_dict() | PUBLISHED[version] == spec.to_dict()


@pytest.mark.parametrize(
    "query",
    [
        "?s=",
        "?s=***",
        "?s=" + "A" * 5000,
        "?s=" + token_of(b"[]"),
        "?s=" + token_of(b'{"kind":"attribution","v":true}'),
        "?s=" + token_of(b'{"kind":"attribution","temperature":NaN}'),
        "?s=" + token_of(b'{"kind":"attribution","seed":' + b"9" * 5000 + b"}"),
        "?s=" + token_of(b'{"kind":["attribution"]}'),
        "?s=" + token_of(b"[" * 20000),
        "?s=" + token_of(b'{"a":' * 5000),
        "?s=" + token_of(b"\xff\xfe"),
        "?s=" + token_of(b'{"kind":"attribution","prompt":"\\ud800"}'),
        "?s=" + encode(SPEC)[:-6],
        "?s=" + encode(SPEC) + "AAAA",
        "?id=12",
        "?id=" + "\uff11" * 64,
        "?analysis=nothing",
        "?analysis=attribution&unknown=1",
        "?analysis=attribution&n_steps=many",
        "?" + "&".join(f"a{i}=1" for i in range(100)),
        "?s=" + "A" * 50_000,
    ],
)
def test_a_damaged_link_is_one_sentence(query):
    with pytest.raises(SpecError) as caught:
        parse_query(query, KINDS)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 300


def test_a_bomb_is_refused_before_it_unfolds():
    bomb = token_of(b" " * 3_000_000)
    longer = token_of(b" " * 5_000_000)  # 5 kB
    assert len(bomb) <= 4096
    tracemalloc.start()
    try:
        with pytest.raises(SpecError, match=f"{MAX_JSON:,}"):
            decode(bomb)
        with pytest.raises(SpecError):
            decode(longer)
        assert tracemalloc.get_traced_memory()[1] < 8 * MAX_JSON
    finally:
        tracemalloc.stop()


def test_sixty_thousand_tokens_of_strangers_raise_nothing_but_spec_errors():
    honest = [encode(SPEC), encode(AttributionSpec(prompt="One, two, three")), encode(AttributionSpec(prompt="é" * 40))]
    fields = [name for name, _, _ in AttributionSpec.options()] + ["unknown"]
    opened = refused = 0
    for token in fuzz_links.tokens(honest, fields, 60_000):
        try:
            spec = parse_query("?s=" + token, KINDS)[0]
        except SpecError:
            refused += 1
            continue
        opened += spec is not None
        assert spec is None or parse_query(to_link(spec), KINDS)[0] == spec
        assert len(made_digest("?s=" + token)) in (0, 64)
    assert opened > 100 and refused > 50_000, "both kinds are among them"


@settings(max_examples=400, deadline=None)
@given(
    st.one_of(
        st.text(max_size=300),
        st.binary(max_size=300).map(token_of),
        st.dictionaries(
            st.sampled_from(["kind", "v", "prompt", "seed", "temperature", "method", "continuation_ids", "x"]),
            st.one_of(
                st.none(),
                st.booleans(),
                st.integers(),
                st.floats(),
                st.text(max_size=8),
                st.lists(st.integers(), max_size=3),
            ),
        ).map(lambda d: token_of(json.dumps({"kind": "attribution"} | d).encode())),
    )
)
def test_whatever_a_stranger_types_raises_a_spec_error_or_round_trips(token):
    try:
        spec, _, _ = parse_query("?s=" + token, KINDS)
    except SpecError:
        return
    if spec is not None:
        assert parse_query(to_link(spec), KINDS)[0] == spec
