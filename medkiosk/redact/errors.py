"""Why a JPEG gives no derivative."""

from __future__ import annotations

from medkiosk.core.photo import RedactCode


class JpegError(Exception):
    """The bytes are not a JPEG that can be redacted; ``code`` says which kind of not."""

    def __init__(self, code: RedactCode, detail: str) -> None:
        super().__init__(detail)
        self.code = code


class RefusedError(Exception):
    """This file gives no derivative; ``code`` says why."""

    def __init__(self, code: RedactCode, detail: str) -> None:
        super().__init__(detail)
        self.code = code
