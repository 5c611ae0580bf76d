"""Writing: the same tokens as transformers writes, the same samples for the same seed, and an end."""

from __future__ import annotations

import pytest
import tiny
import torch
from families import FAMILIES

from spaces_app.engine.generate import check_length, generate
from spaces_app.errors import Cancelled, NotSupported, SpecError


def silent(_done: int, _total: int, _what: str) -> None:
    pass


def write(lm, prompt: tuple, n: int = 8, *, source: tuple = (), sampling: tuple = (0.0, 1.0, 0), tick=silent):
    return generate(lm, (source, prompt), max_new_tokens=n, sampling=sampling, tick=tick)


@pytest.mark.parametrize("name", FAMILIES)
def test_greedy_writing_gives_the_tokens_transformers_gives(loaded_family, name):
    lm = loaded_family(name)
    source, prompt, _ = tiny.sequence(lm)
    read = torch.tensor([source or prompt])
    options = {"max_new_tokens": 8, "do_sample": False, "num_beams": 1, "use_cache": False}
    if lm.facts.encoder_decoder:
        options |= {"decoder_input_ids": torch.tensor([prompt])}
    expected = lm.model.generate(read, attention_mask=torch.ones_like(read), **options)[0].tolist()
    expected = expected[len(prompt) :]
    assert list(write(lm, prompt, source=source)) == expected


def test_a_model_that_reads_everything_again_writes_the_same():
    lm = tiny.random("MambaForCausalLM", "MambaConfig", vocab_size=61, hidden_size=32, num_hidden_layers=2)
    prompt = (5, 9, 23)
    written = list(prompt)
    with torch.no_grad():
        for _ in range(6):
            written.append(int(lm.model(torch.tensor([written])).logits[0, -1].argmax()))
    assert write(lm, prompt, 6) == tuple(written[3:])


def test_a_seed_gives_the_same_text_again_and_another_seed_another():
    lm = tiny.gpt2(spread=1.0)
    texts = [write(lm, (5, 9), 12, sampling=(1.5, 1.0, seed)) for seed in (1, 1, 2)]
    assert texts[0] == texts[1] != texts[2]


def test_sampling_leaves_the_global_generator_alone():
    before = torch.get_rng_state()
    write(tiny.gpt2(), (5, 9), sampling=(1.0, 0.9, 3))
    assert torch.equal(torch.get_rng_state(), before)


def test_a_small_top_p_leaves_only_the_likeliest_token():
    lm = tiny.gpt2()
    greedy = write(lm, (5, 9), 12)
    assert {write(lm, (5, 9), 12, sampling=(0.1, 0.05, seed)) for seed in range(5)} == {greedy}


def test_sampled_tokens_come_as_often_as_their_probability_says():
    lm = tiny.wrapped(tiny.LinearModel([[1.0], [1.0], [1.0], [1.0]], [[0.0], [1.0986], [-9.0], [-9.0]]), eos_ids=())
    first = [write(lm, (0,), 1, sampling=(1.0, 1.0, seed))[0] for seed in range(400)]
    assert first.count(1) / 400 == pytest.approx(0.75, abs=0.07)  # logits 0 and ln 3: 1/4 and 3/4; 3 sigma is 0.065


def test_writing_stops_at_the_end_mark_and_keeps_it():
    lm = tiny.gpt2()
    text = write(lm, (5, 9), 10, sampling=(2.0, 1.0, 0))
    end = next(token for token in text if token != text[0])
    lm.facts.eos_ids = (end,)
    assert write(lm, (5, 9), 10, sampling=(2.0, 1.0, 0)) == text[: text.index(end) + 1]


def test_a_model_that_writes_nothing_but_an_end_mark_says_so():
    lm = tiny.gpt2()
    lm.facts.eos_ids = (write(lm, (5, 9), 1)[0],)
    with pytest.raises(NotSupported, match="wrote nothing: its first token is the end mark"):
        write(lm, (5, 9))


def test_tokens_the_checkpoint_bars_are_never_written():
    lm = tiny.gpt2()
    first = write(lm, (5, 9), 1)[0]
    lm.model.generation_config.bad_words_ids = [[first], [3, 4]]  # the second bars a sequence, not its tokens
    assert first not in write(lm, (5, 9), 12)


def test_writing_ends_where_the_positions_end():
    lm = tiny.gpt2(n_positions=10)
    lm.facts.max_positions = 10
    assert len(write(lm, (5, 9, 7), 50)) == 8  # 3 + 8 tokens, of which the last needs no position
    assert len(write(lm, tuple(range(5, 15)), 50)) == 1


def test_a_text_longer_than_the_positions_is_refused_with_both_numbers():
    lm = tiny.gpt2(n_positions=10)
    lm.facts.max_positions = 10
    with pytest.raises(SpecError, match="prompt: 11 tokens are too many for this model, which takes 10"):
        write(lm, tuple(range(5, 16)))
    check_length(lm, ((), (5,) * 4, (6,) * 7))
    with pytest.raises(SpecError, match="continuation: 11 tokens"):
        check_length(lm, ((), (5,) * 4, (6,) * 8))
    lm.facts.encoder_decoder, lm.facts.max_source_positions = True, 2900
    with pytest.raises(SpecError, match="prompt: 2,901 tokens are too many for this model, which takes 2,900"):
        check_length(lm, ((5,) * 2901, (2,), ()))


def test_a_visitor_who_left_stops_the_writing():
    told = []

    def leave(done, total, what):
        told.append((done, total, what))
        if done == 2:
            raise Cancelled("stopped.")

    with pytest.raises(Cancelled):
        write(tiny.gpt2(), (5, 9), tick=leave)
    assert list(dict.fromkeys(told)) == [(0, 8, "Writing"), (1, 8, "Writing"), (2, 8, "Writing")]


def test_an_output_that_overflows_is_refused_in_a_sentence():
    lm = tiny.gpt2()
    lm.model.transformer.ln_f.weight.data.fill_(torch.inf)
    with pytest.raises(NotSupported, match="not finite"):
        write(lm, (5, 9))
