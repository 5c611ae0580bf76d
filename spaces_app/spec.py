"""A question as plain data: declared once, then validation, canonical JSON, form, flags and schema follow from it."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from spaces_app.errors import SpecError, did_you_mean
from spaces_app.link_format import to_link

T = TypeVar("T")
S = TypeVar("S", bound="Spec")
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
    rounds: bool = False


def option(default: T, help: str, **facts: Any) -> T:
    """A Spec field: its default, its help text and its bounds.

    `label` is what forms show; `choices` is a function giving the allowed names (a function, because tables may
    grow at run time), and `names` the same for a text that lists names, separated by commas; `low` and `high` bound
    numbers, both included; `max_chars` bounds texts; `group` is where the form puts it: "main", "method", "contrast",
    "generation", or "hidden" for what only links carry. `rounds` is for a method's number of steps or samples: its
    cost grows with it, and where a question is too large, a smaller number is proposed. The field's type is the type
    of its default: str, int, float, bool, or a tuple of ints.
    """
    return field(default=default, metadata={"option": Option(help=help, **facts)})


def label(name: str, facts: Option) -> str:
    """What people read in place of an option's name."""
    return facts.label or name.replace("_", " ").capitalize()


def same_as(kind: type[Spec], name: str) -> Any:
    """A Spec field declared as the one of that name in another spec."""
    item = next(item for item in dataclasses.fields(kind) if item.name == name)
    return field(default=item.default, metadata=item.metadata)


Declared = tuple[str, Any, Option]  # an option's name, its default, and what else is known about it


@dataclass(frozen=True)
class Spec:
    """The base of every question. `SomeSpec(...)` is valid or raises SpecError; nothing below validates again.

    Subclasses are frozen dataclasses whose fields are all declared with `option`, a `kind` that names the analysis
    in links, API and command line, and a `version` that rises when the same fields come to mean other numbers.
    `order` names the fields that people see first, where inherited ones should not come before all others.

    A choice may bring further options along, as a method does that has options of its own: `brought` names them, and
    their values stand in `own`. In links, flags, forms and API they are options like the fields.
    """

    kind: ClassVar[str] = ""
    version: ClassVar[int] = 1
    order: ClassVar[tuple[str, ...]] = ()

    own: Mapping[str, Any] = field(default_factory=dict, kw_only=True, hash=False)

    if TYPE_CHECKING:  # what every question has; each declares it with a default and a help of its own
        model: str = ""
        revision: str = ""

    def __post_init__(self) -> None:
        for name, default, facts in self.options():
            object.__setattr__(self, name, checked(name, getattr(self, name), default, facts))
        object.__setattr__(self, "own", self._checked_own())
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
    def options(cls) -> list[Declared]:
        """(name, default, facts) of every field, in the order in which people see them: those of the writing last."""
        found = [
            (item.name, item.default, item.metadata["option"])
            for item in dataclasses.fields(cls)
            if "option" in item.metadata
        ]
        places = {name: place for place, name in enumerate(cls.order)}
        return sorted(found, key=lambda item: (item[2].group == "generation", places.get(item[0], len(places))))

    @classmethod
    def every_option(cls) -> list[Declared]:
        """The fields, and what any choice may bring along: all that forms, flags and schemas offer."""
        return cls.options()

    @classmethod
    def heeded(cls, data: Mapping, read: Callable[[Mapping], Spec] | None = None) -> dict:
        """`data` without options that only choices not made in it bring along, as forms have them. Raises SpecError."""
        fields = {name for name, _, _ in cls.options()}
        others = {name for name, _, _ in cls.every_option()} - fields
        if others.isdisjoint(data):
            return dict(data)
        chosen = (read or cls.from_dict)({name: value for name, value in data.items() if name in fields})
        others -= chosen.own.keys()
        return {name: value for name, value in data.items() if name not in others}

    def brought(self) -> list[Declared]:
        """(name, default, facts) of the options that this question's choices bring along."""
        return []

    def declared(self) -> list[Declared]:
        """(name, default, facts) of every option of this question."""
        return [*self.options(), *self.brought()]

    @classmethod
    def default(cls, name: str) -> Any:
        return next(default for field_name, default, _ in cls.every_option() if field_name == name)

    def value(self, name: str) -> Any:
        """The value of an option, be it a field or brought along."""
        return self.own[name] if name in self.own else getattr(self, name)

    def replace(self: S, **changes: Any) -> S:
        """A copy with some options changed, checked anew. What only an earlier choice brought along is left out."""
        fields = {name for name, _, _ in self.options()}
        own = {**self.own, **changes.pop("own", {}), **{n: value for n, value in changes.items() if n not in fields}}
        bare = dataclasses.replace(self, **{n: value for n, value in changes.items() if n in fields}, own={})
        there = {name for name, _, _ in bare.brought()}
        own = {name: value for name, value in own.items() if name in there or name in changes}
        return dataclasses.replace(bare, own=own) if own else bare

    def to_dict(self) -> dict:
        """Every field, spelled out, with `kind` and `v`: a link means the same after a default has changed."""
        values = {name: self.value(name) for name, _, _ in self.declared()}
        plain = {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}
        return {"kind": self.kind, "v": self.version, **plain}

    @classmethod
    def from_dict(cls: type[S], data: Mapping) -> S:
        """The spec a canonical dict describes. Missing fields take defaults; unknown ones and other versions raise."""
        rest = dict(data)
        kind, version = rest.pop("kind", cls.kind), rest.pop("v", cls.version)
        if kind != cls.kind:
            raise SpecError(f"{kind!r} is not {cls.kind!r}.", field="kind")
        if type(version) is not int or version != cls.version:  # True == 1, so `isinstance` is not enough
            raise SpecError(f"version {version!r} is not known here.", hint="Update Seqscope to read it.", field="v")
        fields = {name for name, _, _ in cls.options()}
        own = {name: value for name, value in rest.items() if name not in fields}
        return cls(**{name: value for name, value in rest.items() if name in fields}, own=own)

    @classmethod
    def from_text(cls: type[S], texts: Mapping[str, str]) -> S:
        """The spec that texts describe, as in a hand-written link or the command line: "3" becomes 3."""
        defaults = {name: default for name, default, _ in cls.every_option()}
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

    def unknown(self, name: str) -> SpecError:
        """What is said of a name that is no option of this question."""
        known = [known for known, _, _ in self.declared()]
        return SpecError(f"{name!r:.60} is not an option of {self.kind}.", hint=did_you_mean(name, known))

    def _checked_own(self) -> dict[str, Any]:
        """The values of the options that were brought along, all of them."""
        if not isinstance(self.own, Mapping):
            raise SpecError("this is no mapping of options to values.", field="own")
        brought = self.brought()
        known = {name for name, _, _ in brought}
        for name in self.own:
            if name not in known:
                raise self.unknown(name)
        return {name: checked(name, self.own.get(name, default), default, facts) for name, default, facts in brought}


