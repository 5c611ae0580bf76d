"""Inseq 0.7.1 itself loads what we write, and we load what it writes, number by number.

SEQSCOPE_INSEQ_PYTHON names a Python that has Inseq (it needs an environment of its own); without it these tests fail.
"""

from __future__ import annotations

import base64
import gzip
import json
import os
import subprocess
from dataclasses import replace
from pathlib import Path

import made_results
import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM

from spaces_app.analyses.attribution.spec import AttributionSpec
from spaces_app.arrays import NamedArray
from spaces_app.errors import NotSupported, SpecError
from spaces_app.inseq import read, write
from spaces_app.serving.gallery import examples
from spaces_app.serving.runner import Runner
from spaces_app.settings import Settings

BUNDLED = Path(write.__file__).parents[1] / "bundled"
PROMPT, WRITTEN, SOURCE = "The keys to the cabinet", " are lost.", "The coat is small. <brk> It was big."
GALLERY = {example.name: example.result for example in examples("attribution")}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Files of ours, files of Inseq's, and what Inseq said about ours."""
    python = os.environ.get("SEQSCOPE_INSEQ_PYTHON")
    assert python, "SEQSCOPE_INSEQ_PYTHON is not set: it names a Python with inseq==0.7.1, which these tests run"
    folder = tmp_path_factory.mktemp("inseq")
    (folder / "ours-keys.json").write_text(write.dumps(made_results.keys()), encoding="utf-8")
    (folder / "ours-two.json").write_text(write.dumps(GALLERY["it"], GALLERY["translation"]), encoding="utf-8")
    (folder / "ours-hostile.json").write_text(write.dumps(made_results.hostile()), encoding="utf-8")
    arguments = [str(BUNDLED / "tiny-causal"), str(BUNDLED / "tiny-en-fr"), PROMPT, WRITTEN, SOURCE]
    done = subprocess.run(
        [python, str(Path(__file__).with_name("inseq_side.py")), str(folder), *arguments],
        capture_output=True, text=True, timeout=200,
        env={"PATH": os.environ["PATH"], "HOME": str(folder), "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    return folder


@pytest.fixture(scope="module")
def told(folder):
    return json.loads((folder / "told.json").read_text())


def theirs(folder: Path, name: str, **options):
    [result] = read.loads((folder / f"theirs-{name}").read_bytes(), **options)
    return result


# What we write -------------------------------------------------------------------------------------------------------


def test_inseq_loads_our_scores_tokens_and_steps(told):
    [seen] = told["ours-keys"]["sequences"]
    result = made_results.keys()
    assert seen["class"] == "CoarseFeatureAttributionSequenceOutput" and seen["span"] == [7, 11]
    assert [text for _, text in seen["target"]] == [token.text for token in result.tokens]
    assert seen["target_attributions"] == {"shape": [11, 4], "sum": pytest.approx(0.5 + 0.6 + 0.4 + 1.0)}
    assert seen["missing"] == int(np.isnan(result.arrays["attributions"].values).sum())
    assert seen["steps"]["probability"] == pytest.approx([0.62, 0.5, 0.25, 0.999])
    assert told["ours-keys"]["shown"] > 1000, "and draws its own tables of it"


def test_inseq_loads_an_encoder_s_source_apart_from_the_target(told):
    first, second = told["ours-two"]["sequences"]
    result = GALLERY["it"]
    source = [token for token in result.tokens if token.segment == "source"]
    values = np.nan_to_num(result.arrays["attributions"].values)
    assert [text for _, text in first["source"]] == [token.text for token in source]
    assert first["source_attributions"]["sum"] == pytest.approx(float(values[: len(source)].sum()), abs=1e-5)
    assert first["target_attributions"]["sum"] == pytest.approx(float(values[len(source) :].sum()), abs=1e-5)
    assert first["span"][0] == 1 and second["source"][1] == [218, " la"]


def test_inseq_reads_what_was_asked(told):
    info = told["ours-two"]["info"]
    assert info["model_name"] == "bundled/tiny-en-fr" and info["attribution_method"] == "integrated_gradients"
    assert info["generated_texts"] == [GALLERY["it"].text, GALLERY["translation"].text]
    assert told["ours-keys"]["info"]["generated_texts"] == ["The keys to the cabinet are on time."]


@pytest.mark.parametrize("stem", ["ours", "again"])
def test_what_we_wrote_comes_back_whole_even_after_inseq_saved_it_again(folder, stem):
    assert [r.to_dict() for r in read.loads((folder / f"{stem}-two.json").read_bytes())] == [
        GALLERY["it"].to_dict(), GALLERY["translation"].to_dict(),
    ]  # fmt: skip
    for name, result in (("keys", made_results.keys()), ("hostile", made_results.hostile())):
        [found] = read.loads((folder / f"{stem}-{name}.json").read_text(encoding="utf-8"))
        assert found.to_dict() == result.to_dict()


def test_arrays_that_inseq_does_not_know_come_back_too():
    extra = NamedArray(np.ones((2, 11, 4)), {"layer": (0, 1), "input": range(11), "generated": range(4)}, "logit")
    result = made_results.keys()
    result = replace(result, arrays=result.arrays | {"layer_attributions": extra})
    [found] = read.loads(write.dumps(result))
    assert found.to_dict() == result.to_dict()


def test_a_result_without_attributions_has_no_place_there():
    with pytest.raises(NotSupported, match="no place for a attribution result|no place"):
        write.dumps(replace(made_results.keys(), arrays={}))


# What Inseq writes ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def computed(tmp_path_factory):
    runner = Runner(Settings(store=str(tmp_path_factory.mktemp("store")), threads=1))
    yield runner
    runner.stop()


def saliency_in_float64(result) -> np.ndarray:
    """L2 norms of the gradients of each written token's probability, by plain passes. (N, G), NaN from there on."""
    model = AutoModelForCausalLM.from_pretrained(BUNDLED / "tiny-causal", dtype=torch.float64).eval()
    ids = [token.id for token in result.tokens]
    first = next(i for i, token in enumerate(result.tokens) if token.segment == "generated")
    scores = np.full((len(ids), len(ids) - first), np.nan)
    for column, position in enumerate(range(first, len(ids))):
        embeds = model.get_input_embeddings()(torch.tensor([ids[:position]])).detach().requires_grad_(True)
        probability = model(inputs_embeds=embeds).logits[0, -1].softmax(-1)[ids[position]]
        scores[:position, column] = torch.autograd.grad(probability, embeds)[0][0].norm(dim=-1).numpy()
    return scores


def test_inseq_s_own_saliency_has_our_numbers_and_our_tokens(folder, computed):
    ours = computed.run(AttributionSpec(prompt=PROMPT, continuation=WRITTEN, method="saliency"))
    found = theirs(folder, "saliency.json")
    n = len(found.tokens)  # Inseq's text has no end mark
    assert [t.text for t in found.tokens] == [t.text for t in ours.tokens][:n]
    assert [(t.id, t.segment) for t in found.tokens] == [(t.id, t.segment) for t in ours.tokens][:n]
    g = found.arrays["attributions"].values.shape[1]
    expected = ours.arrays["attributions"].values[:n, :g]
    probability = ours.arrays["step_scores"].select(step_function="probability").values[:g]
    sure = probability > 0.5  # there Inseq's gradient of the probability loses digits in float32, and ours does not
    assert sure.tolist() == [False, False, True]
    theirs_, exact = found.arrays["attributions"].values, saliency_in_float64(ours)
    np.testing.assert_allclose(theirs_[:, ~sure], expected[:, ~sure], atol=1e-6)
    np.testing.assert_allclose(theirs_[:, sure], expected[:, sure], atol=2e-5)
    np.testing.assert_allclose(expected, exact, atol=1e-6)
    assert np.nanmax(abs(expected - exact)[:, sure]) < np.nanmax(abs(theirs_ - exact)[:, sure]) / 100
    np.testing.assert_allclose(
        found.arrays["step_scores"].select(step_function="probability").values, probability, atol=1e-6
    )
    assert found.spec.method == "saliency" and found.spec.prompt == PROMPT
    assert found.notes["aggregation"] == "l2" and not found.notes["signed"]


def test_a_translation_of_inseq_s_has_source_start_and_output(folder, told, computed):
    ours = computed.run(AttributionSpec(model="bundled/tiny-en-fr", prompt=SOURCE, method="saliency"))
    found = theirs(folder, "translation.json")
    assert found.text == ours.text
    assert [(t.text.strip(), t.segment) for t in found.tokens] == [(t.text.strip(), t.segment) for t in ours.tokens]
    assert [(t.id, t.special) for t in found.tokens] == [(t.id, t.special) for t in ours.tokens]
    # Inseq scales Marian's embeddings twice, so its scores are compared with its own tensors and not with ours.
    norms = np.concatenate([np.array(part) for part in told["norms"]])
    np.testing.assert_allclose(found.arrays["attributions"].values, norms, rtol=1e-6)


def test_packed_and_rounded_files_are_read_too(folder):
    whole = theirs(folder, "saliency.json").arrays["attributions"].values
    np.testing.assert_array_equal(theirs(folder, "packed.json.gz").arrays["attributions"].values, whole)
    np.testing.assert_allclose(theirs(folder, "half.json").arrays["attributions"].values, whole, rtol=1e-2, atol=1e-6)
    eighth = theirs(folder, "eighth.json").arrays["step_scores"].values  # 4 bits of mantissa: within 1/16
    np.testing.assert_allclose(
        eighth, theirs(folder, "saliency.json").arrays["step_scores"].values, rtol=1 / 16, atol=2e-3
    )


def test_layers_and_heads_are_averaged_and_can_be_summed(folder):
    mean, total = theirs(folder, "attention.json"), theirs(folder, "attention.json", aggregation="sum")
    sums = np.nansum(mean.arrays["attributions"].values, axis=0)
    np.testing.assert_allclose(sums, 1.0, atol=1e-5)  # each head's attention adds up to 1
    ratio = np.nansum(total.arrays["attributions"].values) / np.nansum(mean.arrays["attributions"].values)
    assert ratio == pytest.approx(round(ratio), abs=1e-4) and ratio > 1  # as many layers times heads
    assert mean.arrays["attributions"].unit == "attention"


def test_a_contrastive_step_shows_both_words(folder):
    found = theirs(folder, "contrast.json")
    first = next(token for token in found.tokens if token.segment == "generated")
    assert first.text == " is → are" and found.spec.continuation_ids == () and found.spec.continuation
    assert found.spec.step_function == "contrast_prob_diff"


def test_a_file_of_inseq_s_can_be_drawn_and_exported(folder):
    from spaces_app.export.formats import FORMATS

    found = theirs(folder, "saliency.json")
    assert "cabinet" in FORMATS["svg"].write(found) and "Read from a file of Inseq" in FORMATS["svg"].write(found)


# What strangers write ------------------------------------------------------------------------------------------------


def damaged():
    whole = json.loads(write.dumps(made_results.keys()))
    yield "not JSON", "nothing"
    yield "a list", "[]"
    yield "another class", json.dumps(whole | {"__instance_type__": ["os", "system"]})
    for path, value in (
        (("attributes", "info"), None),
        (("attributes", "info"), {}),
        (("attributes", "info", "seqscope", "results"), [{"tokens": []}]),
        (("attributes", "info", "seqscope", "results"), [{"spec": {"kind": "none"}}]),
        (("attributes", "sequence_attributions", 0, "attributes", "target_attributions"), "AAAA"),
        (("attributes", "sequence_attributions", 0, "attributes", "target_attributions"), "*"),
        (("attributes", "sequence_attributions", 0, "attributes", "target"), [1]),
        (("attributes", "sequence_attributions", 0, "attributes", "attr_pos_end"), 10**9),
        (("attributes", "sequence_attributions", 0, "attributes", "attr_pos_start"), -5),
        (("attributes", "sequence_attributions", 0, "__instance_type__"), ["subprocess", "Popen"]),
    ):
        document = json.loads(json.dumps(whole))
        place = document
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] = value
        if path[-1] in ("attr_pos_end", "attr_pos_start"):
            document["attributes"]["info"].pop("seqscope")
        yield f"{path[-1]} {str(value)[:20]}", json.dumps(document)


@pytest.mark.parametrize(("name", "text"), list(damaged()), ids=lambda item: item[:40])
def test_a_damaged_file_is_one_sentence(name, text):
    with pytest.raises(SpecError) as caught:
        read.loads(text)
    assert len(str(caught.value)) < 300 and "\n" not in str(caught.value)


def test_a_packed_bomb_is_refused(monkeypatch):
    monkeypatch.setattr(read, "MAX_BYTES", 10_000)
    with pytest.raises(SpecError, match="more than 10,000 bytes"):
        read.loads(gzip.compress(b" " * 10_000_000))


def test_a_tensor_that_claims_to_be_huge_is_refused():
    header = json.dumps({"attribution": {"dtype": "F32", "shape": [10**9, 10**9], "data_offsets": [0, 4]}}).encode()
    packed = base64.b64encode(len(header).to_bytes(8, "little") + header + b"\0\0\0\0").decode()
    document = json.loads(write.dumps(made_results.keys()))
    document["attributes"]["sequence_attributions"][0]["attributes"]["target_attributions"] = packed
    with pytest.raises(SpecError, match="not a file that Inseq saved"):
        read.loads(json.dumps(document))
