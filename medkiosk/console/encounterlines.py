"""An encounter in a list: who it is, and what was photographed."""

from __future__ import annotations

from rich.text import Text

from medkiosk.console.bodyparts import listed
from medkiosk.console.language import tr
from medkiosk.console.words import clean, consent_words, count, moment
from medkiosk.core.ids import CaptureId
from medkiosk.ipc.types import EncounterInfo


def own_sites(encounter: EncounterInfo, capture_id: CaptureId) -> tuple[str, ...] | None:
    """What was said that a picture shows, whatever its encounter says; None where nothing was."""
    return next((each.sites for each in encounter.otherwise if each.capture_id == capture_id), None)


def shown_by(encounter: EncounterInfo, capture_id: CaptureId) -> tuple[str, ...]:
    """What a picture of an encounter shows, as far as it is known."""
    own = own_sites(encounter, capture_id)
    return encounter.sites if own is None else own


def site_words(encounter: EncounterInfo, capture_id: CaptureId) -> str:
    """What a picture shows, all of it; a demand where an answer asks for it; else nothing."""
    if sites := shown_by(encounter, capture_id):
        own = own_sites(encounter, capture_id) is not None
        return tr("Shows: {sites}", sites=listed(sites, len(sites))) + (tr(", this photo") if own else "")
    return tr("SHOWS: NOT RECORDED, press B") if encounter.limited else ""


def encounter_lines(encounter: EncounterInfo) -> tuple[Text, Text]:
    """Who, with identifiers; below, the consent, what, how many photos, when: a small screen cuts the end."""
    subject = encounter.subject
    who = Text()
    if encounter.restricted:
        who.append("INTIMATE  ", style="bold")
    who.append(tr("name hidden") if encounter.hidden else clean(subject.name, 40), style="bold")
    who.append(tr("   MRN {mrn} ({issuer})", mrn=clean(subject.mrn, 24), issuer=clean(subject.issuer, 24)))
    if subject.birth_date:
        who.append(tr("   born {birth_date}", birth_date=clean(subject.birth_date, 10)))
    label = clean(encounter.label, 30)
    answers = [] if encounter.hidden else [consent_words(encounter)]
    about = [*answers, *([label] if label else [])]
    if encounter.sites:
        about.append(tr("shows {sites}", sites=listed(encounter.sites, 2)))
    about += [count(encounter.captures, "photo"), moment(encounter.at)[:10]]
    if encounter.department:
        about.append(clean(encounter.department, 24))
    return who, Text("  " + "; ".join(about))


def found_words(text: str, total: int) -> str:
    """How many encounters there are, or how many were found."""
    if not text:
        return tr("{encounters}, newest first", encounters=count(total, "encounter"))
    if not total:
        return tr("No encounter was found.")
    return tr("{encounters} found, newest first", encounters=count(total, "encounter"))
