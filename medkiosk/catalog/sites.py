"""Which parts of the body pictures show, as far as somebody said so."""

from __future__ import annotations

from collections.abc import Container, Iterable
from dataclasses import dataclass, field

from medkiosk.catalog.holdings import Capture
from medkiosk.core import bodysite
from medkiosk.core.ids import CaptureId, EncounterId
from medkiosk.core.siteevents import CaptureSites, EncounterSites, SitesSaid


@dataclass
class Sites:
    """The last word about each encounter and each picture; plain data.

    Attributes:
        encounters: what their pictures show, unless one says otherwise; only where something is known.
        captures: those that say otherwise; none: of this one it is not known.
    """

    encounters: dict[EncounterId, tuple[str, ...]] = field(default_factory=dict)
    captures: dict[CaptureId, tuple[str, ...]] = field(default_factory=dict)

    def of(self, capture_id: CaptureId | None, encounter_id: EncounterId | None) -> tuple[str, ...]:
        """What a picture of an encounter shows; none: not known."""
        if capture_id is not None and capture_id in self.captures:
            return self.captures[capture_id]
        return self.encounters.get(encounter_id, ()) if encounter_id is not None else ()

    def looked_otherwise(self, event: SitesSaid, captures: Iterable[Capture]) -> tuple[Capture, ...]:
        """The captures, among those that an event is about, that somebody must look at again.

        Args:
            event: not taken yet.
            captures: of the encounter, or the one.
        """
        if isinstance(event, EncounterSites):
            if not bodysite.looked_otherwise(self.encounters.get(event.encounter_id, ()), event.sites):
                return ()
            return tuple(each for each in captures if each.capture_id not in self.captures)
        return tuple(
            each
            for each in captures
            if bodysite.looked_otherwise(
                self.of(each.capture_id, each.encounter_id), self.after(event, each.encounter_id)
            )
        )

    def after(self, event: CaptureSites, encounter_id: EncounterId | None) -> tuple[str, ...]:
        """What a picture of an encounter shows once an event about it is taken."""
        return event.sites if event.sites is not None else self.of(None, encounter_id)

    def take(
        self, event: SitesSaid, encounters: Container[EncounterId], captures: Container[CaptureId]
    ) -> str:
        """Take the next event; return why it does not fit, or nothing.

        Args:
            event: what was said.
            encounters: those that are there.
            captures: those that are there.
        """
        if isinstance(event, EncounterSites):
            if event.encounter_id not in encounters:
                return "unknown encounter"
            if event.sites:
                self.encounters[event.encounter_id] = event.sites
            else:
                self.encounters.pop(event.encounter_id, None)
        elif event.capture_id not in captures:
            return "unknown capture"
        elif event.sites is not None:
            self.captures[event.capture_id] = event.sites
        else:
            self.captures.pop(event.capture_id, None)
        return ""

    def forget(self, captures: Iterable[CaptureId], encounters: Iterable[EncounterId]) -> None:
        """Let go of what was disposed of."""
        for capture_id in captures:
            self.captures.pop(capture_id, None)
        for encounter_id in encounters:
            self.encounters.pop(encounter_id, None)
