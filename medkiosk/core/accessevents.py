"""What can happen about who may see what (`medkiosk.core.events` has everything else; docs/access.md)."""

from __future__ import annotations

from enum import StrEnum

from medkiosk.core.consent import Witness
from medkiosk.core.event import Event
from medkiosk.core.ids import AccountId, EncounterId, GlassId
from medkiosk.core.role import Role


class RolesChanged(Event, frozen=True, tag="account.roles_changed"):
    """An administrator gave somebody other roles; these take the place of the ones before."""

    account_id: AccountId
    roles: tuple[Role, ...]
    reason: str


class DepartmentsSet(Event, frozen=True, tag="account.departments_set"):
    """An administrator said which departments somebody works for.

    Attributes:
        departments: all of them, as the configuration writes them.
    """

    account_id: AccountId
    departments: tuple[str, ...]


class TeamChanged(Event, frozen=True, tag="encounter.team_changed"):
    """People joined those who treat a patient, or left them.

    Attributes:
        added: who joins.
        removed: who leaves, although they made it, recorded its consent or assigned its pictures.
    """

    encounter_id: EncounterId
    added: tuple[AccountId, ...]
    removed: tuple[AccountId, ...]
    reason: str


class EncounterRestricted(Event, frozen=True, tag="encounter.restricted"):
    """The pictures of an encounter are intimate: from now on few may see them.

    Attributes:
        chaperone: who was there beside the photographer; null: the patient declined one.
    """

    encounter_id: EncounterId
    reason: str
    chaperone: Witness | None


class RestrictionLifted(Event, frozen=True, tag="encounter.restriction_lifted"):
    """The pictures of an encounter are like any others again."""

    encounter_id: EncounterId
    reason: str


class GlassBroken(Event, frozen=True, tag="glass.broken"):
    """Somebody opened an encounter that is not theirs, because they must treat the patient now.

    Attributes:
        until: when it ends at the latest, RFC 3339 UTC.
    """

    glass_id: GlassId
    encounter_id: EncounterId
    reason: str
    until: str


class GlassEnded(Event, frozen=True, tag="glass.ended"):
    """Whoever broke it closed it again. One that nobody closed ended at its time or with their session."""

    glass_id: GlassId
    encounter_id: EncounterId


class GlassReviewed(Event, frozen=True, tag="glass.reviewed"):
    """Somebody whose task it is asked whether it was justified.

    Attributes:
        justified: the answer.
        words: what was found out.
    """

    glass_id: GlassId
    encounter_id: EncounterId
    justified: bool
    words: str


class PatientAskedFor(Event, frozen=True, tag="patient.asked_for"):
    """Somebody asked by the exact number for a patient who is not theirs, and was told that there is one.

    Attributes:
        encounters: those that they were told of.
    """

    encounters: tuple[EncounterId, ...]


class Listing(StrEnum):
    """What gives out names or numbers of more than one patient."""

    SEARCH = "search"  # encounters by what was typed
    SCAN = "scan"  # a patient's encounters by their wristband
    FORM = "form"  # who is known, or similar, while somebody is written down
    ENCOUNTERS = "encounters"  # all that one sees
    BY_ID = "by_id"  # names beside pictures, and of what was opened
    DUE = "due"  # what retention says is due
    DISPOSALS = "disposals"  # what is to be destroyed, or was
    CORRECTIONS = "corrections"  # what is, or was, under the wrong patient


class PatientsListed(Event, frozen=True, tag="patients.listed", omit_defaults=True):
    """Somebody searched for patients, or looked at a list with names or numbers of them.

    Attributes:
        listing: which list.
        found: how many it had, of what this person may see; of a search, for the longest words.
        most: the most that a search found while it was typed.
        text: what was searched for or scanned, or stood on the form.
        encounters: whom a search, a scan or a form showed: of every answer that found at most 20.
        glasses: the person's broken glasses that were open then: what was shown may be there by them.
    """

    listing: Listing
    found: int
    most: int = 0
    text: str = ""
    encounters: tuple[EncounterId, ...] = ()
    glasses: tuple[GlassId, ...] = ()


AnyAccessEvent = (
    RolesChanged
    | DepartmentsSet
    | TeamChanged
    | EncounterRestricted
    | RestrictionLifted
    | GlassBroken
    | GlassEnded
    | GlassReviewed
    | PatientAskedFor
    | PatientsListed
)
