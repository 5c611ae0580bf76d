"""What every question has in common that an attribution method answers: which method, what it explains, its options."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from spaces_app.errors import SpecError
from spaces_app.methods import METHODS, Method
from spaces_app.methods.options import MethodOptions
from spaces_app.spec import Declared, Spec, option
from spaces_app.step_functions import STEP_FUNCTIONS, StepFunction

_LAYERS = re.compile(r"all|-?\d{1,4}|\d{1,4}-\d{1,4}", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class MethodAndTarget(Spec):
    """The method and the number that it explains: they come before the method's options."""

    method: str = option("saliency", "How importance is measured.", choices=lambda: METHODS, group="method")
    step_function: str = option(
        "probability",
        "The number that is explained at each generated token.",
        label="Target",
        choices=lambda: STEP_FUNCTIONS,
        group="method",
    )


@dataclass(frozen=True, kw_only=True)
class UsesMethod(MethodOptions, MethodAndTarget):
    """A question that a method answers, or several: their own options are among its own."""

    def methods_asked(self) -> list[Method]:
        """The methods that are asked."""
        return [METHODS[self.method]]

    def asked(self) -> list[StepFunction]:
        """The step functions that are explained or put beside the output by name."""
        return [STEP_FUNCTIONS[self.step_function]]

    def brought(self) -> list[Declared]:
        return list({option[0]: option for method in self.methods_asked() for option in method.own_options()}.values())

    @classmethod
    def every_option(cls) -> list[Declared]:
        choices = next(facts.choices for name, _, facts in cls.options() if name == "method")
        names = choices() if choices else METHODS
        found = {option[0]: option for name in names for option in METHODS[name].own_options()}
        return [*cls.options(), *found.values()]

    def own_of(self, method: Method) -> dict[str, Any]:
        """The values of a method's own options, as far as they are known here."""
        return {name: value for name, value in self.own.items() if name in method.own}

    def unknown(self, name: str) -> SpecError:
        takers = [method.label for method in METHODS.values() if name in method.own]
        if not takers:
            return super().unknown(name)
        chosen = " and ".join(method.label for method in self.methods_asked())
        return SpecError(
            f"{chosen} does not have this option.", hint=f"Choose {' or '.join(takers)}, or leave it out.", field=name
        )

    def check(self) -> None:
        for name in ("layer", "head"):
            if not _LAYERS.fullmatch(getattr(self, name)):
                raise SpecError(
                    f"{getattr(self, name)!r:.60} is not all, a number, or a range such as 2-5.", field=name
                )
