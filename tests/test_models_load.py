"""Loading: every family from files, right facts and numbers, and nothing of what a hostile folder asks for."""

from __future__ import annotations

import json
import shutil
import struct
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
import transformers
from families import FAMILIES, HEADS, LAYERS, POSITIONS, D, make
from safetensors.torch import load_file, save_file
from support import no_tick

from spaces_app.errors import AppError, ModelUnavailable, NotSupported, SpecError, TooLarge
from spaces_app.models import checks, placement
from spaces_app.models.languages import translating
from spaces_app.models.load import load
from spaces_app.models.resolve import resolve
from spaces_app.settings import Settings

TEXT, OUTPUT = "The keys to the cabinet", " are on the table."
SPELLED_OUT = (transformers.activations.NewGELUActivation, transformers.activations.FastGELUActivation)
every_family = pytest.mark.parametrize("name", FAMILIES)
DECODERS = [name for name, family in FAMILIES.items() if not family.encoder_decoder]
TRANSLATORS = [name for name in FAMILIES if name not in DECODERS]


def load_folder(folder, settings=None):
    settings = settings or Settings()
    return load(resolve(str(folder), settings), settings, no_tick)


def reference(folder, encoder_decoder):
    """The same files through transformers alone."""
    auto = transformers.AutoModelForSeq2SeqLM if encoder_decoder else transformers.AutoModelForCausalLM
    return auto.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()


def ids(values):
    return torch.tensor([values], dtype=torch.long, device="cpu")


def logits(model, lm, prompt, output):
    """Logits of a model over a prompt and the output that follows, called as transformers documents it."""
    with torch.no_grad():
        if lm.facts.encoder_decoder:
            return model(input_ids=ids(prompt), decoder_input_ids=ids(lm.decoder_start + output)).logits
        return model(input_ids=ids(prompt + output)).logits


@every_family
def test_facts_are_those_the_model_was_built_with(name, loaded_family):
    facts, family = loaded_family(name).facts, FAMILIES[name]
    expected = {
        "encoder_decoder": family.encoder_decoder,
        "n_layers": LAYERS + family.encoder_decoder,  # outputs have one layer more than inputs in these
        "n_encoder_layers": LAYERS * family.encoder_decoder,
        "n_heads": HEADS,
        "d_model": D,
        "max_positions": POSITIONS,
        "max_source_positions": POSITIONS if family.encoder_decoder else None,
        **family.facts,
    }
    assert {key: getattr(facts, key) for key in expected} == expected


@every_family
def test_logits_equal_those_of_transformers(name, loaded_family, family_folder):
    lm = loaded_family(name)
    direct = reference(family_folder(name), lm.facts.encoder_decoder)
    prompt, output = lm.encode_prompt(TEXT), lm.encode_continuation(TEXT, OUTPUT)
    ours, theirs = logits(lm.model, lm, prompt, output), logits(direct, lm, prompt, output)
    if any(isinstance(part, SPELLED_OUT) for part in direct.modules()):  # there within rounding
        assert (ours - theirs).abs().max() <= 1e-5 * theirs.abs().max()
    else:
        assert torch.equal(ours, theirs)
    assert ours.std() > 0.1  # otherwise equal predictions would prove nothing


@pytest.mark.parametrize("name", ["gpt2", "phi", "t5"])
def test_no_activation_is_spelled_out_in_many_operations(name, loaded_family):
    parts = list(loaded_family(name).model.modules())
    assert not any(isinstance(part, SPELLED_OUT) for part in parts)
    if name == "gpt2":
        assert sum(isinstance(part, transformers.activations.GELUTanh) for part in parts) == LAYERS


@every_family
def test_a_greedy_step_is_the_one_transformers_takes(name, loaded_family):
    lm = loaded_family(name)
    prompt = lm.encode_prompt(TEXT)
    chosen = logits(lm.model, lm, prompt, [])[0, -1].argmax().item()
    written = lm.model.generate(
        ids(prompt), max_new_tokens=1 + bool(lm.facts.forced_bos_id is not None), do_sample=False, use_cache=False,
        forced_bos_token_id=lm.facts.forced_bos_id,
    )  # fmt: skip
    assert written[0, -1].item() == chosen