def check_text(text: str, name: str, max_chars: int) -> str:
    """`text` itself. Raises SpecError when it is overlong or holds a lone surrogate, which JSON cannot carry."""
    if len(text) > max_chars:
        raise SpecError(f"{len(text):,} characters are too many.", hint=f"Use at most {max_chars:,}.", field=name)
    for position, char in enumerate(text):
        if "\ud800" <= char <= "\udfff":
            raise SpecError(f"character {position + 1} is half of a surrogate pair.", hint="Retype it.", field=name)
    return text


def checked(name: str, value: object, default: object, facts: Option) -> Any:
    """The value that an option takes. Raises SpecError, with the option as its field, for one out of bounds."""
    if isinstance(default, bool):
        if not isinstance(value, bool):
            raise SpecError(f"{value!r:.60} is neither true nor false.", field=name)
        return value
    if isinstance(default, str):
        return _checked_text(name, value, facts)
    if isinstance(default, tuple):
        return _checked_ids(name, value, facts)
    return _checked_number(name, value, default, facts)


def _checked_text(name: str, value: object, facts: Option) -> str:
    if not isinstance(value, str):
        raise SpecError(f"{value!r:.60} is not text.", field=name)
    check_text(value, name, facts.max_chars)
    if facts.choices is not None:
        allowed = list(facts.choices())
        if value not in allowed:
            raise _not_one_of(value, allowed, name)
    return value if facts.names is None else _checked_names(name, value, list(facts.names()))


def _not_one_of(value: str, allowed: list[str], name: str) -> SpecError:
    hint = did_you_mean(value, allowed)
    return SpecError(f"{value!r:.60} is not one of {', '.join(allowed)}.", hint=hint, field=name)


def _checked_names(name: str, value: str, allowed: list[str]) -> str:
    """The names without spaces and repetitions, so that equal questions have equal digests."""
    found = list(dict.fromkeys(part.strip() for part in value.split(",") if part.strip()))
    for item in found:
        if item not in allowed:
            raise _not_one_of(item, allowed, name)
    return ",".join(found)


def _checked_ids(name: str, value: object, facts: Option) -> tuple[int, ...]:
    if not isinstance(value, list | tuple) or any(type(item) is not int or item < 0 for item in value):
        raise SpecError("this is not a list of token ids.", field=name)
    if len(value) > facts.max_chars or any(item >= 2**31 for item in value):
        raise SpecError("the list of token ids is out of bounds.", field=name)
    return tuple(value)


def _checked_number(name: str, value: object, default: object, facts: Option) -> int | float:
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


def _from_text(name: str, text: str, default: object) -> object:
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
