"""Which records go with what is disposed of. Pure.

All that is only about it. A record that also names something that stays is kept: it holds ids there, and the
recall list and the review of what stays need it. docs/retention.md says what remains.
"""

from __future__ import annotations

from medkiosk.core import accessevents as acc
from medkiosk.core import correctionevents as cor
from medkiosk.core import events as ev
from medkiosk.core import lifecycle as life
from medkiosk.core import siteevents as site
from medkiosk.core.ids import CaptureId, EncounterId


def goes(event: ev.AnyEvent, captures: frozenset[CaptureId], encounters: frozenset[EncounterId]) -> bool:
    """Tell whether an event's record is destroyed.

    Args:
        event: what the record says.
        captures: all that are disposed of, now or before; encounters that were before may be among them.
        encounters: those that are disposed of.
    """
    match event:
        case (
            ev.OriginalSealed()
            | ev.OriginalAgain()
            | ev.Redacted()
            | ev.RedactionFailed()
            | ev.RoleGiven()
            | ev.SlateSeen()
            | ev.SlateClock()
            | ev.Approved()
            | ev.SecondAsked()
            | ev.Rejected()
            | ev.Compared()
            | site.CaptureSites()
            | site.Reopened()
        ):
            return event.capture_id in captures
        case ev.Viewed():
            return event.capture_id is not None and event.capture_id in captures
        case (
            ev.EncounterCreated()
            | ev.ConsentRecorded()
            | life.RetentionSet()
            | cor.SubjectCorrected()
            | acc.TeamChanged()
            | acc.EncounterRestricted()
            | acc.RestrictionLifted()
            | acc.GlassBroken()
            | acc.GlassEnded()
            | acc.GlassReviewed()
            | site.EncounterSites()
        ):
            return event.encounter_id in encounters
        case acc.PatientsListed():
            # A search says what was typed: a name, most of the time.
            gone = {*captures, *encounters}
            return bool(event.encounters) and gone.issuperset(event.encounters)
        case cor.CorrectionProposed():
            return captures.issuperset(event.captures) if event.captures else event.encounter_id in encounters
        case cor.CorrectionDecided():
            # Of pictures that stay it says that their approvals ended.
            mine = not event.identity or event.encounter_id in encounters
            return mine and captures.issuperset(event.captures)
        case ev.Assigned():
            # Of a picture that stays it says that somebody else's it was: an approval ended with that.
            return captures.issuperset(event.captures)
        case _:
            return False
