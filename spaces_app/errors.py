"""Every failure a person may see, as one sentence each."""

from __future__ import annotations

import difflib
import logging
import secrets
import traceback
from collections.abc import Iterable

log = logging.getLogger("seqscope")


class AppError(Exception):
    """A failure with a message for the person who asked.

    `message` says what is wrong, `hint` what to do now, `field` which input it concerns. The page, the command line,
    the HTTP API and MCP all show `str(error)`. Any other exception is a bug and is never shown in full.
    """

    def __init__(self, message: str, *, hint: str = "", field: str = "") -> None:
        super().__init__(message)
        self.message, self.hint, self.field = message, hint, field

    def __str__(self) -> str:
        sentence = f"{self.field}: {self.message}" if self.field else self.message
        return f"{sentence} {self.hint}".strip()

    def __reduce__(self) -> tuple:
        # Exceptions cross process boundaries (worker lanes); the default reduce would lose hint and field.
        return _rebuild, (type(self), self.message, self.hint, self.field)


def _rebuild(kind: type[AppError], message: str, hint: str, field: str) -> AppError:
    return kind(message, hint=hint, field=field)


class SpecError(AppError):
    """The question itself is wrong: an unknown option, a value out of range, a damaged link."""


class TooLarge(AppError):
    """The question is right but over budget; the message names both numbers and the hint what to reduce."""


class NotSupported(AppError):
    """This model or method cannot do that."""


class ModelUnavailable(AppError):
    """The model could not be found or loaded."""


class Busy(AppError):
    """Too many requests are waiting; try again shortly."""


class Cancelled(AppError):
    """The person who asked has left or pressed Stop."""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A hint that names the nearest known name, "" where none is near."""
    close = difflib.get_close_matches(str(name)[:60], list(known), n=1)
    return f"Did you mean {close[0]!r}?" if close else ""


def to_app_error(error: BaseException) -> AppError:
    """What a person gets to see: the sentence of an AppError, or a number under which the log has the bug.

    Tokenizers written in Rust panic past Exception; that is a fault of the model's files and has a sentence too.
    """
    if isinstance(error, AppError):
        return error
    if type(error).__name__ == "PanicException":
        return ModelUnavailable("the model's tokenizer failed on this text.", hint="Choose another model.")
    number = secrets.token_hex(4)
    # Where it failed, without the message: messages of libraries may quote the prompt, which is not ours to keep.
    where = "".join(traceback.format_tb(error.__traceback__))
    log.error("bug %s: %s\n%s", number, type(error).__name__, where)
    return AppError(f"something went wrong here (report {number}).", hint="It has been logged.")
