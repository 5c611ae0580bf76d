"""Where in a model does a fact sit? The question; the answer is computed in a lane."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from spaces_app.analyses.shared.fields import GenerationFields, ModelFields
from spaces_app.costs.model import Cost, passes
from spaces_app.costs.token_counts import TokenCounts, fitted_token_counts
from spaces_app.errors import SpecError
from spaces_app.methods import CostInputs
from spaces_app.spec import option, same_as

if TYPE_CHECKING:
    from spaces_app.models.loaded import LoadedModel

TARGETS = ("contrast_prob_diff", "contrast_logprob_diff", "contrast_logits_diff")
CHECKS = ("auto", "none", "remove", "restore")


@dataclass(frozen=True, kw_only=True)
class KnowledgeSpec(ModelFields):
    """Which feed-forward parts, at which tokens, speak for the true next word and against a false one."""

    kind = "knowledge"
    version = 1

    prompt: str = option(
        "", "Text that the fact completes; for a translation model, the text to translate.", max_chars=20_000
    )
    true: str = option("", "The word that completes it rightly; its first token counts.", label="True word")
    false: str = option(
        "",
        "The word it is compared with; its first token counts. Empty takes the likeliest other token.",
        label="False word",
    )
    target: str = option(
        "contrast_prob_diff",
        "The difference between true and false that is explained.",
        choices=lambda: TARGETS,
        group="method",
    )
    subject: str = option("", "The words of the text that the fact is about.")
    other_subject: str = option(
        "",
        "What stands in the subject's place when the fact is restored; as many tokens. Empty takes it away.",
        label="Other subject",
    )
    patching: str = option(
        "auto",
        "How the map is checked: each output is removed, or restored in a text about the other subject. "
        "auto restores where there is a subject.",
        label="Check",
        choices=lambda: CHECKS,
        group="method",
    )
    languages: str = same_as(GenerationFields, "languages")

    @property
    def checked(self) -> str:
        """The check that is made: "none", "remove" or "restore"."""
        return self.patching if self.patching != "auto" else "restore" if self.subject else "remove"

    def unused(self) -> Iterable[str]:
        return () if self.subject and self.checked == "restore" else ("other_subject",)

    def check_words(self) -> None:
        """Raises SpecError when the words asked about cannot be a true and a false one."""
        if not self.true.strip():
            raise SpecError("there is no true word.", hint="Name the word that completes the text.", field="true")
        if self.true.strip() == self.false.strip():
            raise SpecError(
                f"{self.false.strip()!r:.60} is the true word, too.", hint="Name another word.", field="false"
            )


def token_counts(spec: KnowledgeSpec, model: LoadedModel) -> TokenCounts:
    """The tokens of the text, with the one token that is asked for. Raises SpecError for words that cannot be asked."""
    spec.check_words()
    if spec.checked == "restore" and not spec.subject.strip():
        raise SpecError("restoring needs a subject.", hint="Name it, or choose remove.", field="patching")
    return fitted_token_counts(model, len(model.encode_prompt(spec.prompt)), 1)


def cost(spec: KnowledgeSpec, facts: Any, counts: TokenCounts) -> Cost:
    """Passes for the words and the gradients, and one for every output that is exchanged."""
    inputs = CostInputs(facts, counts.n_source, counts.n_prompt, 1)
    exchanged = facts.n_layers * counts.n_prompt + facts.n_encoder_layers * counts.n_source
    return passes(inputs.forward * (4 + (exchanged if spec.checked != "none" else 0)))
