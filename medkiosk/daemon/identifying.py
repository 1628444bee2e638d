"""Who is meant: a form's patient among all that are known, and whose wristband was scanned."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from itertools import islice
from weakref import WeakKeyDictionary

import msgspec

from medkiosk.access.need import Action
from medkiosk.catalog.fold import Catalog
from medkiosk.core import canon
from medkiosk.core.accessevents import Listing, PatientAskedFor
from medkiosk.core.consent import Subject
from medkiosk.core.errors import BadRequestError, KioskError
from medkiosk.core.ids import EncounterId
from medkiosk.daemon import needing
from medkiosk.daemon.kiosk import Kiosk
from medkiosk.daemon.sessions import Session
from medkiosk.identity import scan
from medkiosk.identity.names import Alike, Dates
from medkiosk.identity.number import Rules
from medkiosk.identity.register import Known, Match, Register, Similar
from medkiosk.ipc import types as t
from medkiosk.journal import Fact

LONGEST = 200
_MOST_FOUND = 200
_BIRTH_DATE = re.compile(r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])", re.ASCII)
SIMILAR_WORDS = {
    (Alike.SAME, Dates.SAME): "The same name; born on the same day.",
    (Alike.SAME, Dates.SWAPPED): "The same name; day and month of birth swapped.",
    (Alike.SAME, Dates.DIGIT): "The same name; a birth date with one digit changed.",
    (Alike.SAME, Dates.UNKNOWN): "The same name; the birth date of one is not known.",
    (Alike.CLOSE, Dates.SAME): "Nearly the same name; born on the same day.",
    (Alike.CLOSE, Dates.SWAPPED): "Nearly the same name; day and month of birth swapped.",
    (Alike.CLOSE, Dates.DIGIT): "Nearly the same name; a birth date with one digit changed.",
    (Alike.CLOSE, Dates.UNKNOWN): "Nearly the same name; the birth date of one is not known.",
    (Alike.PART, Dates.SAME): "A name in common; born on the same day.",
    (Alike.PART, Dates.SWAPPED): "A name in common; day and month of birth swapped.",
    (Alike.PART, Dates.DIGIT): "A name in common; a birth date with one digit changed.",
    (Alike.PART, Dates.UNKNOWN): "A name in common; the birth date of one is not known.",
}
"""Why somebody is asked whether it is one of these; whole sentences, which can be translated."""


class ConflictError(KioskError):
    """This number is known with another name or birth date. Nothing was saved: compare both with the
    wristband, then correct what is typed, or say why it is right.
    """

    code = "identity.conflict"


class DoubtError(KioskError):
    """There are patients with a similar name. Nothing was saved: look at them, with both identifiers, and say
    whether one of them is meant.
    """

    code = "identity.doubt"


class _Held:
    """What was made of one catalogue, how far it got, and when whose an encounter is last changed."""

    def __init__(self, rules: Rules, identities: int) -> None:
        self.register = Register(rules)
        self.taken = 0
        self.identities = identities


_HELD: WeakKeyDictionary[Catalog, _Held] = WeakKeyDictionary()
"""It goes when the catalogue goes: nobody's name outlasts the session that opened them."""


def register_of(kiosk: Kiosk, catalog: Catalog) -> Register:
    """All patients of a catalogue that is held still."""
    encounters, identities = catalog.held.encounters, catalog.held.identities
    held = _HELD.get(catalog)
    if held is None or held.identities != identities:
        held = _HELD[catalog] = _Held(Rules.of(kiosk.config), identities)
    if held.taken < len(encounters):
        new = islice(encounters.items(), held.taken, None)
        held.register.take((id_, each.subject) for id_, each in new)
        held.taken = len(encounters)
    return held.register


def tidy(kiosk: Kiosk, subject: Subject) -> Subject:
    """A typed subject in its normal form.

    Raises:
        BadRequestError: something is missing, too long, not printable, or breaks the issuer's rule.
    """
    for name, text in (("MRN", subject.mrn), ("issuer", subject.issuer), ("name", subject.name)):
        if len(text) > LONGEST or not (text.isprintable() or not text):
            raise BadRequestError(
                detail=f"the {name} has more than {LONGEST} characters, or unprintable ones"
            )
    if subject.birth_date and not _BIRTH_DATE.fullmatch(subject.birth_date):
        raise BadRequestError(detail="the birth date is written YYYY-MM-DD, or left empty")
    rules = Rules.of(kiosk.config)
    normal = rules.normal(subject)
    if not normal.mrn or not normal.issuer:
        raise BadRequestError(detail="a subject needs a medical record number and who issued it")
    if words := rules.problem(normal):
        raise BadRequestError(detail=words)
    return normal


@dataclass(frozen=True)
class Looked:
    """What is known of a typed patient.

    Attributes:
        subject: as it is to be kept.
        match: whether the number is known, and fits.
        known: what is known of this number.
        similar: others.
        hidden: the number is known, and this person may not see whose it is; then the answer is that of one
            who is new, with what was typed.
        token: names exactly what is to be looked at; empty where nothing is.
    """

    subject: Subject
    match: Match
    known: Known | None
    similar: tuple[Similar, ...]
    hidden: bool
    token: str


