"""The in-memory kiosk's patients: who may be mistaken, what scanners read, and corrections."""

from __future__ import annotations

import hashlib

import msgspec

from medkiosk.core.config import Issuer
from medkiosk.core.consent import Subject, subject_key
from medkiosk.core.correction import by_whom, next_state
from medkiosk.core.correctionevents import CorrectionState, Outcome
from medkiosk.core.errors import KioskError, NotAllowedError
from medkiosk.core.ids import AccountId, CaptureId, CorrectionId, EncounterId
from medkiosk.identity import scan
from medkiosk.identity.number import Rules
from medkiosk.identity.register import Match, Register
from medkiosk.ipc import types as t
from tests.console.state import Kiosk

NHS = Issuer(name="NHS", shortest=10, longest=10, check="mod11")
RULES = Rules((NHS,))
AT = "2026-11-22T08:00:00.000Z"


class DoubtError(KioskError):
    """There are patients with a similar name. Nothing was saved."""

    code = "identity.doubt"


class Identities:
    """The part of the `Api` about it."""

    _kiosk: Kiosk
    _session: t.Session | None

    def _register(self) -> Register:
        made = Register(RULES)
        made.take((id_, each.subject) for id_, each in reversed(self._kiosk.encounters.items()))
        return made

    def check_subject(self, subject: Subject) -> t.SubjectCheck:
        normal = RULES.normal(subject)
        if words := RULES.problem(normal):
            return t.SubjectCheck(subject=subject, problem=words)
        register = self._register()
        match, known = register.match(normal)
        similar = register.similar(normal) if match is Match.NEW else ()
        looked = t.SubjectCheck(
            subject=known.subject if known and match is Match.SAME else normal,
            known=match is Match.SAME,
            conflict=known.subject if known and match is Match.CONFLICT else None,
            similar=tuple(
                t.SimilarInfo(
                    encounter_id=each.known.encounter_id,
                    subject=each.known.subject,
                    words=f"{each.names.capitalize()} name; birth date {each.dates}.",
                )
                for each in similar
            ),
        )
        if not looked.similar and looked.conflict is None:
            return looked
        token = hashlib.sha256(msgspec.json.encode(looked)).hexdigest()
        return msgspec.structs.replace(looked, token=token)

    def settled(self, subject: Subject, confirmed: str, reason: str) -> Subject:
        looked = self.check_subject(subject)
        if confirmed != looked.token or (looked.conflict is not None and not reason):
            raise DoubtError
        return looked.subject

    def read_scan(self, text: str) -> t.ScanInfo:
        self._kiosk.calls.append(f"read_scan: {text}")
        said = scan.read(text, RULES)
        if said.words:
            return t.ScanInfo(words=said.words)
        found = self._register().encounters(said.mrn, said.issuers)
        return t.ScanInfo(mrn=said.mrn, issuers=said.issuers, encounters=found)

    def propose_correction(
        self, encounter_id: EncounterId, captures: tuple[CaptureId, ...], reason: str
    ) -> t.CorrectionInfo:
        photos = [self._kiosk.photos[each] for each in captures]
        before = {
            subject_key(who): who
            for photo in photos
            if photo.info.encounter_id
            for who in [self._kiosk.encounters[photo.info.encounter_id].subject]
        }
        return self._propose(
            encounter_id,
            captures,
            tuple(photo.info.name for photo in photos),
            tuple(before.values()),
            self._kiosk.encounters[encounter_id].subject,
            reason,
        )

    def propose_identity(
        self, encounter_id: EncounterId, subject: Subject, reason: str, confirmed: str = ""
    ) -> t.CorrectionInfo:
        before = self._kiosk.encounters[encounter_id].subject
        if subject_key(before) != subject_key(subject):
            subject = self.settled(subject, confirmed, reason)
        return self._propose(encounter_id, (), (), (before,), subject, reason)

    def _propose(
        self,
        encounter_id: EncounterId,
        captures: tuple[CaptureId, ...],
        names: tuple[str, ...],
        before: tuple[Subject, ...],
        after: Subject,
        reason: str,
    ) -> t.CorrectionInfo:
        assert self._session is not None
        made = t.CorrectionInfo(
            correction_id=CorrectionId(self._kiosk.new_id()),
            at=AT,
            by=self._session.display_name,
            by_id=AccountId(self._session.account_id),
            reason=reason,
            state=CorrectionState.PROPOSED,
            encounter_id=encounter_id,
            captures=captures,
            names=names,
            before=before,
            after=after,
            approved=0,
            left=self._kiosk.left,
            needs=("Consent of the right patient, publication: no. Nobody was asked.",),
            obstacles=(),
        )
        self._kiosk.corrections[made.correction_id] = made
        return made

    def decide_correction(
        self, correction_id: CorrectionId, outcome: Outcome, reason: str = ""
    ) -> t.CorrectionInfo:
        assert self._session is not None
        now = self._kiosk.corrections[correction_id]
        if words := by_whom(outcome, proposer=now.by_id == self._session.account_id):
            raise NotAllowedError(reason=words)
        after = next_state(now.state, outcome)
        if after is None:
            raise NotAllowedError(reason="it was decided already")
        done = msgspec.structs.replace(
            now, state=after, decided_by=self._session.display_name, decided_at=AT, decision=reason, needs=()
        )
        self._kiosk.corrections[correction_id] = done
        if after is CorrectionState.DONE:
            for each in now.captures:
                photo = self._kiosk.photos[each]
                photo.info = msgspec.structs.replace(photo.info, encounter_id=now.encounter_id)
        return done

    def take_back_correction(self, correction_id: CorrectionId, reason: str = "") -> t.CorrectionInfo:
        return self.decide_correction(correction_id, Outcome.TAKEN_BACK, reason)

    def list_corrections(self, offset: int = 0, limit: int = 50) -> t.CorrectionList:
        found = tuple(self._kiosk.corrections.values())
        waits = tuple(each for each in found if each.state is CorrectionState.PROPOSED)
        over = tuple(each for each in reversed(found) if each.state is not CorrectionState.PROPOSED)
        return t.CorrectionList(
            corrections=(*waits, *over)[offset : offset + limit], total=len(found), open=len(waits)
        )
