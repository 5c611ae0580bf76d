"""The Hub, played by a server on loopback: download, exact revisions, life without a network, and clear errors."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import threading
import time

import pytest
import torch
from support import ROOT, no_tick

from spaces_app.errors import AppError, Cancelled, ModelUnavailable, NotSupported, SpecError, TooLarge
from spaces_app.models import cards, checks
from spaces_app.models import resolve as resolving
from spaces_app.models.cards import listed
from spaces_app.models.hub import client
from spaces_app.models.load import load
from spaces_app.models.resolve import fetch, resolve
from spaces_app.settings import Settings

SETTINGS = Settings()
MODEL = "someone/tiny"


def get(model=MODEL, settings=SETTINGS, revision="", tick=no_tick):
    return fetch(resolve(model, settings, revision=revision), settings, tick)


def forget():
    """What a new process would not know."""
    resolving._seen.clear()


@pytest.fixture
def folder(family_folder):
    return family_folder("gpt2")


@pytest.fixture
def files(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_model_is_downloaded_and_equals_the_one_published(hub, folder, loaded_family):
    commit = hub.add(MODEL, folder)
    source = resolve(MODEL, SETTINGS)
    assert (source.kind, source.revision, source.path) == ("hub", commit, None)
    assert source.n_bytes == (folder / "model.safetensors").stat().st_size
    assert source.config["n_embd"] == 32  # known before any weights are here
    assert not any("safetensors" in path for path in hub.paths())

    lm = load(source, SETTINGS, no_tick)
    assert (lm.id, lm.revision, lm.source.path.name) == (MODEL, commit, commit)
    weights, published = lm.model.state_dict(), loaded_family("gpt2").model.state_dict()
    assert weights.keys() == published.keys()
    assert all(torch.equal(weights[name], published[name]) for name in weights)


def test_only_files_of_a_model_are_asked_for_never_pickles_or_code(hub, files):
    extra = {"pytorch_model.bin": b"x", "evil.py": b"x", "README.md": b"x", "onnx.safetensors": b"x", ".env.json": b"x"}
    hub.add(MODEL, files | extra)
    get()
    asked = {path.rpartition("/")[2] for path in hub.paths()} - {"tiny"}
    assert asked == {"config.json", "generation_config.json", "model.safetensors", "tokenizer.json",
                     "tokenizer_config.json"}  # fmt: skip


def test_progress_counts_bytes_up_to_the_size_known_before(hub, folder):
    hub.add(MODEL, folder)
    hub.delay = 0.03
    seen = []
    source = resolve(MODEL, SETTINGS)
    fetch(source, SETTINGS, lambda *tick: seen.append(tick))
    done = [tick[0] for tick in seen]
    assert done == sorted(done) and {tick[1] for tick in seen} == {source.n_bytes}
    assert seen[0][2] == f"Downloading {MODEL}: 0 of 1 MB"


def test_a_large_file_reports_progress_on_the_way(hub, folder):
    hub.add(MODEL, folder)
    source = resolve(MODEL, SETTINGS)
    transfer = resolving._Transfer(source, SETTINGS)
    transfer._got = source.n_bytes // 2
    seen = []
    transfer.is_alive = iter([True, False]).__next__
    transfer.join = lambda timeout: None
    transfer.wait(lambda *tick: seen.append(tick))
    assert seen == [(source.n_bytes // 2, source.n_bytes, f"Downloading {MODEL}: 0 of 1 MB")]


def test_an_exact_revision_on_this_disk_needs_no_request(hub, files):
    old = hub.add(MODEL, files)
    get()
    new = hub.add(MODEL, files | {"generation_config.json": b'{"eos_token_id": 3}'})
    assert new != old
    hub.log.clear()
    forget()
    source = get(revision=old)
    assert (source.revision, source.path.name) == (old, old)
    assert load(source, SETTINGS, no_tick).facts.eos_ids == (0,)
    assert hub.log == []

    assert get().revision == new  # the name alone means the present one
    assert load(get(revision=new), SETTINGS, no_tick).facts.eos_ids == (3,)


def test_the_present_revision_is_not_asked_for_twice_in_ten_minutes(hub, folder, monkeypatch):
    hub.add(MODEL, folder)
    get()
    hub.log.clear()
    assert get().path is not None and hub.log == []
    now = time.monotonic()
    monkeypatch.setattr(resolving.time, "monotonic", lambda: now + 601)
    get()
    assert hub.paths() == [f"/api/models/{MODEL}"]


def test_a_branch_name_becomes_an_exact_revision(hub, folder):
    commit = hub.add(MODEL, folder)
    assert get(revision="main").revision == commit


@pytest.mark.parametrize("status", [503, 429, 500])
def test_a_model_on_this_disk_works_while_the_hub_is_down(hub, folder, status):
    commit = hub.add(MODEL, folder)
    get()
    forget()
    hub.status = status
    assert load(get(), SETTINGS, no_tick).revision == commit


def test_without_any_network_a_model_on_this_disk_works(hub, folder, monkeypatch):
    commit = hub.add(MODEL, folder)
    get()
    forget()
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    assert get().revision == commit
    with pytest.raises(ModelUnavailable, match="does not answer. Bundled models and those on this disk still work"):
        get("someone/other")


def test_after_two_failures_the_hub_is_left_alone_for_a_minute(hub, folder, monkeypatch):
    hub.add(MODEL, folder)
    hub.status = 503
    for _ in range(5):
        with pytest.raises(client.Unreachable, match="does not answer"):
            get()
    assert len(hub.log) == 2
    hub.status = 0
    now = time.monotonic()
    monkeypatch.setattr(client.time, "monotonic", lambda: now + 61)
    assert get().path is not None


def test_no_request_carries_the_owners_token_for_a_model_the_owner_does_not_list(hub, folder, monkeypatch):
    hub.add(MODEL, folder)
    hub.add("owner/listed", folder)
    load(get(), SETTINGS, no_tick)
    assert {request.token for request in hub.log} == {""}

    hub.log.clear()
    get("owner/listed", Settings(models="owner/listed"))
    assert {request.token for request in hub.log} == {"Bearer hf_canary"}


def test_a_fresh_process_sends_no_token_from_any_library_and_needs_torch_only_to_load(hub, folder):
    """Tokenizers by id make requests of their own, one with the owner's token; ours come from the folder."""
    hub.add(MODEL, folder)
    program = (
        "import sys, huggingface_hub\n"  # as gradio does, before us
        "from spaces_app.models import listed\n"
        "from spaces_app.models.resolve import fetch, resolve\n"
        "from spaces_app.settings import Settings\n"
        "settings, tick = Settings(), lambda *args: None\n"
        "source = fetch(resolve('someone/tiny', settings), settings, tick)\n"
        "assert 'torch' not in sys.modules and 'transformers' not in sys.modules\n"
        "from spaces_app.models.load import load\n"
        "print(load(source, settings, tick).encode_prompt('The keys'))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.stdout.startswith("[") and done.returncode == 0, done.stderr
    assert {request.token for request in hub.log} == {""}
    asked = sorted(path.rpartition("/")[2] for path in hub.paths())
    assert asked == ["config.json", "generation_config.json", "model.safetensors", "tiny", "tokenizer.json",
                     "tokenizer_config.json"]  # fmt: skip


def test_a_gated_model_says_what_to_do_and_opens_to_its_owners_token(hub, folder):
    hub.add(MODEL, folder, gated=True)
    with pytest.raises(ModelUnavailable, match="gated.*SEQSCOPE_MODELS"):
        get()
    assert [request.path for request in hub.log] == [f"/api/models/{MODEL}"]
    assert get(settings=Settings(models=MODEL)).path is not None


@pytest.mark.parametrize(
    ("model", "revision", "sentence"),
    [
        ("someone/nothing", "", "no public model 'someone/nothing'. Check the spelling"),
        (MODEL, "v2", "has no revision 'v2'"),
        (MODEL, "a" * 40, "has no revision 'aaaa"),
    ],
)
def test_a_model_or_revision_that_is_not_there_is_named(hub, folder, model, revision, sentence):
    hub.add(MODEL, folder)
    with pytest.raises(ModelUnavailable, match=sentence):
        get(model, revision=revision)
    assert get().path is not None  # and does not count as the Hub's failure


def test_a_model_without_safetensors_is_refused_before_anything_is_downloaded(hub, files):
    files["pytorch_model.bin"] = files.pop("model.safetensors")
    hub.add(MODEL, files)
    with pytest.raises(ModelUnavailable, match="no safetensors weights"):
        get()
    assert len(hub.log) == 1


@pytest.mark.parametrize(
    ("name", "sentence"),
    [("config.json", "no config.json"), ("tokenizer.json", "without a tokenizer")],
)
def test_a_model_that_lacks_a_part_is_refused_before_its_weights_are_downloaded(hub, files, name, sentence):
    del files[name]
    hub.add(MODEL, files)
    with pytest.raises(ModelUnavailable, match=sentence):
        get()
    assert not any("safetensors" in path for path in hub.paths())


def test_a_model_over_the_budget_is_refused_with_both_numbers_from_one_request(hub, folder):
    hub.add(MODEL, folder, declared={"model.safetensors": 50 * 2**30})
    with pytest.raises(TooLarge, match=r"51,200 MB of memory, over the 6,000 MB allowed here. Choose a smaller"):
        get()
    assert len(hub.log) == 1


def test_memory_counts_as_it_will_be_computed_not_as_it_is_stored(hub, folder):
    elements = 2 * 2**30  # 4 GB of float16 become 8 GB of float32 on a CPU
    hub.add(MODEL, folder, declared={"model.safetensors": 2 * elements}, safetensors={"F16": elements})
    if checks.has_gpu():
        assert resolve(MODEL, SETTINGS).n_bytes == 2 * elements
    else:
        with pytest.raises(TooLarge, match="8,192 MB of memory, over the 6,000 MB allowed"):
            resolve(MODEL, SETTINGS)


def test_a_model_over_the_disk_is_refused_with_both_numbers(hub, folder, monkeypatch):
    hub.add(MODEL, folder, declared={"model.safetensors": 3 * 2**30})
    usage = shutil.disk_usage("/")
    monkeypatch.setattr(resolving.shutil, "disk_usage", lambda path: usage._replace(free=2 * 2**30))
    with pytest.raises(TooLarge, match="3,072 MB of weights, and the disk has 2,048 MB left"):
        get()


def test_an_oversized_small_file_is_refused(hub, folder):
    hub.add(MODEL, folder, declared={"tokenizer.json": 10**9})
    with pytest.raises(TooLarge, match="tokenizer.json has 1,000,000,000 bytes, more than 50,000,000"):
        get()


@pytest.mark.parametrize(
    ("changes", "error", "sentence"),
    [
        ({"n_layer": 10**6}, TooLarge, "n_layer 1,000,000, more than the 200"),
        ({"quantization_config": {"bits": 4}}, NotSupported, "quantized"),
    ],
)
def test_a_configuration_is_judged_before_the_weights_are_downloaded(hub, files, changes, error, sentence):
    files["config.json"] = json.dumps(json.loads(files["config.json"]) | changes).encode()
    hub.add(MODEL, files)
    with pytest.raises(error, match=sentence):
        get()
    assert not any("safetensors" in path for path in hub.paths())


def test_an_index_that_names_files_outside_the_model_is_refused(hub, files):
    weights = files.pop("model.safetensors")
    files["model-00001-of-00001.safetensors"] = weights
    files["model.safetensors.index.json"] = json.dumps({"weight_map": {"a": "../../../../etc/passwd"}}).encode()
    hub.add(MODEL, files)
    with pytest.raises(ModelUnavailable, match="names files that are not weights"):
        get()
    assert not any(path.endswith(".safetensors") or "passwd" in path for path in hub.paths())


def test_shards_are_downloaded_by_their_index(hub, tmp_path, folder, loaded_family):
    from test_models_load import copy, shard

    cut = copy(folder, tmp_path)
    shard(cut)
    hub.add(MODEL, cut)
    lm = load(resolve(MODEL, SETTINGS), SETTINGS, no_tick)
    assert torch.equal(lm.model.lm_head.weight, loaded_family("gpt2").model.lm_head.weight)


def test_a_flipped_bit_is_noticed_and_the_file_is_fetched_again(hub, folder):
    hub.add(MODEL, folder, damaged=True)
    with pytest.raises(ModelUnavailable, match="damaged on its way. Try again"):
        get()
    hub.repos[MODEL].damaged = False
    assert load(get(), SETTINGS, no_tick).facts.n_layers == 2


def test_eight_callers_share_one_download(hub, folder):
    hub.add(MODEL, folder)
    hub.delay = 0.02
    source = resolve(MODEL, SETTINGS)
    hub.log.clear()
    found = []
    threads = [threading.Thread(target=lambda: found.append(fetch(source, SETTINGS, no_tick))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({item.path for item in found}) == 1 and len(found) == 8
    assert len(hub.paths()) == len(set(hub.paths()))


def test_who_stops_waiting_does_not_stop_the_download(hub, folder):
    hub.add(MODEL, folder)
    hub.delay = 0.05
    source = resolve(MODEL, SETTINGS)

    def stop(done, total, what):
        raise Cancelled("stopped.")

    with pytest.raises(Cancelled):
        fetch(source, SETTINGS, stop)
    assert resolve(MODEL, SETTINGS).path is None  # not there yet, and half a model is never taken for one
    assert fetch(source, SETTINGS, no_tick).path is not None
    files = [path for path in hub.paths() if not path.startswith("/api/")]
    assert len(files) == len(set(files))


def test_a_disk_that_cannot_be_written_is_not_the_hubs_fault(hub, folder, tmp_path):
    hub.add(MODEL, folder)
    (tmp_path / "hub").write_text("a file where the folder should be", encoding="utf-8")
    for _ in range(3):
        with pytest.raises(ModelUnavailable, match="could not be written to the disk .(File exists|Not a directory)"):
            get()


def test_what_killed_downloads_left_is_removed_after_a_day(hub, folder, tmp_path):
    import os

    hub.add(MODEL, folder)
    blobs = tmp_path / "hub" / "models--someone--tiny" / "blobs"
    blobs.mkdir(parents=True)
    for name, age in (("old", 90_000), ("young", 60)):
        path = blobs / f"{name}.1234.incomplete"
        path.write_bytes(b"x")
        os.utime(path, (time.time() - age, time.time() - age))
    get()
    assert [path.name for path in blobs.glob("*.incomplete")] == ["young.1234.incomplete"]


# Names


@pytest.mark.parametrize(
    "model",
    ["a/b/c", "a--b", "a..b", "-x/y", "x/-y/", " gpt2", "gpt2\n", "ünï/x", "http://127.0.0.1/x", "a/b?x=1", "a/b#c",
     "a/b.", "a/..", "bundled/../x", "bundled/X y", "hf://a/b", "a\\b", "%2e%2e/x", "a" * 97, "\u202ea/b",
     "models/a/b"],
)  # fmt: skip
def test_what_is_no_name_is_refused_without_a_request(hub, model):
    with pytest.raises(SpecError) as caught:
        resolve(model, SETTINGS)
    assert caught.value.field == "model" and hub.log == []


@pytest.mark.parametrize("revision", ["../main", "a b", "-x", "refs/../x", "x" * 65, "main\n"])
def test_what_is_no_revision_is_refused_without_a_request(hub, revision):
    with pytest.raises(SpecError, match="is no revision"):
        resolve(MODEL, SETTINGS, revision=revision)
    assert hub.log == []


def test_a_space_offers_its_list_and_nothing_else(hub, folder):
    hub.add(MODEL, folder)
    space = Settings(allow_any_model=False, space_id="owner/space", models="owner/listed")
    for model in (MODEL, "someone/nothing"):
        with pytest.raises(SpecError, match="not one of the models offered here"):
            resolve(model, space)
    assert hub.log == []
    with pytest.raises(ModelUnavailable, match="no public model 'owner/listed'"):
        resolve("owner/listed", space)


def test_a_space_shows_no_stranger_whether_a_folder_exists(folder, tmp_path):
    for space in (Settings(allow_any_model=False), Settings(allow_any_model=True, space_id="owner/space")):
        for path in (str(folder), str(tmp_path / "nothing")):
            with pytest.raises(SpecError, match="local folders are not offered here"):
                resolve(path, space)
    assert resolve(str(folder), Settings(allow_any_model=False, models=str(folder))).kind == "local"


def test_a_local_folder_is_known_by_its_digest(folder, tmp_path):
    copied = shutil.copytree(folder, tmp_path / "copy")
    first = resolve(str(copied), SETTINGS)
    assert len(first.revision) == 40 and first.revision == resolve(str(folder), SETTINGS).revision
    (copied / "README.md").write_text("words about the model", encoding="utf-8")
    assert resolve(str(copied), SETTINGS).revision == first.revision
    (copied / "generation_config.json").write_text('{"eos_token_id": 3}', encoding="utf-8")
    changed = resolve(str(copied), SETTINGS)
    assert changed.revision != first.revision
    assert resolve(str(copied), SETTINGS, revision=changed.revision) == changed
    with pytest.raises(ModelUnavailable, match=f"no longer the one asked for .{first.revision[:8]}, now"):
        resolve(str(copied), SETTINGS, revision=first.revision)


def test_a_relative_folder_is_found_by_its_bare_name(folder, tmp_path, monkeypatch):
    shutil.copytree(folder, tmp_path / "my-model")
    monkeypatch.chdir(tmp_path)
    assert resolve("my-model", SETTINGS).kind == resolve("./my-model", SETTINGS).kind == "local"


def test_an_empty_folder_is_no_model(tmp_path):
    with pytest.raises(ModelUnavailable, match="there is no model in"):
        resolve(str(tmp_path), SETTINGS)


def test_the_list_of_models_has_the_owners_own(hub, folder):
    cards = {card.id: card for card in listed(Settings(models="owner/listed, owner/listed ,owner/other"))}
    assert cards["owner/listed"].encoder_decoder is None  # not seen yet, and a list makes no request
    assert "owner/other" in cards and hub.log == []
    hub.add("owner/listed", folder)
    get("owner/listed")
    assert [card.encoder_decoder for card in listed(Settings(models="owner/listed"))][-1] is False


def test_bundled_models_are_listed_and_found_when_they_are_there(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(cards, "BUNDLED", tmp_path)
    assert listed(SETTINGS) == []
    shutil.copytree(folder, tmp_path / "tiny-causal")
    shutil.copytree(folder, tmp_path / "tiny-en-fr")
    offered = listed(Settings(allow_any_model=False))
    assert [(card.label, card.encoder_decoder) for card in offered] == [
        ("Tiny English (bundled)", False),
        ("Tiny English → French (bundled)", True),
    ]
    source = resolve(offered[0].id, Settings(allow_any_model=False))
    assert (source.kind, source.path) == ("bundled", tmp_path / "tiny-causal")
    assert load(source, SETTINGS, no_tick).id == "bundled/tiny-causal"


def test_a_bundled_model_that_is_missing_says_how_it_is_made():
    with pytest.raises(ModelUnavailable, match="Bundled models are made by spaces_app.training"):
        resolve("bundled/never-made", SETTINGS)


def test_every_error_names_the_field_it_concerns(hub):
    for model in ("someone/nothing", "bundled/never-made", "no name", "/nowhere/at/all"):
        with pytest.raises(AppError) as caught:
            resolve(model, SETTINGS)
        assert caught.value.field == "model" and "\n" not in str(caught.value)


def test_so_many_models_are_downloaded_within_an_hour_and_no_more(hub, files, monkeypatch):
    for number in range(4):
        hub.add(f"someone/m{number}", files)
    two = Settings(downloads_per_hour=2)
    first = get("someone/m0", two)
    get("someone/m1", two)
    began = len(hub.paths())
    with pytest.raises(ModelUnavailable, match="2 models have been downloaded here within an hour") as refused:
        get("someone/m2", two)
    assert "try again in 60 minutes" in str(refused.value) and refused.value.field == "model"
    assert not any("resolve" in path for path in hub.paths()[began:]), "not a file of it was asked for"
    assert get("someone/m0", two).path == first.path, "what is here stays usable"
    listed = Settings(downloads_per_hour=2, models="someone/m3")
    assert get("someone/m3", listed).path is not None, "what the owner lists does not count"
    now = time.monotonic()
    monkeypatch.setattr("spaces_app.models.hub.quota.time.monotonic", lambda: now + 3601)
    assert get("someone/m2", two).path is not None


def test_no_downloads_at_all_leave_the_models_that_are_here(hub, files):
    hub.add(MODEL, files)
    hub.add("someone/other", files)
    here = get()
    none = Settings(downloads_per_hour=0)
    assert get(settings=none).path == here.path
    with pytest.raises(ModelUnavailable, match="'someone/other' is not on this disk, and no models are downl"):
        get("someone/other", none)
