"""ES modules joined into one plain script, by following imports: no build step. Imports nothing, Gradio included.

What a module may say is less than JavaScript allows, and every refusal is one sentence: named imports from relative
paths, named exports, nothing renamed. Names of all modules then share one scope, so no two may be alike.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from .slimming import slim_script, without_comments

_FROM = r'\s*\{([^{}]*)\}\s*from\s*"([^"\n]+)";[ \t]*\n?'
_IMPORT, _PASSED_ON = re.compile(rf"^import{_FROM}", re.M), re.compile(rf"^export{_FROM}", re.M)
_LISTED = re.compile(r"^export\s*\{([^{}]*)\};[ \t]*\n?", re.M)
_KEYWORD = r"(?:async\s+function|function|class|const|let|var)\b"
_DECLARED = re.compile(rf"^(export\s+)?({_KEYWORD}\s*)([\w$]+|\{{[^}}]*\}}|\[[^\]]*\])", re.M)
_OTHER = re.compile(r"^(?:import|export)\b.*", re.M)


class ModuleError(ValueError):
    """A module that cannot be joined, in one sentence."""


@dataclass(frozen=True)
class Module:
    """One file: `imports` and `passed_on` are (names, path), `declared` its top-level names, `body` all the rest."""

    path: Path
    imports: tuple[tuple[tuple[str, ...], Path], ...]
    passed_on: tuple[tuple[tuple[str, ...], Path], ...]
    declared: tuple[str, ...]
    exports: tuple[str, ...]
    body: str


@dataclass(frozen=True)
class Script:
    """Joined modules, each after those that it imports: `body` without imports and exports, `exports` of the entry."""

    body: str
    exports: tuple[str, ...]
    paths: tuple[Path, ...]


@functools.lru_cache(maxsize=64)
def joined(entry: Path) -> Script:
    """The entry and all that it imports. Raises ModuleError, and OSError where a file cannot be read."""
    modules = {module.path: module for module in _ordered(entry.resolve(), ())}
    owner: dict[str, Path] = {}
    for path, module in modules.items():
        for name in module.declared:
            if name in owner:
                raise ModuleError(f"{_named(owner[name])} and {_named(path)} both declare {name!r}: rename one.")
            owner[name] = path
        for names, source in (*module.imports, *module.passed_on):
            for name in names:
                if name not in modules[source].exports:
                    raise ModuleError(f"{_named(path)} wants {name!r}, which {_named(source)} does not export.")
    body = "\n".join(module.body for module in modules.values())
    return Script(body, modules[entry.resolve()].exports, tuple(modules))


def _ordered(path: Path, above: tuple[Path, ...]) -> Iterator[Module]:
    """Modules with what they import before them; one that is imported twice comes twice."""
    if path in above:
        circle = " → ".join(_named(each) for each in (*above[above.index(path) :], path))
        raise ModuleError(f"Modules import each other in a circle: {circle}.")
    module = _read(path)
    for _, source in (*module.imports, *module.passed_on):
        yield from _ordered(source, (*above, path))
    yield module


@functools.lru_cache(maxsize=256)
def _read(path: Path) -> Module:
    text = without_comments(path.read_text(encoding="utf-8"))
    imports = tuple((_names(m[1], path), _found(m[2], path)) for m in _IMPORT.finditer(text))
    passed_on = tuple((_names(m[1], path), _found(m[2], path)) for m in _PASSED_ON.finditer(text))
    listed = tuple(name for m in _LISTED.finditer(text) for name in _names(m[1], path))
    for pattern in (_IMPORT, _PASSED_ON, _LISTED):
        text = pattern.sub("", text)
    declared, exports = [], [*listed, *(name for names, _ in passed_on for name in names)]
    for match in _DECLARED.finditer(text):
        names = re.findall(r"[\w$]+(?=\s*(?:[,}\]=]|$))", match[3])
        declared += names
        exports += names if match[1] else ()
    for name in exports:
        if exports.count(name) > 1:
            raise ModuleError(f"{_named(path)} exports {name!r} twice.")
        if name in listed and name not in declared:
            raise ModuleError(f"{_named(path)} exports {name!r}, which it does not declare.")
    body = _DECLARED.sub(r"\2\3", text)
    other = _OTHER.search(body)
    if other:
        raise ModuleError(f"{_named(path)}: write named imports and exports only, not {other[0].strip()!r}.")
    return Module(path, imports, passed_on, tuple(declared), tuple(exports), slim_script(body))


def _names(inside: str, path: Path) -> tuple[str, ...]:
    names = tuple(name.strip() for name in inside.split(",") if name.strip())
    for name in names:
        if not re.fullmatch(r"[\w$]+", name):
            raise ModuleError(f"{_named(path)}: nothing is renamed on its way, as in {name!r}.")
    return names


def _found(source: str, path: Path) -> Path:
    found = (path.parent / source).resolve()
    if not source.startswith(("./", "../")) or not source.endswith(".js") or not found.is_file():
        raise ModuleError(f"{_named(path)} imports {source!r}: there is no such file.")
    return found


def _named(path: Path) -> str:
    return f"{path.parent.name}/{path.name}"
