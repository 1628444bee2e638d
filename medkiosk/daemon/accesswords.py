"""Events about who may see what in a few words for the auditor; no patient's name or number. Pure."""

from __future__ import annotations

from medkiosk.core import accessevents as acc


def summary(event: acc.AnyAccessEvent) -> str:
    """One event, short."""
    match event:
        case acc.RolesChanged():
            return f"account {event.account_id}: {', '.join(event.roles)}"
        case acc.DepartmentsSet():
            return f"account {event.account_id}: {', '.join(event.departments) or 'no department'}"
        case acc.TeamChanged():
            joined = f"{len(event.added)} joined, {len(event.removed)} left"
            return f"encounter {event.encounter_id}: {joined}"
        case acc.EncounterRestricted():
            there = "with a chaperone" if event.chaperone else "the patient declined a chaperone"
            return f"encounter {event.encounter_id}: {there}"
        case acc.RestrictionLifted():
            return f"encounter {event.encounter_id}"
        case acc.GlassBroken():
            return f"glass {event.glass_id}: encounter {event.encounter_id} until {event.until}"
        case acc.GlassEnded():
            return f"glass {event.glass_id}"
        case acc.GlassReviewed():
            return f"glass {event.glass_id}: {'justified' if event.justified else 'NOT JUSTIFIED'}"
        case acc.PatientAskedFor():
            return f"{len(event.encounters)} encounters that they do not see"
        case acc.PatientsListed():
            typed = f", up to {event.most} while it was typed" if event.most > event.found else ""
            by = f", by glass {' and '.join(event.glasses)}" if event.glasses else ""
            return f"{event.listing}: {event.found} found{typed}{by}"
