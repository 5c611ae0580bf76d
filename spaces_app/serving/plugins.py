"""A user's own methods and step functions: `register` puts a record into the tables, `load` imports their files."""

from __future__ import annotations

import dataclasses
import hashlib
import importlib
import importlib.util
import re
import sys
from pathlib import Path

from spaces_app.analyses.attribution.spec import AttributionSpec
from spaces_app.errors import SpecError
from spaces_app.methods import METHODS, Method
from spaces_app.spec import Spec
from spaces_app.step_functions import STEP_FUNCTIONS, StepFunction

_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}", re.ASCII)
_registered: set[str] = set()
_loaded: set[str] = set()


def register(record: Method | StepFunction) -> Method | StepFunction:
    """Add a method or step function to its table: command line, page and API have it from then on.

    Call it before the page is built; SEQSCOPE_PLUGINS names files that do so (see `load`). Returns the record. Raises
    SpecError when the name is malformed or taken, or an option is none of an attribution.
    """
    if isinstance(record, Method):
        table, kind = METHODS, "method"
    elif isinstance(record, StepFunction):
        table, kind = STEP_FUNCTIONS, "step function"
    else:
        raise SpecError(f"{type(record).__name__} is neither a Method nor a StepFunction.", field="register")
    if not isinstance(record.name, str) or not _NAME.fullmatch(record.name):
        raise SpecError(
            f"{record.name!r:.60} is no name for a {kind}.",
            hint="Use up to 40 small letters, digits and underscores, a letter first.",
            field="register",
        )
    if record.name in table:
        raise SpecError(f"there is a {kind} {record.name!r} already.", hint="Choose another name.", field="register")
    known = {item.name for item in dataclasses.fields(AttributionSpec)}
    for name in record.options:
        if name not in known:
            raise SpecError(f"{name!r:.60} is not an option of an attribution.", field="register")
    table[record.name] = record
    _registered.add(record.name)
    return record


def load(names: str) -> None:
    """Import what SEQSCOPE_PLUGINS names: Python files or modules, separated by commas; each once in a process.

    Raises SpecError, with the reason, for one that cannot be imported. This runs the file's code: name only your own.
    """
    for name in filter(None, (part.strip() for part in names.split(","))):
        if name not in _loaded:
            _import(name)
            _loaded.add(name)


def own(spec: Spec) -> bool:
    """Whether the answer to `spec` depends on something registered: its code may change, so it is computed anew."""
    values = [getattr(spec, name, "") for name in ("method", "methods", "step_function", "step_scores")]
    return any(part.strip() in _registered for value in values for part in value.split(","))


def _import(name: str) -> None:
    try:
        if not name.endswith(".py"):
            importlib.import_module(name)
            return
        path = Path(name).resolve()
        module_name = f"seqscope_plugin_{hashlib.sha256(str(path).encode()).hexdigest()[:12]}"
        found = importlib.util.spec_from_file_location(module_name, path)
        module = importlib.util.module_from_spec(found)
        sys.modules[module_name] = module  # dataclasses and pickle look a module up by its name
        found.loader.exec_module(module)
    except SpecError:
        raise
    except Exception as error:
        raise SpecError(
            f"{name} cannot be loaded: {type(error).__name__}: {error}.", field="SEQSCOPE_PLUGINS"
        ) from error
