"""Fields that several kinds of question share, each declared once: the model, the text, and how it is written on."""

from __future__ import annotations

from dataclasses import dataclass

from spaces_app.spec import Spec, option


@dataclass(frozen=True, kw_only=True)
class ModelFields(Spec):
    """The model that is asked."""

    model: str = option("bundled/tiny-causal", "Model to explain: a bundled one, a Hub id, or a local folder.")
    revision: str = option("", "Exact revision of the model; filled in by the run.", max_chars=64, group="hidden")


@dataclass(frozen=True, kw_only=True)
class TextFields(ModelFields):
    """A text, and the output after it where that is given."""

    prompt: str = option(
        "", "Text given to the model; for a translation model, the text to translate.", max_chars=20_000
    )
    continuation: str = option(
        "",
        "Text to explain as if the model had written it; empty lets the model write.",
        label="Forced output",
        max_chars=20_000,
    )
    continuation_ids: tuple = option(
        (), "Exact ids of the output, as links carry them.", max_chars=1024, group="hidden"
    )


@dataclass(frozen=True, kw_only=True)
class GenerationFields(TextFields):
    """A text, and how the model writes on."""

    max_new_tokens: int = option(
        12, "Tokens the model may write.", label="New tokens", low=1, high=256, group="generation"
    )
    temperature: float = option(
        0.0, "0 takes the likeliest token; higher values sample more freely.", low=0.0, high=2.0, group="generation"
    )
    top_p: float = option(
        1.0,
        "Sample from the likeliest tokens of this total probability.",
        label="Top p",
        low=0.05,
        high=1.0,
        group="generation",
    )
    languages: str = option(
        "",
        "For a model of many languages: the one to write in, such as fra_Latn, or source > target.",
        max_chars=60,
        group="generation",
    )
    seed: int = option(0, "Seed of the sampling.", low=0, high=2**31 - 1, group="generation")

    def unused_generation(self) -> list[str]:
        """Options of the writing without influence: the output is given, none is asked for, or nothing is drawn."""
        silent = bool(self.continuation) or not self.max_new_tokens
        names = ["max_new_tokens"] if self.continuation else []
        names += ["temperature"] if silent else []
        return names + (["top_p", "seed"] if silent or self.temperature == 0 else [])


@dataclass(frozen=True, kw_only=True)
class ComparesModels(ModelFields):
    """A second model beside the first, where it is named."""

    other_model: str = option("", "Another model that reads the same text.", label="Other model")
    other_revision: str = option("", "Its exact revision; filled in by the run.", max_chars=64, group="hidden")
