"""What is said about which parts of the body pictures show (docs/consent.md, section 7)."""

from __future__ import annotations

from medkiosk.core.event import Event
from medkiosk.core.ids import CaptureId, EncounterId


class EncounterSites(Event, frozen=True, tag="encounter.sites", omit_defaults=True):
    """Somebody said what an encounter's pictures show. A later word supersedes.

    Attributes:
        sites: parts of the body (`medkiosk.core.bodysite`), ascending; none: it is not known.
        reason: given where it takes back what was said before.
    """

    encounter_id: EncounterId
    sites: tuple[str, ...]
    reason: str = ""


class CaptureSites(Event, frozen=True, tag="capture.sites", omit_defaults=True):
    """Somebody said what one picture shows, whatever its encounter says. A later word supersedes.

    Attributes:
        sites: as in `EncounterSites`; null: what its encounter says.
        reason: given where it takes back what was said before.
    """

    capture_id: CaptureId
    sites: tuple[str, ...] | None
    reason: str = ""


class Reopened(Event, frozen=True, tag="review.reopened"):
    """What a picture was known to show was taken back: approvals end, a reviewer looks at it again."""

    capture_id: CaptureId


SitesSaid = EncounterSites | CaptureSites
AnySiteEvent = SitesSaid | Reopened
