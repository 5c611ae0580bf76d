"""Tokens as strangers might send them: noise, damage, and JSON of the right shape with wrong values."""

from __future__ import annotations

import base64
import json
import random
import string
import zlib
from collections.abc import Iterator

ALPHABET = string.ascii_letters + string.digits + "-_"
_VALUES = (
    None, True, False, 0, 1, -1, 10**11, 10**400, 0.5, 1e308, "", "x", "\ud800", "\x00", "9" * 40, [], [1], [-1],
    [2**31], ["a"], [[1]], {}, {"a": {}}, [None],
)  # fmt: skip


def token_of(data: bytes) -> str:
    """The token of any bytes."""
    deflate = zlib.compressobj(6, zlib.DEFLATED, -15)
    return base64.urlsafe_b64encode(deflate.compress(data) + deflate.flush()).rstrip(b"=").decode()


def tokens(honest: list[str], fields: list[str], n: int) -> Iterator[str]:
    """`n` tokens, the same ones each time."""
    dice = random.Random(20_260)
    for number in range(n):
        kind = number % 6
        if kind == 0:  # noise
            yield "".join(dice.choices(ALPHABET + "=+/ é", k=dice.randrange(1, 80)))
        elif kind == 1:  # an honest one, with a few characters changed
            token = list(dice.choice(honest))
            for _ in range(dice.randrange(1, 4)):
                token[dice.randrange(len(token))] = dice.choice(ALPHABET)
            yield "".join(token)
        elif kind == 2:  # cut off or continued
            token = dice.choice(honest)
            yield token[: dice.randrange(len(token))] if dice.random() < 0.7 else token + dice.choice(honest)[:8]
        elif kind == 3:  # bytes that unpack
            yield token_of(dice.randbytes(dice.randrange(0, 60)))
        elif kind == 4:  # JSON of the wrong shape
            text = json.dumps(dice.choice(_VALUES))
            yield token_of((text * dice.randrange(1, 3)).encode("utf-8", "surrogatepass"))
        else:  # the right shape, wrong values
            data = {
                "kind": dice.choice(["attribution", "attribution", "x", 1, None]),
                "v": dice.choice([1, 1, 1, 2, True, "1"]),
            }
            for name in dice.sample(fields, dice.randrange(0, 4)):
                data[name] = dice.choice(_VALUES)
            yield token_of(json.dumps(data).encode("utf-8"))
