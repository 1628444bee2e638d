"""Why a file gives no derivative: one error, and a name of its own for each place that refuses."""

from __future__ import annotations

from medkiosk.core.photo import RedactCode


class RefusedError(Exception):
    """This file gives no derivative; ``code`` says why."""

    def __init__(self, code: RedactCode, detail: str) -> None:
        super().__init__(detail)
        self.code = code


class JpegError(RefusedError):
    """The bytes are not a JPEG that can be redacted; ``code`` says which kind of not."""


class ContainerError(RefusedError):
    """The boxes are not what the format needs; ``code`` says which kind of not."""


class TurboError(RefusedError):
    """libturbojpeg refused or gave up; ``code`` says what that means for the photo."""


class BurnError(RefusedError):
    """The written bytes are not the original with the plan burned in (`RedactCode.MISMATCH`)."""

    def __init__(self, detail: str) -> None:
        super().__init__(RedactCode.MISMATCH, detail)
