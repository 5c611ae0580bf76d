"""Still pictures of comparing figures show the numbers of the place that the figure would show first."""

from __future__ import annotations

import numpy as np
import pytest

from spaces_app.analyses import KINDS
from spaces_app.export.formats import FORMATS, figure_value
from spaces_app.figures import drawing
from spaces_app.figures.still import captions
from spaces_app.serving.runner import Runner
from spaces_app.settings import Settings
from spaces_app.tokens import word_ids


@pytest.fixture(scope="module")
def runner(tmp_path_factory):
    runner = Runner(Settings(store=str(tmp_path_factory.mktemp("store")), threads=1))
    yield runner
    runner.stop()


@pytest.fixture(scope="module")
def contrast(runner):
    return runner.run(KINDS["contrastive"](prompt="The keys to the cabinet", contrast=" is", method="occlusion"))


@pytest.fixture(scope="module")
def context(runner):
    spec = KINDS["context_reliance"](
        context="The coat is small.",
        prompt="It was big.",
        template="{context} <brk> {current}",
        model="bundled/tiny-en-fr",
    )
    return runner.run(spec)


def by_word(result, column: np.ndarray) -> dict[str, float]:
    """Scores summed over words, for the words that have one."""
    ids, found = word_ids(result.tokens), {}
    for number in dict.fromkeys(ids):
        own = [i for i, word in enumerate(ids) if word == number]
        if not np.isnan(column[own]).all():
            found[captions.visible("".join(result.tokens[i].text for i in own))] = float(np.nansum(column[own]))
    return found


def shades(made) -> dict[str, float]:
    return {s.text: s.shade for p in made.paragraphs for s in p.spans if s.shade is not None}


def test_a_contrast_shows_what_speaks_for_either(contrast):
    made = drawing(figure_value(contrast))
    expected = by_word(contrast, contrast.arrays["difference"].values[:, 0])
    top = max(map(abs, expected.values()))
    assert shades(made) == pytest.approx({text: score / top for text, score in expected.items()}, abs=1e-5)
    p_a = contrast.arrays["step_scores"].select(step_function="probability").values[0]
    p_b = contrast.arrays["step_scores"].select(step_function="contrast_prob").values[0]
    likely = [captions.probability(float(p)) for p in (p_a, p_b)]
    assert made.caption.startswith(f"‘are’ ({likely[0]}) rather than ‘is’ ({likely[1]}). ‘are’ is supported most by")


def test_a_contrast_can_show_one_side(contrast):
    made = drawing(figure_value(contrast, view="show:b"))
    expected = by_word(contrast, contrast.arrays["towards_b"].values[:, 0])
    top = max(map(abs, expected.values()))
    assert shades(made) == pytest.approx({text: score / top for text, score in expected.items()}, abs=1e-5)


def test_a_context_is_shaded_for_the_word_that_depends_on_it_most(context):
    made = drawing(figure_value(context))
    metric = context.arrays["cti"].select(metric=context.notes["metric"]).values
    column = int(np.nanargmax(np.abs(metric)))
    inside = np.full(len(context.tokens), np.nan)
    inside[context.notes["context_tokens"]] = context.arrays["attributions"].values[
        context.notes["context_tokens"], column
    ]
    expected = by_word(context, inside)
    top = max(map(abs, expected.values()))
    assert shades(made) == pytest.approx({text: score / top for text, score in expected.items()}, abs=1e-5)
    assert "with the context and" in made.caption and "without it." in made.caption


def test_another_word_can_be_selected(context):
    first, second = (drawing(figure_value(context, view=f"sel:{c}-{c}")) for c in (0, 1))
    assert first.caption != second.caption and first.caption.startswith("‘Il’ has ")


@pytest.mark.parametrize("name", [name for name, item in FORMATS.items() if item.picture])
def test_every_picture_format_holds_them(contrast, context, name):
    for result in (contrast, context):
        assert len(FORMATS[name].data(result)) > 1000
