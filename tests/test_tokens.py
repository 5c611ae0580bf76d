"""Tokens join to words, sentences and whole characters, whatever the tokenizer."""

from __future__ import annotations

from spaces_app.tokens import Token, first_content_token, sentence_ids, word_ids


def tokens(*texts: str, segment: str = "prompt", special: bool = False) -> list[Token]:
    return [Token(i, text, segment, special) for i, text in enumerate(texts)]


def test_pieces_of_a_word_join_and_punctuation_stands_alone():
    assert word_ids(tokens("The", " key", "s", " to", " the", " table", ",", " don", "'t")) == [
        0,
        1,
        1,
        2,
        3,
        4,
        5,
        6,
        6,
    ]


def test_scripts_without_spaces_break_at_every_token():
    assert word_ids(tokens("我", "爱", "你", "!")) == [0, 1, 2, 3]


def test_a_word_never_crosses_from_prompt_to_output_nor_a_special_token():
    prompt, output = tokens("un"), tokens("known", segment="generated")
    assert word_ids(prompt + output) == [0, 1]
    assert word_ids(tokens("a") + tokens("</s>", special=True) + tokens("b")) == [0, 1, 2]


def test_pieces_of_a_character_belong_to_its_word():
    assert word_ids(tokens("naï", "", "ve", " x")) == [0, 0, 0, 1]


def test_sentences_end_at_stops_and_line_breaks_but_not_inside_numbers():
    texts = ["Hi", ".", " It", " is", " 3", ".", "14", ".", " Yes", "!", "\n", "No"]
    assert sentence_ids(tokens(*texts)) == [0, 0, 1, 1, 1, 1, 1, 1, 2, 2, 2, 3]


def test_an_elision_is_a_word_of_its_own_and_a_contraction_is_not():
    assert word_ids(tokens("parce", " qu", "'", "elle", " d", "'", "un")) == [0, 1, 1, 2, 3, 3, 4]
    assert word_ids(tokens("I", "'", "m", " don", "'", "t", " we", "'", "ll")) == [0, 0, 0, 1, 1, 1, 2, 2, 2]


def test_the_first_content_token_is_a_word_of_the_output():
    row = tokens("The") + tokens(",", "\n", " are", segment="generated")
    assert first_content_token(row) == 3
    assert first_content_token(tokens("The") + tokens(",", segment="generated")) == 1
    assert first_content_token(tokens("The")) == -1


def test_a_space_of_its_own_begins_the_word_behind_it():
    # As SentencePiece cuts "The researcher": the space before a word of several pieces is a piece, too.
    assert word_ids(tokens("The", " ", "re", "searcher", " ", "9")) == [0, 1, 1, 1, 2, 2]
    assert word_ids(tokens("a", " ") + tokens("b", segment="generated")) == [0, 1, 2]
