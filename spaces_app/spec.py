"""A question as plain data: declared once, then validation, canonical JSON, form, flags and schema follow from it."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from spaces_app.errors import SpecError
from spaces_app.link_format import to_link

MAX_INT_DIGITS = 12  # larger integers are attacks: int("9" * 100000) alone takes seconds


@dataclass(frozen=True)
class Option:
    """What is known about one field of a Spec beyond its default; see `option`."""

    help: str
    label: str = ""
    choices: Callable[[], Iterable[str]] | None = None
    names: Callable[[], Iterable[str]] | None = None
    low: float | None = None
    high: float | None = None
    max_chars: int = 200
    group: str = "main"


def option(default, help: str, **facts):
    """A Spec field: its default, its help text and its bounds.

    `label` is what forms show; `choices` is a function giving the allowed names (a function, because tables may
    grow at run time), and `names` the same for a text that lists names, separated by commas; `low` and `high` bound
    numbers, both included; `max_chars` bounds texts; `group` is where the form puts it: "main", "method", "contrast",
    "generation", or "hidden" for what only links carry. The field's type is the type of its default: str, int, float,
    bool, or a tuple of ints.
    """
    return field(default=default, metadata={"option": Option(help=help, **facts)})


def same_as(kind: type[Spec], name: str):
    """A Spec field declared as the one of that name in another spec."""
    item = next(item for item in dataclasses.fields(kind) if item.name == name)
    return field(default=item.default, metadata=item.metadata)


@dataclass(frozen=True)
class Spec:
    """The base of every question. `SomeSpec(...)` is valid or raises SpecError; nothing below validates again.

    Subclasses are frozen dataclasses whose fields are all declared with `option`, a `kind` that names the analysis
    in links, API and command line, and a `version` that rises when the same fields come to mean other numbers.
    """

    kind: ClassVar[str] = ""
    version: ClassVar[int] = 1

    def __post_init__(self):
        for name, default, facts in self.options():
            object.__setattr__(self, name, _checked(name, getattr(self, name), default, facts))
        for name in self.unused():
            # An option without influence takes its default, so that equal questions have equal digests.
            object.__setattr__(self, name, self.default(name))
        self.check()

    def unused(self) -> Iterable[str]:
        """Names of options that cannot influence the answer, given the others."""
        return ()

    def check(self) -> None:
        """Rules that concern more than one field. Raises SpecError."""

    @classmethod
    def options(cls) -> list[tuple[str, Any, Option]]:
        """(name, default, facts) of every field, in order."""
        return [(item.name, item.default, item.metadata["option"]) for item in dataclasses.fields(cls)]

    @classmethod
    def default(cls, name: str):
        return next(default for field_name, default, _ in cls.options() if field_name == name)

    def replace(self, **changes) -> Spec:
        """A copy with some fields changed, checked anew."""
        return dataclasses.replace(self, **changes)

    def to_dict(self) -> dict:
        """Every field, spelled out, with `kind` and `v`: a link means the same after a default has changed."""
        values = {name: getattr(self, name) for name, _, _ in self.options()}
        plain = {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}
        return {"kind": self.kind, "v": self.version, **plain}

    @classmethod
    def from_dict(cls, data: Mapping) -> Spec:
        """The spec a canonical dict describes. Missing fields take defaults; unknown ones and other versions raise."""
        rest = dict(data)
        kind, version = rest.pop("kind", cls.kind), rest.pop("v", cls.version)
        if kind != cls.kind:
            raise SpecError(f"{kind!r} is not {cls.kind!r}.", field="kind")
        if type(version) is not int or version != cls.version:  # True == 1, so `isinstance` is not enough
            raise SpecError(f"version {version!r} is not known here.", hint="Update Seqscope to read it.", field="v")
        known = {name for name, _, _ in cls.options()}
        for name in rest:
            if name not in known:
                raise SpecError(f"{name!r:.60} is not an option of {cls.kind}.", hint=_nearest(name, known))
        return cls(**rest)

    @classmethod
    def from_text(cls, texts: Mapping[str, str]) -> Spec:
        """The spec that texts describe, as in a hand-written link or the command line: "3" becomes 3."""
        defaults = {name: default for name, default, _ in cls.options()}
        values = {name: _from_text(name, text, defaults.get(name, "")) for name, text in texts.items()}
        return cls.from_dict(values)

    def to_link(self, base: str = "", *, view: str = "") -> str:
        """`base?s=…`: the address that asks this question; see `spaces_app.link.to_link`. Raises SpecError."""
        return to_link(self, base, view=view)

    def canonical(self) -> str:
        """Canonical JSON: sorted keys, no spaces, text as it is."""
        return json.dumps(self.to_dict(), sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False)

    def digest(self) -> str:
        """sha256 of the canonical JSON, 64 hex digits: the name of the stored result."""
        return hashlib.sha256(self.canonical().encode("utf-8")).hexdigest()


def check_text(text: str, name: str, max_chars: int) -> str:
    """`text` itself. Raises SpecError when it is overlong or holds a lone surrogate, which JSON cannot carry."""
    if len(text) > max_chars:
        raise SpecError(f"{len(text):,} characters are too many.", hint=f"Use at most {max_chars:,}.", field=name)
    for position, char in enumerate(text):
        if "\ud800" <= char <= "\udfff":
            raise SpecError(f"character {position + 1} is half of a surrogate pair.", hint="Retype it.", field=name)
    return text


def _checked(name: str, value, default, facts: Option):
    if isinstance(default, bool):
        if not isinstance(value, bool):
            raise SpecError(f"{value!r:.60} is neither true nor false.", field=name)
        return value
    if isinstance(default, str):
        return _checked_text(name, value, facts)
    if isinstance(default, tuple):
        return _checked_ids(name, value, facts)
    return _checked_number(name, value, default, facts)


def _checked_text(name: str, value, facts: Option) -> str:
    if not isinstance(value, str):
        raise SpecError(f"{value!r:.60} is not text.", field=name)
    check_text(value, name, facts.max_chars)
    if facts.choices is not None:
        allowed = list(facts.choices())
        if value not in allowed:
            raise SpecError(f"{value!r:.60} is not one of {', '.join(allowed)}.", field=name)
    return value if facts.names is None else _checked_names(name, value, list(facts.names()))


def _checked_names(name: str, value: str, allowed: list[str]) -> str:
    """The names without spaces and repetitions, so that equal questions have equal digests."""
    found = list(dict.fromkeys(part.strip() for part in value.split(",") if part.strip()))
    for item in found:
        if item not in allowed:
            raise SpecError(f"{item!r:.60} is not one of {', '.join(allowed)}.", field=name)
    return ",".join(found)


def _checked_ids(name: str, value, facts: Option) -> tuple[int, ...]:
    if not isinstance(value, list | tuple) or any(type(item) is not int or item < 0 for item in value):
        raise SpecError("this is not a list of token ids.", field=name)
    if len(value) > facts.max_chars or any(item >= 2**31 for item in value):
        raise SpecError("the list of token ids is out of bounds.", field=name)
    return tuple(value)


def _checked_number(name: str, value, default, facts: Option):
    whole = isinstance(default, int)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise SpecError(f"{value!r:.60} is not a number.", field=name)
    if isinstance(value, float) and not math.isfinite(value):
        raise SpecError("the number is not finite.", field=name)
    if whole and value != int(value):
        raise SpecError(f"{value!r:.60} is not a whole number.", field=name)
    low = -math.inf if facts.low is None else facts.low
    high = math.inf if facts.high is None else facts.high
    if not low <= value <= high:
        raise SpecError(f"{value!r:.60} is outside {facts.low} to {facts.high}.", field=name)
    return int(value) if whole else float(value)


def _from_text(name: str, text: str, default):
    try:
        if isinstance(default, bool):
            return {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}[text.lower()]
        if isinstance(default, tuple):
            return tuple(_integer(part) for part in text.split(",") if part.strip())
        if isinstance(default, int):
            return _integer(text)
        if isinstance(default, float):
            return float(text[:40])
    except (KeyError, ValueError):
        raise SpecError(f"{text!r:.60} does not fit.", field=name) from None
    return text


def _integer(text: str) -> int:
    if len(text) > MAX_INT_DIGITS:
        raise ValueError(text[:20])
    return int(text)


def _nearest(name: str, known: Iterable[str]) -> str:
    import difflib

    close = difflib.get_close_matches(str(name), list(known), n=1)
    return f"Did you mean {close[0]!r}?" if close else ""