@every_family
def test_the_embedding_has_a_row_for_each_id_and_no_other_id_passes(name, loaded_family):
    lm = loaded_family(name)
    rows = lm.model.get_input_embeddings().weight.shape[0]
    assert lm.facts.d_vocab == rows
    lm.check_ids([0, rows - 1])
    for wrong in (rows, -1, 4_000_000_000):
        with pytest.raises(SpecError, match=f"{wrong} is outside"):
            lm.check_ids([0, wrong])


@every_family
def test_a_loaded_model_is_ready_and_frozen(name, loaded_family):
    lm = loaded_family(name)
    assert not lm.model.training and lm.model.config._attn_implementation == lm.attention == "eager"
    assert not any(parameter.requires_grad for parameter in lm.model.parameters())
    assert (lm.placement, lm.device.type, lm.dtype) == ("cpu", "cpu", torch.float32)
    assert lm.n_bytes >= 4 * lm.facts.n_params


@every_family
def test_tokens_join_to_the_texts_that_were_typed(name, loaded_family):
    lm = loaded_family(name)
    prompt, output = lm.encode_prompt(TEXT), lm.encode_continuation(TEXT, OUTPUT)
    if lm.facts.encoder_decoder:
        output = lm.encode_continuation(TEXT, OUTPUT.strip())
        tokens = lm.tokens(prompt, lm.decoder_start, output)
        texts = {"source": TEXT, "prompt": "", "generated": OUTPUT.strip()}
    else:
        tokens = lm.tokens([], prompt, output)
        texts = {"prompt": TEXT, "generated": OUTPUT}
    for segment, text in texts.items():
        assert "".join(token.text for token in tokens if token.segment == segment and not token.special) == text
    assert [token.id for token in tokens] == [*prompt, *lm.decoder_start, *output]


@pytest.mark.parametrize("name", DECODERS)
def test_a_decoder_only_prompt_begins_as_the_tokenizer_wants_and_does_not_end(name, loaded_family):
    lm = loaded_family(name)
    special = [token.special for token in lm.tokens([], lm.encode_prompt(TEXT), [])]
    assert special[0] == bool(lm.tokenizer(TEXT)["input_ids"][0] in lm.tokenizer.all_special_ids)
    assert not any(special[1:])
    assert lm.decoder_start == []


@pytest.mark.parametrize("name", TRANSLATORS)
def test_a_source_text_is_what_the_tokenizer_makes_and_an_output_has_its_end(name, loaded_family):
    lm = loaded_family(name)
    source, output = lm.encode_prompt(TEXT), lm.encode_continuation(TEXT, OUTPUT)
    assert source == lm.tokenizer(TEXT)["input_ids"]
    assert source[-1] == output[-1] == lm.facts.eos_ids[0]
    assert lm.facts.forced_bos_id not in output and lm.facts.decoder_start_id not in output[:-1]


def test_languages_are_the_tokenizers_own_and_are_said(loaded_family):
    lm = loaded_family("m2m100")
    source, _, output = (lm.tokens(lm.encode_prompt("a"), lm.decoder_start, [])[i] for i in (0, 1, -1))
    assert (source.text, source.special, output.text, output.special) == ("__en__", True, "__fr__", True)
    assert lm.notes[0] == "Translates from en to fr, the tokenizer's languages."


def test_a_model_that_forces_a_language_is_believed(tmp_path, family_folder, loaded_family):
    folder = copy(family_folder("nllb"), tmp_path)
    german = loaded_family("nllb").tokenizer.convert_tokens_to_ids("deu_Latn")
    edit(folder, "generation_config.json", forced_bos_token_id=german)
    lm = load_folder(folder)
    assert lm.facts.languages == ("eng_Latn", "deu_Latn") and lm.decoder_start == [2, german]
    assert lm.encode_continuation("a", "b")[0] != german


def test_fused_and_gated_feed_forward_layers_are_told_from_plain_ones(loaded_family):
    gated = {name for name in FAMILIES if loaded_family(name).facts.gated_mlp}
    assert gated == {"llama", "qwen2", "qwen3", "gemma", "gemma2", "gemma3", "mistral", "phi3", "mt5"}


