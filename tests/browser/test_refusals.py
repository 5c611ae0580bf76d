"""What cannot be compared is refused in one sentence at its field, on the real page, and the figure before it stays."""

from __future__ import annotations

import pytest
from pages import until

TAB = {"contrastive": "#tab-contrastive", "context_reliance": "#tab-context_reliance"}
NAME = {"contrastive": "Contrastive", "context_reliance": "Context reliance"}
REFUSED = {
    "the contrast is the output": (
        "contrastive",
        {"prompt": "The keys to the cabinet", "continuation": "are", "contrast": "are"},
        "contrast",
        "this is the output itself, so there is nothing to compare.",
    ),
    "an alignment that does not fit": (
        "contrastive",
        {"prompt": "The keys to the cabinet", "continuation": "are", "contrast": "is", "alignment": "0-9"},
        "alignment",
        "0-9 is outside the outputs, which have 1 and 1 tokens.",
    ),
    "no context": (
        "context_reliance",
        {"context": "", "prompt": "George was"},
        "context",
        "no context is given.",
    ),
    "a context longer than the model": (
        "context_reliance",
        {"context": "the cat sat on the mat and " * 60, "prompt": "George was"},
        "context",
        "are too many for this model, which takes",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_compared_is_refused_at_its_field(real, open_page, case):
    kind, fields, wrong, sentence = REFUSED[case]
    page = open_page(real)
    page.get_by_role("tab", name=NAME[kind], exact=True).click()
    words = page.locator(f"{TAB[kind]} .ss-frame .ss-cell")
    words.first.wait_for()
    before = words.all_inner_texts()
    for field, text in fields.items():
        box = page.locator(f"#{kind}-{field} :is(textarea, input)").first
        if not box.is_visible():  # among the options
            page.locator(f"{TAB[kind]} button.label-wrap", has=page.locator("visible=true")).first.click()
        box.fill(text)
    page.click(f"{TAB[kind]} button.seq-run")
    status = page.locator(f"{TAB[kind]} .seq-status p")
    until(lambda: sentence in status.inner_text(), seconds=60, page=page)
    assert status.get_attribute("role") == "alert"
    assert page.get_attribute(f"#{kind}-{wrong}", "data-wrong") == ""
    assert words.all_inner_texts() == before
    assert page.said == []
