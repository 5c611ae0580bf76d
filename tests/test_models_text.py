"""Text to tokens and back, whatever the tokenizer and whatever the text."""

from __future__ import annotations

import families
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as bounds
from hypothesis import strategies as st

from spaces_app.errors import SpecError
from spaces_app.models.codec import Codec, between, special_ids
from spaces_app.tokens import word_ids

FAMILY = "\N{MAN}\N{ZERO WIDTH JOINER}\N{WOMAN}\N{ZERO WIDTH JOINER}\N{GIRL}"
HOSTILE = ("<img src=x onerror=alert(1)>", "${alert(1)}", "{{constructor}}", "</script>", "a\u2028b")
LOSSLESS = ("gpt2", "qwen", "bart", "opt", "llama", "gemma")
TEXTS = {
    "leading and double spaces": "  The  keys ",
    "lines": "one\n\ntwo\r\n\tthree\n",
    "a family of emoji": f"a {FAMILY} b",
    "a flag": "\N{REGIONAL INDICATOR SYMBOL LETTER F}\N{REGIONAL INDICATOR SYMBOL LETTER R}",
    "right to left": "שלום עולם \u202eabc\u202c",
    "Chinese": "我喜欢语言模型。",
    "combining marks": "e\u0301 ñ Å",
    "NUL and controls": "a\0b\x01\x7f",
    "replacement characters": "\ufffd\ufffda\ufffd",
    "private use": "\ue000\U0010fffd",
    "hostile": " ".join(HOSTILE),
}


@pytest.fixture(scope="module")
def codecs():
    """One Codec for each kind of tokenizer."""
    decoders = {
        "gpt2": families._gpt2_tokenizer(),
        "qwen": families._qwen_tokenizer(),
        "opt": families._opt_tokenizer(),
        "llama": families._llama_tokenizer(),
        "gemma": families._gemma_tokenizer(),
        "wordpiece": families.wordpiece(),
    }
    translators = {
        "bart": families._bart_tokenizer(),
        "t5": families.unigram(),
        "marian": families.marian(),
        "nllb": families.nllb(),
    }
    made = {name: codec(tokenizer) for name, tokenizer in decoders.items()}
    return made | {name: codec(tokenizer, encoder_decoder=True) for name, tokenizer in translators.items()}


def codec(tokenizer, *, encoder_decoder=False, forced=()):
    return Codec(tokenizer, encoder_decoder, forced, tokenizer.eos_token_id, special_ids(tokenizer, forced))


def reading(codec, ids):
    """What a person reads: the texts of all tokens that are not special."""
    texts = codec.texts(ids)
    return "".join(text for token_id, text in zip(ids, texts, strict=True) if not codec.special(token_id))


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
@pytest.mark.parametrize("name", LOSSLESS)
def test_tokenizers_that_keep_everything_show_everything(name, text, codecs):
    ids = codecs[name].prompt(text)
    assert reading(codecs[name], ids) == text
    assert codecs[name].warnings(text) == ()


characters = st.one_of(
    st.sampled_from(["a", "The", " ", "  ", "\n", ".", "é", "字", "\0", "\ufffd", FAMILY, "\u202e", "<s>", "</s>"]),
    st.characters(exclude_categories=["Cs"], exclude_characters="▁"),  # SentencePiece writes spaces so
)
texts = st.lists(characters, min_size=1, max_size=12).map("".join)

many = bounds(max_examples=150, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck))


@pytest.mark.parametrize("name", ["gpt2", "llama", "gemma", "wordpiece", "t5", "nllb"])
def test_pieces_join_to_what_the_tokenizer_decodes(name, codecs):
    codec = codecs[name]

    @many
    @given(texts)
    def check(text):
        ids = codec._ids(text)
        content = [token_id for token_id in ids if not codec.special(token_id)]
        assert reading(codec, ids) == (codec._pieces.decode(content) if content else "")

    check()


@pytest.mark.parametrize("name", ["gpt2", "llama", "gemma"])
def test_an_output_reads_on_from_its_prompt(name, codecs):
    codec = codecs[name]

    @many
    @given(texts, texts)
    def check(prompt, output):
        ids = codec.prompt(prompt) + codec.continuation(prompt, output)
        if not any(codec.special(token_id) for token_id in codec._ids(prompt + between(prompt, output) + output)):
            assert reading(codec, ids) == prompt + between(prompt, output) + output

    check()


def test_a_character_cut_over_tokens_stands_at_its_first_token(codecs):
    codec = codecs["gpt2"]
    ids = codec.prompt("a\N{GRINNING FACE}b")
    assert codec.texts(ids) == ["a", "\N{GRINNING FACE}", "", "", "", "b"]


def test_bytes_that_form_no_character_are_shown_as_in_the_decoded_text(codecs):
    tokenizer = codecs["gpt2"].tokenizer
    first, second, letter = (tokenizer.convert_tokens_to_ids(token) for token in ("ð", "Ł", "a"))  # bytes F0 9F
    ids = [first, second, letter, first, first]
    assert codecs["gpt2"].texts(ids) == ["\ufffd", "", "a", "\ufffd", "\ufffd"]
    assert tokenizer.decode(ids) == "\ufffda\ufffd\ufffd"


