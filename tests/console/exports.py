"""The in-memory kiosk's recipients, exports, recall and sticks, without cryptography."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec

from medkiosk.core.clock import rfc3339
from medkiosk.core.consent import ConsentKind, Purpose
from medkiosk.core.datause import DataUse
from medkiosk.core.errors import BadRequestError, NotAllowedError
from medkiosk.core.exportevents import RecipientMethod
from medkiosk.core.ids import CaptureId, ExportId, RecipientId
from medkiosk.ipc import types as t
from medkiosk.ipc.exporttypes import ExportState
from tests.console.state import Kiosk

PASSWORDS = "academic acid acne acquire acrobat activity actress adapt"
SHEET = t.RecipientSheet(
    site="Dermatology",
    allowed_signers='medkiosk namespaces="medkiosk-export@v1" ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI'
    + "A" * 42,
    signer="SHA256:tests0000000000000000000000000000000000000000",
    log="scratch.medkiosk.invalid/ledger+8d66cf3f+AXxRoOb1KsNPxlXgzmpFyeX6IdAZEZOUhdi+E3lTAtdX",
    page_sha256="ab" * 32,
)


class Exports:
    """The part of the `Api` about what leaves."""

    _kiosk: Kiosk
    _session: t.Session | None

    def enrol_recipient(
        self,
        display_name: str,
        organisation: str,
        method: RecipientMethod,
        age_recipient: str,
        heard: str,
        purposes: tuple[Purpose, ...],
        expires: str,
    ) -> t.RecipientInfo:
        if heard != age_recipient[-16:]:
            raise BadRequestError(detail="the letters are not the end of this key")
        recipient = t.RecipientInfo(
            recipient_id=RecipientId(self._kiosk.new_id()),
            display_name=display_name,
            organisation=organisation,
            age_recipient=age_recipient,
            expires=expires,
            method=method,
            purposes=purposes,
            heard=bool(heard),
        )
        self._kiosk.recipients.append(recipient)
        return recipient

    def _recipient(self, recipient_id: RecipientId) -> t.RecipientInfo:
        [found] = [each for each in self._kiosk.recipients if each.recipient_id == recipient_id]
        return found

    def revoke_recipient(self, recipient_id: RecipientId, reason: str) -> t.RecipientInfo:
        old = self._recipient(recipient_id)
        new = msgspec.structs.replace(old, revoked=reason, why_not="The recipient was revoked.")
        self._kiosk.recipients = [new if each is old else each for each in self._kiosk.recipients]
        return new

    def list_recipients(self) -> t.Recipients:
        return t.Recipients(recipients=tuple(self._kiosk.recipients))

    def get_sheet(self) -> t.RecipientSheet:
        return SHEET

    def check_export(
        self,
        recipient_id: RecipientId,
        purpose: Purpose,
        captures: tuple[CaptureId, ...],
        data_use: DataUse,
        use: str = "",
    ) -> t.ExportCheck:
        denials = []
        consents = {each: one.consents for each, one in self._kiosk.encounters.items()}
        for capture_id in captures:
            encounter_id = self._kiosk.photos[capture_id].info.encounter_id
            granted = any(
                purpose in each.terms.purposes and each.terms.kind is ConsentKind.GRANT
                for each in (consents[encounter_id] if encounter_id else ())
            )
            if not granted:
                reason = f"No consent covers {purpose} for this patient."
                denials.append(t.Denial(capture_id=capture_id, reason=reason))
        denied = {each.capture_id for each in denials}
        problems = [words] if (words := self._recipient(recipient_id).why_not) else []
        uses: list[str] = []
        if purpose is Purpose.PUBLICATION:
            said = (each.terms.use for asked in consents.values() for each in asked)
            uses = list(dict.fromkeys(each for each in said if each))
            problems += [] if use else ["Say which one this export is for."]
        return t.ExportCheck(
            allowed=tuple(each for each in captures if each not in denied),
            denials=tuple(denials),
            problems=tuple(problems),
            uses=tuple(uses),
        )

    def export(
        self,
        recipient_id: RecipientId,
        purpose: Purpose,
        captures: tuple[CaptureId, ...],
        data_use: DataUse,
        options: t.ExportOptions,
        stick: str = "",
        use: str = "",
    ) -> t.ExportResult:
        self._kiosk.export_answers.wait(30)
        checked = self.check_export(recipient_id, purpose, captures, data_use, use)
        if checked.denials or checked.problems:
            raise NotAllowedError(reason="the rules deny it")
        recipient = self._recipient(recipient_id)
        result = t.ExportResult(
            export_id=ExportId(self._kiosk.new_id()),
            folder="medkiosk-2026-11-22-0a1b2c3d",
            images=len(captures),
            bytes=len(captures) * 8_000_000,
            manifest_sha256="5f" * 32,
            signer=SHEET.signer,
            stick=self._kiosk.written,
            page_sha256=SHEET.page_sha256 if options.viewer else "",
            read_back=self._kiosk.read_back,
            passphrase=PASSWORDS if recipient.method is RecipientMethod.PASSPHRASE else "",
        )
        done = t.ExportInfo(
            export_id=result.export_id,
            recipient_id=recipient_id,
            recipient=recipient.display_name,
            at=rfc3339(datetime.now(UTC)),
            purpose=purpose,
            images=len(captures),
            state=ExportState.WRITTEN,
            data_use=data_use,
            manifest_sha256=result.manifest_sha256,
            words="Outside: written and read back.",
        )
        self._kiosk.exported.insert(0, done)
        terms = f"{' '.join(data_use.codes)} until {data_use.until or '-'}"
        goes = f"viewer={options.viewer} dicom={options.dicom} to {stick}{f' for {use}' if use else ''}"
        self._kiosk.calls.append(f"export: {len(captures)} {terms} {goes}")
        return result

    def list_exports(self, offset: int = 0, limit: int = 200) -> t.Exports:
        found = self._kiosk.exported
        return t.Exports(exports=tuple(found[offset : offset + limit]), total=len(found))

    def list_recall(self) -> t.RecallList:
        return t.RecallList(lines=self._kiosk.recall)

    def write_recall(self, recipient_id: RecipientId, stick: str = "") -> t.RecallResult:
        lines = [each for each in self._kiosk.recall if each.recipient_id == recipient_id]
        self._kiosk.calls.append(f"write_recall: {stick}")
        return t.RecallResult(
            recall_id=self._kiosk.new_id(),
            folder="medkiosk-recall-2026-11-22-0a1b2c3d",
            exports=len(lines),
            images=sum(len(each.images) for each in lines),
            signer=SHEET.signer,
            stick=self._kiosk.written,
        )

    def confirm_recall(self, recipient_id: RecipientId, words: str) -> t.RecallList:
        self._kiosk.calls.append(f"confirm_recall: {words}")
        at = rfc3339(datetime.now(UTC))
        self._kiosk.recall = tuple(
            msgspec.structs.replace(each, confirmed=at) if each.recipient_id == recipient_id else each
            for each in self._kiosk.recall
        )
        return self.list_recall()

    def take_acknowledgements(self, stick: str = "") -> t.Acknowledgements:
        return t.Acknowledgements(
            taken=tuple(self._kiosk.exported[:1]),
            refused=("One file is no acknowledgement of this kiosk.",),
            strangers=("auditor.example/w9",),
            witnessed=0,
        )

    def enrol_stick(self, name: str, label: str) -> t.Sticks:
        self._kiosk.calls.append(f"enrol_stick: {name}{label}")
        return t.Sticks(sticks=self._kiosk.sticks)
