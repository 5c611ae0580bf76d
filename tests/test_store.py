"""The store never serves damage, never loses what it acknowledged, and stays within its bound."""

from __future__ import annotations

import hashlib
import os
import random
import signal
import subprocess
import sys
import time

import pytest

from spaces_app.store import Store


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


SAVER = """
import sys
from spaces_app.store import Store
from pathlib import Path
store = Store(Path(sys.argv[1]), 2**26)
number = int(sys.argv[2])
while True:
    number += 1
    store.put(f"{number:064x}", {"n": number, "x": "ab" * 5000})
    print(number, flush=True)
"""


def test_killed_at_any_moment_nothing_acknowledged_is_lost_and_nothing_damaged_is_served(tmp_path):
    dice, acknowledged = random.Random(3), []
    for turn in range(12):
        process = subprocess.Popen(
            [sys.executable, "-c", SAVER, str(tmp_path), str(turn * 10**6)], stdout=subprocess.PIPE
        )
        first = process.stdout.readline()
        time.sleep(dice.uniform(0.0, 0.05))
        process.send_signal(signal.SIGKILL)
        rest = process.stdout.read().split(b"\n")
        process.stdout.close()
        process.wait()
        acknowledged += [int(line) for line in [first.strip(), *rest[:-1]] if line]
    store = Store(tmp_path, 2**26)
    assert len(acknowledged) >= 12
    assert all(store.get(f"{number:064x}")["n"] == number for number in acknowledged)
    assert not list(tmp_path.glob("??/*.bad"))