def test_small_half_precision_checkpoints_are_computed_in_float32(tmp_path):
    for dtype in (torch.float16, torch.bfloat16):
        folder = make("gpt2", tmp_path / str(dtype), dtype=dtype)
        lm = load_folder(folder)
        assert lm.dtype == torch.float32 == lm.model.get_input_embeddings().weight.dtype
        stored = load_file(folder / "model.safetensors")["transformer.wte.weight"]
        assert torch.equal(lm.model.get_input_embeddings().weight, stored.to(torch.float32))


@pytest.mark.parametrize(
    ("stored", "millions", "on_gpu", "computed"),
    [
        ("BF16", 100, False, "F32"),  # 200 MB
        ("BF16", 1000, False, "BF16"),  # 2 GB stay mapped from disk
        ("F16", 1000, False, "F32"),  # float16 overflows
        ("F16", 1000, True, "BF16"),
        ("F32", 1000, True, "F32"),
        ("F64", 1000, False, "F32"),
        ("I8", 1000, False, "F32"),
    ],
)
def test_the_type_computed_in_follows_size_and_checkpoint(stored, millions, on_gpu, computed):
    assert checks.compute_type(stored, millions * 10**6, on_gpu=on_gpu) == computed


def skeleton(family_folder, name):
    config = transformers.AutoConfig.from_pretrained(family_folder(name))
    with torch.device("meta"):
        return transformers.AutoModelForCausalLM.from_config(config)


def test_weights_go_to_one_gpu_then_to_several_then_to_the_cpu_then_are_offloaded(family_folder):
    model = skeleton(family_folder, "gpt2")
    size = sum(parameter.numel() for parameter in model.parameters()) * 4
    place = {"reserve": 0, "cpu": 10 * size}

    roomy = placement.place(model, "F32", gpus={0: size, 1: 3 * size}, **place)
    assert (roomy.label, roomy.device_map) == ("cuda:1", {"": 1})

    split = placement.place(model, "F32", gpus={0: int(size * 1.1), 1: int(size * 1.1)}, **place)
    assert split.label == "cuda:0+cuda:1" and set(split.device_map.values()) == {0, 1}

    reserved = placement.place(model, "F32", gpus={0: 3 * size}, reserve=2 * size, cpu=10 * size)
    assert (reserved.label, reserved.device_map) == ("cpu", None)

    last = placement.place(model, "F32", gpus={0: int(size * 1.1)}, reserve=0, cpu=size // 3)
    assert last.offloaded and set(last.device_map.values()) == {0, "disk"}

    with pytest.raises(TooLarge, match="0 MB of memory, and 0 MB are free"):
        placement.place(model, "F16", gpus={}, reserve=0, cpu=size // 9)


def test_offloaded_weights_give_the_same_logits(family_folder, monkeypatch, loaded_family):
    parts = {"transformer.wte": "cpu", "transformer.wpe": "cpu", "transformer.h.0": "cpu", "transformer.h.1": "disk",
             "transformer.ln_f": "cpu", "lm_head": "cpu"}  # fmt: skip
    forced = placement.Placement("offload", parts, torch.float32)
    monkeypatch.setattr(placement, "place", lambda *args, **kwargs: forced)
    lm = load_folder(family_folder("gpt2"))
    prompt = lm.encode_prompt(TEXT)
    assert lm.placement == "offload" and "without gradients" in lm.notes[0]
    assert lm.device == torch.device("cpu")
    assert torch.equal(logits(lm.model, lm, prompt, []), logits(loaded_family("gpt2").model, lm, prompt, []))


def test_memory_is_known_from_the_headers_alone(family_folder, loaded_family):
    lm = loaded_family("bart")
    assert checks.memory(checks.counts(lm.source.path)) == pytest.approx(lm.n_bytes, rel=0.02)


def test_loading_leaves_the_library_as_it_was(family_folder):
    linspace = torch.linspace
    load_folder(family_folder("llama"))
    assert torch.get_default_dtype() == torch.float32 and torch.linspace is linspace
    assert torch.zeros(1).device.type == "cpu"


def test_models_loaded_from_many_threads_come_out_right(family_folder, loaded_family):
    names = ("gpt2", "llama", "bart", "t5")
    for name in names:
        loaded_family(name)
    with ThreadPoolExecutor(4) as pool:
        models = list(pool.map(lambda name: load_folder(family_folder(name)), names * 2))
    for name, lm in zip(names * 2, models, strict=True):
        prompt = lm.encode_prompt(TEXT)
        right = logits(loaded_family(name).model, lm, prompt, [])
        assert torch.equal(logits(lm.model, lm, prompt, []), right), name


def test_sharded_weights_load(tmp_path, family_folder, loaded_family):
    folder = copy(family_folder("gpt2"), tmp_path)
    shard(folder)
    lm = load_folder(folder)
    assert torch.equal(lm.model.lm_head.weight, loaded_family("gpt2").model.lm_head.weight)


# Folders that must not load


def copy(folder, tmp_path):
    return shutil.copytree(folder, tmp_path / "model")


def edit(folder, name="config.json", **changes):
    data = json.loads((folder / name).read_text(encoding="utf-8"))
    (folder / name).write_text(json.dumps(data | changes), encoding="utf-8")


def shard(folder):
    """Cut the weights in two files with an index, as large models come."""
    tensors = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    names = sorted(tensors)
    halves = {f"model-0000{i + 1}-of-00002.safetensors": names[i::2] for i in range(2)}
    for file, part in halves.items():
        save_file({name: tensors[name] for name in part}, folder / file, {"format": "pt"})
    index = {"metadata": {}, "weight_map": {name: file for file, part in halves.items() for name in part}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index), encoding="utf-8")


def no_weights(folder):
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")


def hostile_index(folder):
    shard(folder)
    index = json.loads((folder / "model.safetensors.index.json").read_text(encoding="utf-8"))
    index["weight_map"]["transformer.wte.weight"] = "../../../etc/passwd"
    (folder / "model.safetensors.index.json").write_text(json.dumps(index), encoding="utf-8")


def missing_shard(folder):
    shard(folder)
    (folder / "model-00002-of-00002.safetensors").unlink()


def missing_tensor(folder):
    tensors = load_file(folder / "model.safetensors")
    del tensors["transformer.h.0.ln_1.weight"]
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})


