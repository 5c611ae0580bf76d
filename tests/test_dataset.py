"""Tables of prompts: each row is one question, and what stands beside it changes nothing."""

from __future__ import annotations

import csv
import json
from dataclasses import replace

import numpy as np
import pytest

from spaces_app.analyses.attribution.spec import AttributionSpec
from spaces_app.cli.main import main
from spaces_app.data import rows as dataset
from spaces_app.errors import AppError, SpecError
from spaces_app.serving.many import run_many
from spaces_app.serving.runner import Runner
from spaces_app.settings import Settings

PROMPTS = ["The nurse left early because", "2, 4,", "The keys to the cabinet", "Helen called a friend before"]


@pytest.fixture
def runner(tmp_path):
    runner = Runner(replace(Settings.from_env({}), store=str(tmp_path / "store")))
    yield runner
    runner.stop()


def write_csv(path, rows):
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    return path


@pytest.mark.parametrize("method", ["saliency", "integrated_gradients", "occlusion", "attention"])
def test_many_prompts_of_different_lengths_give_the_numbers_of_each_alone(method, runner, tmp_path):
    specs = [AttributionSpec(prompt=text, method=method, n_steps=4, max_new_tokens=5) for text in PROMPTS]
    together = list(run_many(specs, runner))
    alone_runner = Runner(replace(runner.settings, store=str(tmp_path / "other")))
    try:
        for spec, result in zip(specs, together, strict=True):
            alone = alone_runner.run(spec)
            assert alone.tokens == result.tokens
            for name, array in alone.arrays.items():
                np.testing.assert_array_equal(array.values, result.arrays[name].values)
    finally:
        alone_runner.stop()


def test_a_row_that_fails_stops_no_other(runner):
    specs = [AttributionSpec(prompt="2, 4,", max_new_tokens=2), SpecError("no."), AttributionSpec(prompt="")]
    answers = list(run_many(specs, runner))
    assert [isinstance(answer, AppError) for answer in answers] == [False, True, True]


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".jsonl", ".parquet", ".txt"])
def test_tables_are_read_row_by_row(suffix, tmp_path):
    import datasets

    path, table = tmp_path / f"table{suffix}", datasets.Dataset.from_dict({"text": PROMPTS})
    if suffix == ".txt":
        path.write_text("\n".join(PROMPTS), encoding="utf-8")
    elif suffix == ".parquet":
        table.to_parquet(path)
    elif suffix == ".jsonl":
        table.to_json(path)
    else:
        table.to_csv(path, sep="\t" if suffix == ".tsv" else ",", index=False)
    assert [row["text"] for row in dataset.rows(str(path))] == PROMPTS


def test_a_row_becomes_a_spec_by_named_and_by_equal_columns():
    row = {"question": "2, 4,", "method": "occlusion", "note": "x", "max_new_tokens": 3, "continuation": None}
    spec = dataset.spec_of(row, AttributionSpec, named={"prompt": "question"}, fixed={"max_new_tokens": "7"})
    assert spec == AttributionSpec(prompt="2, 4,", method="occlusion", max_new_tokens=7)


@pytest.mark.parametrize(
    ("data", "sentence"),
    [("nothing.csv", "nothing.csv does not exist"), ("table.xlsx", "table.xlsx is not one of .json, .jsonl")],
)
def test_tables_that_cannot_be_read_are_refused_in_a_sentence(data, sentence, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "table.xlsx").write_bytes(b"PK")
    with pytest.raises(SpecError, match=sentence):
        list(dataset.rows(data))


def test_the_command_line_answers_a_table(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("SEQSCOPE_STORE", str(tmp_path / "store"))
    rows = [{"question": text, "kind": "held out"} for text in [*PROMPTS[:2], ""]]
    path, out = write_csv(tmp_path / "questions.csv", rows), tmp_path / "answers.jsonl"
    flags = ["--column", "prompt=question", "--method", "occlusion", "--max-new-tokens", "3", "--json", str(out)]
    assert main(["attribution", "--data", str(path), *flags]) == 1
    answers = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    assert [answer["row"] for answer in answers] == [0, 1, 2]
    assert [answer.get("spec", {}).get("prompt") for answer in answers] == [*PROMPTS[:2], None]
    assert answers[2]["error"].startswith("prompt:")
    assert "row 2: prompt:" in capsys.readouterr().err


def test_a_column_that_is_not_there_is_named(tmp_path, capsys):
    path = write_csv(tmp_path / "questions.csv", [{"question": "2, 4,"}])
    assert main(["attribution", "--data", str(path), "--column", "prompt=text"]) == 1
    assert "there is no column 'text'. There are question." in capsys.readouterr().err
    assert main(["attribution", "--data", str(path), "--column", "nothing=text"]) == 2
    assert "'nothing=text' is not FIELD=COLUMN" in capsys.readouterr().err


def test_a_run_writes_in_the_language_that_is_asked(runner, family_folder):
    spec = AttributionSpec(model=str(family_folder("nllb")), prompt="a b", max_new_tokens=3, method="attention")
    usual, german = runner.run(spec), runner.run(spec.replace(languages="deu_Latn"))
    starts = [[token.text for token in result.tokens if token.segment == "prompt"][-1] for result in (usual, german)]
    assert starts == ["fra_Latn", "deu_Latn"]
    assert "Translates from eng_Latn to deu_Latn, as asked." in german.notes["warnings"]


def test_a_row_pasted_with_bos_is_read_with_it_once(tmp_path, family_folder):
    path, out = write_csv(tmp_path / "chats.csv", [{"prompt": "<s>a b"}, {"prompt": "a b"}]), tmp_path / "out.jsonl"
    flags = [
        "--model",
        str(family_folder("llama")),
        "--method",
        "attention",
        "--max-new-tokens",
        "2",
        "--json",
        str(out),
    ]
    assert main(["attribution", "--data", str(path), *flags]) == 0
    rows = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    texts = [[token["text"] for token in row["tokens"] if token["segment"] == "prompt"] for row in rows]
    assert [row.count("<s>") for row in texts] == [1, 1]
    assert any("begins with “<s>” already" in line for line in rows[0]["notes"]["warnings"])
