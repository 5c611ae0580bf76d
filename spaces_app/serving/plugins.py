"""A user's own methods and step functions: `register` puts a record into the tables, `load` imports their files."""

from __future__ import annotations

import dataclasses
import hashlib
import importlib
import importlib.util
import keyword
import re
import sys
from collections.abc import Container
from pathlib import Path

from spaces_app.analyses import KINDS
from spaces_app.analyses.attribution.spec import AttributionSpec
from spaces_app.errors import SpecError
from spaces_app.methods import METHODS, Method
from spaces_app.methods.options import same_declaration
from spaces_app.methods.uses import UsesMethod
from spaces_app.spec import Spec
from spaces_app.step_functions import STEP_FUNCTIONS, StepFunction

_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}", re.ASCII)
# What an option cannot be called: other flags of the command line, and what links and the API hold beside options.
RESERVED = frozenset(
    ("json", "quiet", "unit", "normalize", "preset", "data", "data_config", "data_split", "data_revision", "limit")
    + ("column", "help", "action", "s", "v", "id", "view", "kind", "analysis", "compare", "theme", "request")
)
_registered: set[str] = set()
_loaded: set[str] = set()


def register(record: Method | StepFunction) -> Method | StepFunction:
    """Add a method or step function to its table: command line, page and API have it from then on.

    Call it before the page is built; SEQSCOPE_PLUGINS names files that do so (see `load`). Returns the record. Raises
    SpecError when the name, or that of an option of its own, is malformed or taken, or an option is none of an
    attribution.
    """
    table: Container[str]
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
            raise SpecError(
                f"{name!r:.60} is not an option of an attribution.",
                hint="Declare an option of the method's own in `own`." if isinstance(record, Method) else "",
                field="register",
            )
    if isinstance(record, Method):
        check_own_names(record)
        METHODS[record.name] = record
    else:
        STEP_FUNCTIONS[record.name] = record
    _registered.add(record.name)
    return record


def check_own_names(method: Method) -> None:
    """Raises SpecError when an option of the method's own is called like something else that questions hold."""
    kinds = [kind for kind in KINDS.values() if issubclass(kind, UsesMethod)]
    for declared in method.own_options():
        name = declared[0]
        if not _NAME.fullmatch(name) or keyword.iskeyword(name):
            raise SpecError(
                f"{name!r:.60} is no name for an option.",
                hint="Use up to 40 small letters, digits and underscores, a letter first.",
                field="register",
            )
        if name in RESERVED or any(hasattr(kind, name) for kind in kinds):
            raise SpecError(f"{name!r} means something else already.", hint="Choose another name.", field="register")
        for other in METHODS.values():
            same = [item for item in other.own_options() if item[0] == name and other is not method]
            if same and not same_declaration(same[0], declared):
                raise SpecError(
                    f"{other.label} has another option {name!r}.", hint="Choose another name.", field="register"
                )


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
    if not isinstance(spec, UsesMethod):
        return False
    names = [method.name for method in spec.methods_asked()] + [step.name for step in spec.asked()]
    return any(name in _registered for name in names)


def _import(name: str) -> None:
    try:
        if not name.endswith(".py"):
            importlib.import_module(name)
            return
        path = Path(name).resolve()
        module_name = f"seqscope_plugin_{hashlib.sha256(str(path).encode()).hexdigest()[:12]}"
        found = importlib.util.spec_from_file_location(module_name, path)
        assert found is not None and found.loader is not None  # as for every .py file
        module = importlib.util.module_from_spec(found)
        sys.modules[module_name] = module  # dataclasses and pickle look a module up by its name
        found.loader.exec_module(module)
    except SpecError:
        raise
    except Exception as error:
        raise SpecError(
            f"{name} cannot be loaded: {type(error).__name__}: {error}.", field="SEQSCOPE_PLUGINS"
        ) from error
