"""Every failure a person may see, as one sentence each."""

from __future__ import annotations


class AppError(Exception):
    """A failure with a message for the person who asked.

    `message` says what is wrong, `hint` what to do now, `field` which input it concerns. The page, the command line,
    the HTTP API and MCP all show `str(error)`. Any other exception is a bug and is never shown in full.
    """

    def __init__(self, message: str, *, hint: str = "", field: str = ""):
        super().__init__(message)
        self.message, self.hint, self.field = message, hint, field

    def __str__(self) -> str:
        sentence = f"{self.field}: {self.message}" if self.field else self.message
        return f"{sentence} {self.hint}".strip()

    def __reduce__(self):
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