def look(kiosk: Kiosk, session: Session, typed: Subject) -> Looked:
    """Find a typed patient among all that this person may see.

    Raises:
        BadRequestError: see `tidy`.
    """
    subject = tidy(kiosk, typed)
    eyes = needing.Eyes(kiosk, session)
    with kiosk.reading() as catalog:
        may = eyes.sees(catalog, Action.NAME)
        register = register_of(kiosk, catalog)
        match, known = register.match(subject)
        hidden = known is not None and may is not None and not may(known.encounter_id)
        similar = register.similar(subject) if match is Match.NEW or hidden else ()
        if may is not None:
            similar = tuple(each for each in similar if may(each.known.encounter_id))
    if match is Match.SAME and known is not None and not hidden:
        born = known.subject.birth_date or subject.birth_date
        subject = msgspec.structs.replace(known.subject, birth_date=born)
    shown = [each.known for each in similar]
    if match is Match.CONFLICT and known is not None and not hidden:
        shown.append(known)
    seen = [[str(each.encounter_id), msgspec.to_builtins(each.subject)] for each in shown]
    digest = hashlib.sha256(canon.encode([msgspec.to_builtins(subject), seen])).hexdigest()
    return Looked(subject, match, known, similar, hidden, digest if shown else "")


def check(kiosk: Kiosk, session: Session, typed: Subject) -> t.SubjectCheck:
    """What is known of a patient who is about to be written down; a problem is said, not raised.

    Of a patient whom this person may not see it says the same as of one who is new: it is not recorded, so
    it must not be worth to guess with.
    """
    try:
        looked = look(kiosk, session, typed)
    except BadRequestError as error:
        return t.SubjectCheck(subject=typed, problem=str(error.values["detail"]))
    seen = looked.known if not looked.hidden else None
    shown = (*(each.known for each in looked.similar), *((seen,) if seen is not None else ()))
    if shown:
        words = " ".join(filter(None, (typed.mrn, typed.issuer, typed.name, typed.birth_date)))
        kiosk.searches.told(session, Listing.FORM, words, tuple(each.encounter_id for each in shown))
    return t.SubjectCheck(
        subject=looked.subject,
        known=seen is not None and looked.match is Match.SAME,
        conflict=seen.subject if seen is not None and looked.match is Match.CONFLICT else None,
        similar=tuple(
            t.SimilarInfo(
                encounter_id=each.known.encounter_id,
                subject=each.known.subject,
                words=SIMILAR_WORDS[each.names, each.dates],
            )
            for each in looked.similar
        ),
        token=looked.token,
    )


HIDDEN = (
    "this number is known here with another name or birth date, of a patient of whose team you are not; that"
    " you typed it is on record. Compare it with the wristband; if it is right, ask somebody who may see them"
)


def settle(
    kiosk: Kiosk, session: Session, typed: Subject, confirmed: str, reason: str
) -> tuple[Subject, tuple[EncounterId, ...]]:
    """Say as whom a patient is written down, and which similar ones they are not. Under the journal's lock.

    Of a number whose patient this person may not see it is recorded that it was typed, as `glasses.ask` does.

    Raises:
        BadRequestError: see `tidy`; a conflict with a patient whom this person may not see.
        ConflictError: the number is known with another name or birth date, and nobody said which is right.
        DoubtError: there are similar patients, and nobody said that they are others.
    """
    looked = look(kiosk, session, typed)
    if looked.hidden and looked.known is not None:  # whether it fits or not, the answer tells who guesses
        event = PatientAskedFor(
            at=kiosk.journal.now(),
            actor=session.account.account_id,
            encounters=(looked.known.encounter_id,),
        )
        kiosk.journal.commit([Fact(event)])
    if looked.match is Match.CONFLICT:
        if looked.hidden:
            raise BadRequestError(detail=HIDDEN)
        if confirmed != looked.token or not reason.strip():
            raise ConflictError
    elif looked.token and confirmed != looked.token:
        raise DoubtError
    return looked.subject, tuple(each.known.encounter_id for each in looked.similar)


def read_scan(kiosk: Kiosk, session: Session, text: str) -> t.ScanInfo:
    """Say whose wristband was scanned, and which of their encounters this person may know of."""
    said = scan.read(text, Rules.of(kiosk.config), kiosk.config.identity.scan_prefix)
    if said.words:
        return t.ScanInfo(words=said.words)
    eyes = needing.Eyes(kiosk, session)
    with kiosk.reading() as catalog:
        may = eyes.sees(catalog, Action.NAME)
        found = register_of(kiosk, catalog).encounters(said.mrn, said.issuers)
        found = found if may is None else tuple(filter(may, found))
    return t.ScanInfo(mrn=said.mrn, issuers=said.issuers, encounters=found[:_MOST_FOUND])