def test_leading_spaces_are_kept_inside_a_text_and_dropped_where_the_tokenizer_puts_one_before_it(codecs):
    for name in ("llama", "t5", "marian", "nllb"):
        shown = codecs[name].texts(codecs[name]._ids("on the table"))
        assert shown[0].startswith("o") and " t" in "".join(shown)
    assert codecs["llama"].texts(codecs["llama"].prompt("The keys are")) == ["<s>", "The", " key", "s", " are"]


def test_ten_thousand_characters_are_encoded_and_shown(codecs):
    text = ("The keys to the cabinet are on the table. " * 250)[:10_000]
    for name in ("gpt2", "llama"):
        assert reading(codecs[name], codecs[name].prompt(text)) == text


def test_words_are_found_across_tokenizers(codecs):
    from spaces_app.tokens import Token

    for name in ("gpt2", "llama", "gemma"):
        ids = codecs[name]._ids("The cabinet, the keys")
        tokens = [Token(i, text, "prompt") for i, text in zip(ids, codecs[name].texts(ids), strict=True)]
        assert max(word_ids(tokens)) == 4  # The, cabinet, the comma, the, keys


# What is put between prompt and output


@pytest.mark.parametrize(
    ("prompt", "output", "space"),
    [
        ("The keys", "are", " "),
        ("The keys", " are", ""),
        ("The keys ", "are", ""),
        ("The keys,", "are", " "),
        ("The answer:", "yes", " "),
        ("3.", "14", ""),
        ("8, 9,", "10", " "),
        ("The dog", "'s bone", ""),
        ("l'", "homme", ""),
        ("The", ".", ""),
        ("<a>", "text", ""),
        ("我", "喜欢", ""),
        ("The", "猫", ""),
        ("A line\n", "next", ""),
    ],
)
def test_a_space_is_put_only_where_words_would_run_together(prompt, output, space, codecs):
    assert between(prompt, output) == space
    ids = codecs["gpt2"].prompt(prompt) + codecs["gpt2"].continuation(prompt, output)
    assert reading(codecs["gpt2"], ids) == prompt + space + output


def test_the_prompt_keeps_its_ids_when_an_output_would_merge_with_it(codecs):
    for name in ("gpt2", "llama"):
        codec = codecs[name]
        prompt = codec.prompt("The cabi")
        whole = codec._ids("The cabinet")
        rest = codec.continuation("The cabi", "\u200bnet")
        assert reading(codec, prompt + rest) == "The cabi\u200bnet"
        assert codec.continuation("The", " cabinet") == whole[len(codec._ids("The")) :]


# Special tokens


def test_special_tokens_that_are_typed_are_read_as_such_and_said(codecs):
    codec = codecs["llama"]
    ids = codec.prompt("a</s>b")
    marks = [(text, codec.special(token_id)) for token_id, text in zip(ids, codec.texts(ids), strict=True)]
    assert [mark for mark in marks if mark[0].strip()] == [("<s>", True), ("a", False), ("</s>", True), ("b", False)]
    assert codec.warnings("a</s>b")[0] == "“</s>” in the prompt was read as a special token."


def test_chat_marks_are_special_even_when_the_tokenizer_does_not_say_so(codecs):
    tokenizer = families._gpt2_tokenizer()
    tokenizer.add_tokens(["<tool_call>", "[INST]", "word"])
    codec_ = codec(tokenizer)
    ids = codec_.prompt("<tool_call>word[INST]")
    assert [codec_.special(token_id) for token_id in ids] == [True, False, True]
    assert codec_.texts(ids) == ["<tool_call>", "word", "[INST]"]


def test_an_unknown_word_is_the_readers_not_special(codecs):
    codec = codecs["wordpiece"]
    ids = codec.prompt("the 字")
    assert codec.texts(ids)[-1].strip() == "[UNK]" and not codec.special(ids[-1])


@pytest.mark.parametrize("mark", HOSTILE)
def test_hostile_vocabulary_is_only_text(mark):
    for special in (False, True):
        tokenizer = families._gpt2_tokenizer()
        tokenizer.add_tokens([mark], special_tokens=special)
        codec_ = codec(tokenizer)
        ids = codec_.prompt(f"a{mark}b")
        assert codec_.texts(ids) == ["a", mark, "b"]


def test_ids_the_tokenizer_does_not_know_have_a_name(codecs):
    for name in ("gpt2", "llama", "marian"):
        number = len(codecs[name].tokenizer) + 7
        assert codecs[name].texts([number]) == [f"<id {number}>"] and codecs[name].special(number)


