"""What can happen about training (`medkiosk.core.events` has everything else)."""

from __future__ import annotations

from medkiosk.core.event import Event


class TrainingPassed(Event, frozen=True, tag="training.passed", omit_defaults=True):
    """Somebody passed the check of a page of the guide (docs/guide.md); ``actor`` is who.

    Attributes:
        module: the page's id.
        version: the page's version then, as in the file: major and minor with a dot.
        digest: SHA-256 of the file's bytes then, hexadecimal.
        right: questions that were answered rightly.
        asked: questions that were asked.
    """

    module: str
    version: str
    digest: str
    right: int
    asked: int


class TrainingFailed(Event, frozen=True, tag="training.failed", omit_defaults=True):
    """Somebody did not pass the check of a page of the guide; ``actor`` is who.

    Attributes:
        module: the page's id.
        version: the page's version then, as in the file: major and minor with a dot.
        digest: SHA-256 of the file's bytes then, hexadecimal.
        right: questions that were answered rightly.
        asked: questions that were asked.
    """

    module: str
    version: str
    digest: str
    right: int
    asked: int


class GuideTaken(Event, frozen=True, tag="guide.taken"):
    """Somebody took the department's pages of the guide from a stick; they are all that the department has.

    Attributes:
        pages: their ids.
        versions: of each, as in the file.
        digests: SHA-256 of each file's bytes, hexadecimal.
    """

    pages: tuple[str, ...]
    versions: tuple[str, ...]
    digests: tuple[str, ...]


AnyTrainingEvent = TrainingPassed | TrainingFailed | GuideTaken
