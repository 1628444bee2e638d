"""Who has to do with which encounter, which are restricted, and which glasses were broken. Pure."""

from __future__ import annotations

from collections.abc import Container, Iterable
from dataclasses import dataclass, field

from medkiosk.core import accessevents as acc
from medkiosk.core import events as ev
from medkiosk.core.ids import KIOSK, AccountId, EncounterId, GlassId

CircleEvent = (
    acc.TeamChanged
    | acc.EncounterRestricted
    | acc.RestrictionLifted
    | acc.GlassBroken
    | acc.GlassEnded
    | acc.GlassReviewed
)


@dataclass
class BrokenGlass:
    """One glass: who broke it and why, who closed it, and what whoever looked at that found."""

    broken: acc.GlassBroken
    ended: acc.GlassEnded | None = None
    reviewed: acc.GlassReviewed | None = None
    looks: int = 0


@dataclass
class Circle:
    """What the events about access add up to; plain data.

    Attributes:
        departments: of encounters that have one.
        team: of each encounter: who made it, recorded its consent, assigned its pictures or was added, and
            was not removed since.
        restricted: those that few may see, with the word that made them so.
        glasses: all that ever were broken, oldest first.
    """

    departments: dict[EncounterId, str] = field(default_factory=dict)
    team: dict[EncounterId, tuple[AccountId, ...]] = field(default_factory=dict)
    restricted: dict[EncounterId, acc.EncounterRestricted] = field(default_factory=dict)
    glasses: dict[GlassId, BrokenGlass] = field(default_factory=dict)

    def created(self, event: ev.EncounterCreated) -> None:
        """Take in a new encounter: whoever made it is of the team."""
        if event.department:
            self.departments[event.encounter_id] = event.department
        self.joins(event.encounter_id, event.actor)

    def joins(self, encounter_id: EncounterId, account_id: AccountId) -> None:
        """Somebody did something for a patient, and has to do with them from now on; the kiosk has not."""
        team = self.team.get(encounter_id, ())
        if account_id != KIOSK and account_id not in team:
            self.team[encounter_id] = (*team, account_id)

    def take(self, event: CircleEvent, encounters: Container[EncounterId]) -> str:
        """Take the next event; return why it does not fit, or nothing.

        Args:
            event: what happened.
            encounters: those that are there.
        """
        if event.encounter_id not in encounters:
            return "unknown encounter"
        match event:
            case acc.TeamChanged():
                team = self.team.get(event.encounter_id, ())
                left = (id_ for id_ in team if id_ not in event.removed)
                self.team[event.encounter_id] = tuple(dict.fromkeys((*left, *event.added)))
            case acc.EncounterRestricted():
                self.restricted[event.encounter_id] = event
            case acc.RestrictionLifted():
                if self.restricted.pop(event.encounter_id, None) is None:
                    return "the encounter is not restricted"
            case acc.GlassBroken():
                self.glasses[event.glass_id] = BrokenGlass(event)
            case acc.GlassEnded() | acc.GlassReviewed():
                return self._later(event)
        return ""

    def _later(self, event: acc.GlassEnded | acc.GlassReviewed) -> str:
        if (glass := self.glasses.get(event.glass_id)) is None:
            return "unknown glass"
        if isinstance(event, acc.GlassReviewed):
            glass.reviewed = event
        elif glass.ended is not None:
            return "the glass has ended before"
        else:
            glass.ended = event
        return ""

    def looked(self, event: ev.Viewed) -> None:
        """Count a look that needed a broken glass."""
        if event.glass and (glass := self.glasses.get(event.glass)) is not None:
            glass.looks += 1

    def of(self, actor: AccountId | None = None, *, unread: bool = False) -> Iterable[BrokenGlass]:
        """The glasses, newest first: of one person, or those that nobody has looked into."""
        for glass in reversed(self.glasses.values()):
            if (actor is None or glass.broken.actor == actor) and not (unread and glass.reviewed):
                yield glass

    def forget(self, encounter_id: EncounterId) -> None:
        """Let go of an encounter that was disposed of, and of why somebody opened it."""
        self.departments.pop(encounter_id, None)
        self.team.pop(encounter_id, None)
        self.restricted.pop(encounter_id, None)
        self.glasses = {
            id_: glass for id_, glass in self.glasses.items() if glass.broken.encounter_id != encounter_id
        }
