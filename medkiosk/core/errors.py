"""Errors that a person may see.

Rule: the docstring of a class is the sentence the operator reads. It says what happened, what is safe,
and what to do. ``{names}`` in it are filled from the keyword arguments. Each class has a stable ``code``
(never reused) that crosses process boundaries and appears in JSON output, and an ``exit_code`` for
command lines: 1 refused or failed, 2 wrong usage, 3 damage found, 4 not reachable, 5 not allowed.
"""

from __future__ import annotations

import inspect
from typing import ClassVar


class KioskError(Exception):
    """Something went wrong that has no better name; nothing already acknowledged is affected."""

    code: ClassVar[str] = "kiosk.error"
    exit_code: ClassVar[int] = 1

    def __init__(self, **values: object) -> None:
        self.values = values
        super().__init__(self.message)

    @property
    def message(self) -> str:
        """The operator's sentence, with this error's values filled in; one full stop ends each sentence."""
        template = " ".join(inspect.cleandoc(type(self).__doc__ or "").split())
        values = {
            name: value.removesuffix(".") if isinstance(value, str) and f"{{{name}}}." in template else value
            for name, value in self.values.items()
        }
        return template.format_map(values)


class ConfigError(KioskError):
    """The configuration file {path} cannot be used: {detail}. Nothing was started; correct the file."""

    code = "config.invalid"
    exit_code = 2


class NotAllowedError(KioskError):
    """You may not do this: {reason}. Nothing was changed."""

    code = "access.denied"
    exit_code = 5


class BadRequestError(KioskError):
    """It cannot be done so: {detail}. Nothing was changed."""

    code = "request.invalid"
    exit_code = 2


class NotFoundError(KioskError):
    """There is no {what} with the id {id}. Nothing was changed."""

    code = "not.found"
    exit_code = 1


class WorkerError(KioskError):
    """The {worker} worker was stopped: {detail}. The file in hand is imported or processed again."""

    code = "worker.protocol"
    exit_code = 1
