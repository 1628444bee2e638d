"""Whether consent allows something today. Pure: answers in, a yes or a no with its reason out.

docs/consent.md has the rules, section 4, and the table. All of them are on the closed side of doubt.

Two orders decide whether an objection stops a grant, the recorded one and that of the clock, because an
appliance without a network can lose its clock: a withdrawal that is recorded while the clock stands in 1970
still counts, and so does one that was recorded while it ran ahead.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from medkiosk.consent.terms import EARLIEST, RIGHTS, birthday, capacity_of, faces_of, moment, plain
from medkiosk.core import bodysite
from medkiosk.core.clock import rfc3339
from medkiosk.core.consent import (
    Assent,
    Capacity,
    Code,
    ConsentKind,
    Consequence,
    Decision,
    Faces,
    Purpose,
    Recall,
    Relationship,
    Scope,
    Snapshot,
    Terms,
)

PURPOSE_WORDS: dict[Purpose, str] = {
    Purpose.CLINICAL_RECORD: "the clinical record",
    Purpose.TEACHING_RESEARCH: "teaching and research",
    Purpose.PUBLICATION: "publication",
}
_WHY: dict[Code, str] = {
    Code.FACES: (
        "Consent for {words} does not cover a face that can be recognised, and a reviewer kept one visible in"
        " this picture; mask it, or ask again."
    ),
    Code.RECIPIENT: "Consent for {words} was given for other recipients only.",
    Code.BODY_SITE: (
        "Consent for {words} was given for certain parts of the body only, and this picture shows another"
        " one."
    ),
    Code.USE: "Consent for {words} is for one named use, and this one is not named in it.",
    Code.ASSENT: "The child said no to {words}; a consent by somebody else does not cover it.",
    Code.EXPIRED: "Consent for {words} was given, but is over now.",
    Code.MAJORITY: "The patient is of age now; what was agreed to for them as a child is over. Ask them.",
    Code.NOT_YET: "Consent for {words} was given, but counts only from a time that is still to come.",
    Code.BIRTH_DATE: (
        "Somebody decided about {words} for a child whose birth date is not known, so it cannot be told"
        " whether that still counts."
    ),
    Code.AUTHORITY: "Consent for {words} was given by somebody who cannot decide about it.",
    Code.FORM: (
        "Consent for {words} was written down from a signed form that turned out to be another patient's; ask"
        " this patient."
    ),
    Code.UNREADABLE: "Consent for {words} was given, but from when or until when cannot be read.",
    Code.REFUSED: "Consent for {words} was refused.",
    Code.WITHDRAWN: "Consent for {words} was withdrawn.",
    Code.NOT_ASKED: "No consent for {words} is recorded.",
}
_NOT_KNOWN = (
    "Consent for {words} was given for certain parts of the body only, and it is not recorded which one this"
    " picture shows. Record it: B in Review for one picture, P on the encounter for all of them."
)
"""Instead of what `_WHY` has for a part of the body, where nobody said which it is."""
_OUTSIDE = frozenset(
    {Code.FACES, Code.RECIPIENT, Code.BODY_SITE, Code.USE, Code.ASSENT, Code.AUTHORITY, Code.FORM}
)
"""What left all the same left outside the scope, and is recalled; what is only over now is not."""


_ORDER = {code: place for place, code in enumerate(Code)}
_OBJECTED = {ConsentKind.REFUSAL: Code.REFUSED, ConsentKind.WITHDRAWAL: Code.WITHDRAWN}


class Action(StrEnum):
    """What consent is asked for. Looking at a picture inside the department is not decided by consent."""

    EXPORT = "export"


@dataclass(frozen=True)
class Recipient:
    """Who is to get it: their id and organisation, as enrolled."""

    recipient_id: str
    organisation: str = ""


@dataclass(frozen=True)
class Question:
    """What is asked about, as far as consent must know it.

    Attributes:
        born: the subject's birth date, ``YYYY-MM-DD``; empty where unknown.
        kept_face: a reviewer left visible what was found to be, or may be, a face.
        body_sites: what the picture shows (`medkiosk.core.bodysite`); empty where unknown.
        use: of publication: which one; empty where it is not said, and then any named one will do.
        majority: age in years from which somebody decides for themselves.
        after_death: whether a representative may decide about somebody who died.
    """

    born: str = ""
    kept_face: bool = False
    body_sites: frozenset[str] = frozenset()
    use: str = ""
    majority: int = 18
    after_death: bool = False


def may(
    action: Action,
    question: Question,
    answers: Sequence[Terms],
    purpose: Purpose,
    recipient: Recipient | None,
    now: datetime,
    mistaken: Collection[int] = (),
) -> Decision:
    """Decide whether the answers about a subject allow ``action`` for ``purpose`` now.

    Args:
        action: what is to be done.
        question: what about.
        answers: everything that was said and counts for the encounter, in the order in which it was recorded.
        purpose: what for.
        recipient: for whom; None where that is not known, and then no answer for named ones will do.
        now: aware time; not earlier than what is on record, else what is over would come back to life.
        mistaken: places in ``answers`` of those whose signed form is another patient's. Such a grant allows
            nothing; a no or a limit that was written down from it still counts.

    Returns:
        The decision, with the reason in words for a yes as for a no.
    """
    about = [(place, terms) for place, terms in enumerate(answers) if purpose in terms.purposes]
    grants = [(place, terms) for place, terms in about if terms.kind is ConsentKind.GRANT]
    objections = [
        (place, terms)
        for place, terms in about
        if terms.kind is not ConsentKind.GRANT and _concerns(terms, question, recipient)
    ]
    # A limit counts against what was said before it without one: who says "but not my face" means it.
    limits = [(place, grant) for place, grant in grants if _outside(grant, question, recipient)]
    standing = [
        (place, grant)
        for place, grant in grants
        if not any(_stops(at, each, place, grant, purpose) for at, each in objections)
    ]
    flaws = {
        place: Code.FORM
        if place in mistaken
        else _outside(limit, question, recipient)
        if (limit := _limited(place, grant, limits, purpose))
        else _flaw(grant, question, purpose, recipient, now)
        for place, grant in standing
    }
    valid = tuple((place, grant) for place, grant in standing if flaws[place] is None)
    words = PURPOSE_WORDS[purpose]
    if valid:
        return Decision(
            True, _yes(action, purpose, valid, question), Code.ALLOWED, tuple(at for at, _ in valid)
        )
    recall: Recall | None
    if standing:
        code = min((flaw for flaw in flaws.values() if flaw), key=_ORDER.__getitem__)
        deciding = tuple(place for place, flaw in flaws.items() if flaw is code)
        recall = Recall.SCOPE if code in _OUTSIDE else None
    elif objections:
        code = _OBJECTED[objections[-1][1].kind]
        deciding = tuple(place for place, _ in objections)
        asked = any(terms.consequence is Consequence.RECALL for _, terms in objections)
        recall = Recall.WITHDRAWN if asked else None
    else:
        code, deciding, recall = Code.NOT_ASKED, (), Recall.SCOPE
    unknown = code is Code.BODY_SITE and not question.body_sites
    reason = (_NOT_KNOWN if unknown else _WHY[code]).format(words=words)
    return Decision(False, reason, code, deciding, recall)


def snapshot(decision: Decision, answers: Sequence[Terms], purpose: Purpose, now: datetime) -> Snapshot:
    """Return what `may` said about these answers, with those that decided, for who gets the export."""
    deciding = tuple(range(len(decision.deciding)))
    said = Decision(decision.allowed, decision.reason, decision.code, deciding, decision.recall)
    return Snapshot(rfc3339(now), purpose, said, tuple(answers[place] for place in decision.deciding))


def protects(answers: Sequence[Terms], goes: Collection[int], now: datetime) -> bool:
    """Tell whether some answers stop what others, that stay, would allow for some question.

    Asked before answers are destroyed together with what they were recorded for.

    Args:
        answers: everything that counts for an encounter that stays, in the order in which it was recorded.
        goes: places in ``answers`` of those that would be gone.
        now: aware time; what is over is not protected against.
    """
    against = [
        (at, terms)
        for at, terms in enumerate(answers)
        if terms.kind is not ConsentKind.GRANT or _limits(terms)
    ]
    for place, grant in enumerate(answers):
        over = moment(grant.expires)
        if grant.kind is not ConsentKind.GRANT or place in goes or over is None or over <= now:
            continue
        for purpose in grant.purposes:
            stopping = [
                (at, each)
                for at, each in against
                if at != place and purpose in each.purposes and _stops(at, each, place, grant, purpose)
            ]
            stays = [each for at, each in stopping if at not in goes]
            if any(at in goes and not any(_as_wide(one, each) for one in stays) for at, each in stopping):
                return True
    return False


def _limits(grant: Terms) -> bool:
    scope = grant.scope
    return scope is not None and bool(scope.body_sites or scope.recipients or scope.faces is Faces.NEVER)


def _as_wide(one: Terms, other: Terms) -> bool:
    """Whether an answer counts against all that another one counts against, as far as that is plain."""
    if one.kind is ConsentKind.GRANT:
        return other.kind is ConsentKind.GRANT and one.scope == other.scope
    return not _limits(one) or (other.kind is not ConsentKind.GRANT and one.scope == other.scope)


def _yes(action: Action, purpose: Purpose, valid: Sequence[tuple[int, Terms]], question: Question) -> str:
    words = PURPOSE_WORDS[purpose]
    if purpose is Purpose.PUBLICATION:
        words += f" ({'; '.join(dict.fromkeys(grant.use for _, grant in valid))})"
    until = max(_last(grant, question) for _, grant in valid)
    return f"Consent to {action} for {words} was given and counts until {until}."


def _last(grant: Terms, question: Question) -> str:
    """The day on which a grant ends."""
    over = grant.expires[:10]
    of_age = birthday(question.born, question.majority)
    return min(over, of_age.isoformat()) if of_age and capacity_of(grant) is Capacity.MINOR else over


def _flaw(
    grant: Terms, question: Question, purpose: Purpose, recipient: Recipient | None, now: datetime
) -> Code | None:
    """The most basic thing for which a grant does not count; None: it does."""
    starts, expires = moment(grant.starts), moment(grant.expires)
    if starts is None or expires is None or starts >= expires:
        return Code.UNREADABLE
    if not _has_right(grant, question, purpose, starts):
        return Code.AUTHORITY
    if capacity_of(grant) is Capacity.MINOR:
        of_age = birthday(question.born, question.majority)
        if of_age is None:
            return Code.BIRTH_DATE
        if (now + EARLIEST).date() >= of_age:
            return Code.MAJORITY
    if now < starts:
        return Code.NOT_YET
    if now >= expires:
        return Code.EXPIRED
    if grant.assent is Assent.REFUSED and purpose is not Purpose.CLINICAL_RECORD:
        return Code.ASSENT
    if purpose is Purpose.PUBLICATION:
        if not grant.use.strip() or not _same_use(grant.use, question.use):
            return Code.USE
        if question.kept_face and faces_of(grant) is not Faces.MAY_SHOW:
            return Code.FACES
    return _outside(grant, question, recipient)


def _has_right(grant: Terms, question: Question, purpose: Purpose, starts: datetime) -> bool:
    """Whether the grantor can decide about this purpose at all."""
    by, capacity = grant.grantor.relationship, capacity_of(grant)
    if capacity not in RIGHTS[by]:
        return False
    if capacity is Capacity.DECEASED:
        return question.after_death
    if purpose is Purpose.CLINICAL_RECORD:
        return True
    if by is Relationship.SELF:
        of_age = birthday(question.born, question.majority)
        return of_age is None or starts.date() >= of_age
    return by is not Relationship.CLINICIAN


def _outside(answer: Terms, question: Question, recipient: Recipient | None) -> Code | None:
    """What of a grant's limits the question lies outside of, as far as is known; None: of none."""
    scope = answer.scope
    if scope is None:
        return None
    if scope.body_sites and not bodysite.covered(question.body_sites, scope.body_sites):
        return Code.BODY_SITE
    if scope.recipients and not _is_named(recipient, scope):
        return Code.RECIPIENT
    if scope.faces is Faces.NEVER and question.kept_face:
        return Code.FACES
    return None