def test_a_prompt_is_not_ended_for_a_model_that_goes_on_writing():
    tokenizer = families.byte_level(marks=("<s>", "</s>"), before=("<s>",), after=("</s>",), eos_token="</s>")
    assert codec(tokenizer).texts(codec(tokenizer).prompt("a")) == ["<s>", "a"]
    assert codec(tokenizer, encoder_decoder=True).texts(tokenizer("a")["input_ids"]) == ["<s>", "a", "</s>"]


def test_outputs_end_once_and_do_not_repeat_what_is_forced():
    tokenizer = families._bart_tokenizer()
    start = tokenizer.convert_tokens_to_ids("<s>")
    forced = codec(tokenizer, encoder_decoder=True, forced=(tokenizer.eos_token_id, start))
    assert forced.texts(forced.target("a")) == ["a", "</s>"]
    bare = families.byte_level(marks=("</s>",), eos_token="</s>")
    assert codec(bare, encoder_decoder=True).texts(codec(bare, encoder_decoder=True).target("a")) == ["a", "</s>"]


# Texts pasted with the marks that the tokenizer adds


CHAT = "{{ bos_token }}{% for m in messages %}[{{ m['role'] }}] {{ m['content'] }}\n{% endfor %}[assistant]"


@pytest.mark.parametrize("name", ["llama", "gemma", "opt"])
def test_a_chat_template_that_begins_with_bos_has_it_once(name, codecs):
    codec, tokenizer = codecs[name], codecs[name].tokenizer
    messages = [{"role": "user", "content": "The keys"}]
    said = tokenizer.apply_chat_template(messages, chat_template=CHAT, tokenize=False)
    ids = tokenizer.apply_chat_template(messages, chat_template=CHAT, return_dict=False)
    assert said.startswith(tokenizer.bos_token) and ids.count(tokenizer.bos_token_id) == 1
    assert codec.prompt(said) == ids
    assert codec.texts(codec.prompt(said))[0] == tokenizer.bos_token
    assert codec.warnings(said) == (
        f"The prompt begins with “{tokenizer.bos_token}” already, which is not added again.",
    )
    # A text inside another does not begin what the model reads.
    assert codec.warnings(said, whole=False) == (f"“{tokenizer.bos_token}” in the prompt was read as a special token.",)
    output = tokenizer(said + " yes", add_special_tokens=False)["input_ids"]
    assert codec.prompt(said) + codec.continuation(said, " yes") == output


def test_bos_inside_a_text_stays_as_typed(codecs):
    codec, tokenizer = codecs["llama"], codecs["llama"].tokenizer
    assert codec.prompt("a<s>b") == tokenizer("a<s>b")["input_ids"]
    assert codec.prompt("a<s>b").count(tokenizer.bos_token_id) == 2
    assert codec.warnings("a<s>b") == ("“<s>” in the prompt was read as a special token.",)


def test_a_tokenizer_that_adds_no_bos_reads_what_is_typed(codecs):
    codec = codecs["gpt2"]
    assert codec.prompt("<|endoftext|>a") == codec.tokenizer("<|endoftext|>a")["input_ids"]
    assert codec.warnings("<|endoftext|>a") == ("“<|endoftext|>” in the prompt was read as a special token.",)


def test_an_end_mark_typed_for_a_model_that_goes_on_stays():
    tokenizer = families.byte_level(marks=("<s>", "</s>"), before=("<s>",), after=("</s>",), eos_token="</s>")
    assert codec(tokenizer).texts(codec(tokenizer).prompt("<s>a</s>")) == ["<s>", "a", "</s>"]
    assert codec(tokenizer).texts(codec(tokenizer).prompt("<s>a")) == ["<s>", "a"]


# Texts that cannot be asked about


@pytest.mark.parametrize("name", ["gpt2", "llama", "t5", "marian", "wordpiece"])
def test_empty_texts_are_refused_with_the_field(name, codecs):
    for call, field in ((lambda c: c.prompt(""), "prompt"), (lambda c: c.target(""), "continuation")):
        with pytest.raises(SpecError, match="empty") as caught:
            call(codecs[name])
        assert caught.value.field == field
    with pytest.raises(SpecError, match="empty"):
        codecs[name].continuation("The", "")


def test_a_text_the_tokenizer_removes_is_refused(codecs):
    with pytest.raises(SpecError, match="leaves nothing of this text"):
        codecs["wordpiece"].prompt("\0 \t")


def test_half_a_surrogate_pair_is_refused_with_its_position(codecs):
    for name in ("gpt2", "marian"):
        with pytest.raises(SpecError, match="character 3"):
            codecs[name].prompt("ab\ud800")


def test_a_tokenizer_that_changes_the_text_is_reported(codecs):
    changed = "The tokenizer changed the text of the prompt; what the model read is shown."
    assert codecs["wordpiece"].warnings("The Keys") == (changed,)
    assert codecs["wordpiece"].warnings("the keys") == ()
    assert codecs["t5"].warnings("ﬁve") == (changed,)
    assert codecs["gpt2"].warnings("The Keys", "ﬁve\0") == ()