def truncated(folder):
    data = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(data[: len(data) // 2])


def enormous_header(folder):
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", 2**60) + b"{}")


def deep_json(folder):
    (folder / "config.json").write_text('{"a":' + "[" * 60 + "]" * 60 + "}", encoding="utf-8")


def long_json(folder):
    edit(folder, padding="x" * 1_100_000)


def growing_tokenizer(folder):
    steps = [{"type": "Replace", "pattern": {"String": "a"}, "content": "a" * 9} for _ in range(6)]
    edit(folder, "tokenizer.json", normalizer={"type": "Sequence", "normalizers": steps})


def no_tokenizer(folder):
    for path in folder.glob("tokenizer*"):
        path.unlink()


@pytest.mark.parametrize(
    ("damage", "error", "sentence"),
    [
        (no_weights, ModelUnavailable, "no safetensors weights"),
        (hostile_index, ModelUnavailable, "index names files that are not weights"),
        (missing_shard, ModelUnavailable, "1 of the model's weight files are missing"),
        (missing_tensor, ModelUnavailable, "1 of the model's weights are missing"),
        (truncated, ModelUnavailable, "model.safetensors is damaged"),
        (enormous_header, ModelUnavailable, "model.safetensors is damaged"),
        (deep_json, ModelUnavailable, "not what such a file is"),
        (long_json, TooLarge, "more than 1,000,000"),
        (growing_tokenizer, NotSupported, "531,441 times as long"),
        (no_tokenizer, ModelUnavailable, "without a tokenizer"),
        (lambda folder: edit(folder, n_layer=1_000_000), TooLarge, "n_layer 1,000,000, more than the 200"),
        (lambda folder: edit(folder, vocab_size=2**40), TooLarge, "more than the 1,000,000"),
        (lambda folder: edit(folder, n_embd=8192, n_layer=90), ModelUnavailable, "asks for .* weights, and its files"),
        (lambda folder: edit(folder, quantization_config={"bits": 4}), NotSupported, "quantized"),
        (lambda folder: edit(folder, model_type="never-heard-of"), ModelUnavailable, "could not be loaded"),
        (lambda folder: edit(folder, model_type="vit"), NotSupported, "'vit' do not write text"),
    ],
)  # fmt: skip
def test_a_folder_that_cannot_be_trusted_gives_one_sentence(damage, error, sentence, tmp_path, family_folder):
    folder = copy(family_folder("gpt2"), tmp_path)
    damage(folder)
    with pytest.raises(error, match=sentence) as caught:
        load_folder(folder)
    assert "\n" not in str(caught.value)


def test_code_in_a_folder_is_never_run(tmp_path, family_folder):
    folder = copy(family_folder("gpt2"), tmp_path)
    canary = tmp_path / "canary"
    (folder / "evil.py").write_text(
        f"open({str(canary)!r}, 'w')\nfrom transformers import GPT2Config as C, GPT2LMHeadModel as M\n"
        "from transformers import PreTrainedTokenizerFast as T\n",
        encoding="utf-8",
    )
    edit(folder, auto_map={"AutoConfig": "evil.C", "AutoModelForCausalLM": "evil.M"})
    edit(folder, "tokenizer_config.json", auto_map={"AutoTokenizer": ["evil.T", "evil.T"]})
    lm = load_folder(folder)  # gpt2 is known, so its own code is used
    assert lm.facts.n_layers == LAYERS
    edit(folder, model_type="evil")
    with pytest.raises(AppError):
        load_folder(folder)
    assert not canary.exists()


def test_a_config_cannot_choose_the_attention_or_a_kernel(tmp_path, family_folder):
    folder = copy(family_folder("gpt2"), tmp_path)
    edit(folder, _attn_implementation="sdpa", attn_implementation="sdpa")
    assert load_folder(folder).model.config._attn_implementation == "eager"
    edit(folder, _attn_implementation="evil/kernel")
    with pytest.raises(NotSupported, match="asks for code from the Hub"):
        load_folder(folder)


def test_generation_settings_of_a_repository_are_ignored_but_for_its_ids(tmp_path, family_folder):
    folder = copy(family_folder("gpt2"), tmp_path)
    edit(folder, "generation_config.json", eos_token_id=[0, 5, 9_999_999], max_new_tokens=10**9)
    assert load_folder(folder).facts.eos_ids == (0, 5)


def test_a_padding_token_without_an_embedding_does_not_exist(tmp_path, family_folder):
    folder = copy(family_folder("gpt2"), tmp_path)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    tokenizer.add_special_tokens({"pad_token": "<pad>"})
    tokenizer.save_pretrained(folder)
    lm = load_folder(folder)
    assert lm.tokenizer.pad_token_id == lm.facts.d_vocab and lm.facts.pad_id is None


@pytest.mark.parametrize(
    ("name", "wanted", "pair"),
    [
        ("nllb", "deu_Latn", ("eng_Latn", "deu_Latn")),
        ("nllb", "fra_Latn > deu_Latn", ("fra_Latn", "deu_Latn")),
        ("m2m100", "de>nl", ("de", "nl")),
    ],
)
def test_another_pair_of_languages_is_another_view_of_the_same_weights(name, wanted, pair, loaded_family):
    lm = loaded_family(name)
    before = (lm.encode_prompt("a"), list(lm.decoder_start), lm.facts)
    other = translating(lm, wanted)
    assert other.model is lm.model and other.facts.languages == pair
    texts = [token.text for token in other.tokens(other.encode_prompt("a"), other.decoder_start, [])]
    tags = [f"__{language}__" if len(language) == 2 else language for language in pair]
    assert [text for text in texts if text in tags] == tags
    assert other.notes[0] == f"Translates from {pair[0]} to {pair[1]}, as asked."
    assert (lm.encode_prompt("a"), list(lm.decoder_start), lm.facts) == before


@pytest.mark.parametrize(
    ("name", "wanted", "sentence"),
    [
        ("nllb", "tlh_Latn", "the model knows no language 'tlh_Latn'"),
        ("nllb", "a > b > c", "is not a language or SOURCE > TARGET"),
        ("m2m100", "deu_Latn", "the model knows no language 'deu_Latn'. They look like en."),
        ("bart", "de", "has no languages to choose from"),
    ],
)
def test_a_language_that_cannot_be_is_refused_in_a_sentence(name, wanted, sentence, loaded_family):
    with pytest.raises(AppError, match=sentence):
        translating(loaded_family(name), wanted)


def test_no_languages_asked_leave_the_model_as_it_is(loaded_family):
    assert translating(loaded_family("bart"), " ") is loaded_family("bart")