def _limited(place: int, grant: Terms, limits: Sequence[tuple[int, Terms]], purpose: Purpose) -> Terms | None:
    """The limit that was set after a grant, and that the question lies outside of."""
    return next(
        (limit for at, limit in limits if at != place and _stops(at, limit, place, grant, purpose)), None
    )


def _concerns(objection: Terms, question: Question, recipient: Recipient | None) -> bool:
    """Whether a refusal or withdrawal is about this question: always, but where it is known not to be."""
    scope = objection.scope
    if scope is None:
        return True
    if scope.body_sites and bodysite.apart(question.body_sites, scope.body_sites):
        return False
    if scope.recipients and recipient is not None and not _is_named(recipient, scope):
        return False
    return scope.faces is not Faces.NEVER or question.kept_face


def _stops(at: int, objection: Terms, place: int, grant: Terms, purpose: Purpose) -> bool:
    """Whether an answer counts against a grant: not if that is newer in both orders, or for another use."""
    if purpose is Purpose.PUBLICATION and grant.use.strip() and not _same_use(grant.use, objection.use):
        return False
    objected, granted = moment(objection.starts), moment(grant.starts)
    return at > place or objected is None or granted is None or objected >= granted


def _same_use(one: str, other: str) -> bool:
    """Whether two names of a use are the same; one that is not named may be any."""
    return not other.strip() or plain(one) == plain(other)


def _is_named(recipient: Recipient | None, scope: Scope) -> bool:
    if recipient is None:
        return False
    named = {plain(name) for name in scope.recipients}
    organisation = plain(recipient.organisation)
    return recipient.recipient_id in scope.recipients or (organisation != "" and organisation in named)
