"""The store never serves damage, never loses what it acknowledged, and stays within its bound."""

from __future__ import annotations

import hashlib
import os
import random
import subprocess
import sys
import time

import pytest

from spaces_app.serving.store import Store


def key(name) -> str:
    return hashlib.sha256(str(name).encode()).hexdigest()


def test_what_was_saved_comes_back_under_its_digest_and_its_alias(tmp_path):
    store = Store(tmp_path, 2**20)
    assert store.get(key(1)) is None
    assert store.put(key(1), {"text": "“ü\n🗝"}, alias=key(2))
    assert store.get(key(1)) == store.get(key(2)) == {"text": "“ü\n🗝"}


@pytest.mark.parametrize("name", ["../../etc/passwd", "A" * 64, "0" * 63, "", "\uff11" * 64, "0" * 64 + "\n"])
def test_a_name_that_is_no_digest_never_reaches_the_disk(tmp_path, name):
    with pytest.raises(ValueError, match="not a digest"):
        Store(tmp_path, 2**20).get(name)


def test_damage_of_any_kind_is_found_and_set_aside(tmp_path):
    store, dice = Store(tmp_path, 2**24), random.Random(7)
    for number in range(120):
        store.put(key(number), {"n": number})
        path = store._path(key(number))
        raw = bytearray(path.read_bytes())
        if number % 3 == 0:
            raw[dice.randrange(len(raw))] ^= 1 << dice.randrange(8)
        elif number % 3 == 1:
            del raw[dice.randrange(len(raw)) :]
        else:
            raw += b"x"
        path.write_bytes(raw)
        assert store.get(key(number)) is None
        assert not path.exists() and path.with_suffix(".bad").exists()
        store.put(key(number), {"n": number})
        assert store.get(key(number)) == {"n": number}


def test_the_value_not_read_for_longest_goes_first(tmp_path):
    store = Store(tmp_path, 20_000)
    dice = random.Random(1)
    for number in range(12):
        store.put(key(number), {"n": number, "x": dice.randbytes(2000).hex()})
        os.utime(store._path(key(number)), (1000 + number, 1000 + number))
        store.get(key(0))
    assert store.get(key(0)) is not None and store.get(key(11)) is not None and store.get(key(1)) is None
    assert sum(path.stat().st_size for path in tmp_path.glob("??/*")) <= 20_000


def test_a_value_that_would_fill_a_quarter_of_the_store_is_not_saved(tmp_path):
    assert not Store(tmp_path, 4000).put(key(1), {"x": random.Random(1).randbytes(4000).hex()})


def test_a_folder_that_cannot_be_written_to_loses_nothing_but_the_saving(tmp_path):
    (tmp_path / "file").write_text("")
    store = Store(tmp_path / "file" / "below", 2**20)
    assert store.put(key(1), {"n": 1}) is False and store.get(key(1)) is None


# A process that forks savers and kills each with SIGKILL; it prints what they acknowledged before they died.
SAVERS = """
import os, random, select, signal, sys, time
from pathlib import Path
from spaces_app.serving.store import Store

dice = random.Random(3)
for turn in range(int(sys.argv[2])):
    told, tell = os.pipe()
    child = os.fork()
    if child == 0:
        store = Store(Path(sys.argv[1]), 2**30)
        number = turn * 10**6
        while True:
            number += 1
            if store.put(f"{number:064x}", {"n": number, "x": "ab" * 5000}):
                os.write(tell, b"%d\\n" % number)
    os.close(tell)
    if turn % 2:
        select.select([told], [], [], 10)  # until it has saved something; the others die whenever they die
    time.sleep(dice.uniform(0.0, 0.03))
    os.kill(child, signal.SIGKILL)
    with os.fdopen(told, "rb") as lines:
        text = lines.read()
    os.waitpid(child, 0)
    sys.stdout.write(text[: text.rfind(b"\\n") + 1].decode())
"""


def test_killed_200_times_while_saving_nothing_acknowledged_is_lost_and_nothing_damaged_is_served(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", SAVERS, str(tmp_path), "200"], capture_output=True, text=True, check=True, timeout=120
    )
    acknowledged = [int(line) for line in done.stdout.split()]
    store = Store(tmp_path, 2**30)
    assert len({number // 10**6 for number in acknowledged}) >= 100, "every other saver at least has saved something"
    assert all(store.get(f"{number:064x}")["n"] == number for number in acknowledged)
    whole = [path for path in tmp_path.glob("??/*.result")]
    assert all(store.get(path.stem) is not None for path in whole), "what a reader sees is whole"
    assert not list(tmp_path.glob("??/*.bad"))


def test_temporary_files_of_the_dead_are_swept(tmp_path):
    store = Store(tmp_path, 2**20)
    store.put(key(1), {"n": 1})
    folder = store._path(key(1)).parent
    for name, age in (("dead.tmp", 7200), ("alive.tmp", 10), ("old.bad", 7200)):
        (folder / name).write_bytes(b"x")
        os.utime(folder / name, (time.time() - age, time.time() - age))
    Store(tmp_path, 2**20).put(key(2), {"n": 2})
    assert sorted(path.name for path in folder.glob("*") if path.suffix != ".result") == ["alive.tmp"]
    assert store.get(key(1)) == {"n": 1}


def test_an_alias_that_leads_nowhere_or_in_a_circle_counts_as_absent(tmp_path):
    store = Store(tmp_path, 2**20)
    for name, target in ((1, 2), (2, 1), (3, 3), (4, 9)):
        store.put(key(name), {"same_as": key(target)})
        assert store.get(key(name)) is None


def test_a_folder_that_cannot_be_synced_still_saves_as_on_a_mounted_bucket(tmp_path, monkeypatch):
    real = os.fsync

    def fsync(handle):
        if os.path.isdir(f"/proc/self/fd/{handle}"):
            raise OSError(22, "Invalid argument")
        real(handle)

    monkeypatch.setattr(os, "fsync", fsync)
    store = Store(tmp_path, 2**20)
    assert store.put(key(1), {"n": 1}) and store.get(key(1)) == {"n": 1}
