"""Who may receive pictures, what left for them, and what they were told to destroy. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

from medkiosk.core import exportevents as out
from medkiosk.core.consent import Subject
from medkiosk.core.ids import CaptureId, EncounterId, ExportId, RecipientId

OutsideEvent = (
    out.RecipientEnrolled
    | out.RecipientRevoked
    | out.ExportPrepared
    | out.Exported
    | out.ExportFailed
    | out.ExportAcknowledged
    | out.RecallWritten
    | out.RecallConfirmed
    | out.RecallKept
)


@dataclass
class Export:
    """One export, as far as it got.

    Attributes:
        prepared: what it was to be. For one of before this was recorded, made from what was written.
        whose: the encounter of each of its captures when it was prepared; empty where there was none.
        written, failed: how it ended; both None while that is not known.
        acknowledged: the first time that its receiver said so.
        then: who the encounters in ``whose`` were of when it left, where that was corrected since.
    """

    prepared: out.ExportPrepared
    whose: tuple[EncounterId, ...] = ()
    written: out.Exported | None = None
    failed: out.ExportFailed | None = None
    acknowledged: out.ExportAcknowledged | None = None
    then: dict[EncounterId, Subject] = field(default_factory=dict)

    @property
    def outside(self) -> bool:
        """Whether the receiver has it, or may have it: written, or nobody saw that it is gone."""
        return self.written is not None or self.failed is None or not self.failed.cleaned


@dataclass
class Outside:
    """What the events about recipients and exports add up to; plain data.

    Attributes:
        recipients: all that ever were, oldest first.
        revoked: those who may receive nothing any more.
        exports: all that were prepared, oldest first.
        recalls: the notices that were written, oldest first.
        confirmed: when a recipient first said that they know of a notice, by its id.
        kept: of pictures that were disposed of here, why they were recalled then; by export and picture.
    """

    recipients: dict[RecipientId, out.RecipientEnrolled] = field(default_factory=dict)
    revoked: dict[RecipientId, out.RecipientRevoked] = field(default_factory=dict)
    exports: dict[ExportId, Export] = field(default_factory=dict)
    recalls: list[out.RecallWritten] = field(default_factory=list)
    confirmed: dict[str, str] = field(default_factory=dict)
    kept: dict[ExportId, dict[str, str]] = field(default_factory=dict)
    _by_capture: dict[CaptureId, list[ExportId]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Find the captures of exports that are there already."""
        self._by_capture = {}
        for export in self.exports.values():
            self._link(export)

    def _link(self, export: Export) -> None:
        for capture_id in export.prepared.captures:
            self._by_capture.setdefault(capture_id, []).append(export.prepared.export_id)

    def of(self, capture_id: CaptureId) -> Iterator[Export]:
        """Every export that was prepared with this capture, oldest first."""
        return (self.exports[export_id] for export_id in self._by_capture.get(capture_id, ()))

    def corrected(self, encounter_id: EncounterId, before: Subject) -> None:
        """An encounter is of somebody else: what left until now left as of the one before."""
        for export in self.exports.values():
            if encounter_id in export.whose:
                export.then.setdefault(encounter_id, before)

    def forget(self, captures: Collection[CaptureId], encounters: Collection[EncounterId]) -> None:
        """Let go of whose disposed captures were; that they left, and how, stays."""
        gone = {export_id for id_ in captures for export_id in self._by_capture.get(id_, ())}
        for export in (self.exports[export_id] for export_id in gone):
            pairs = zip(export.prepared.captures, export.whose, strict=True)
            export.whose = tuple(EncounterId("") if id_ in captures else whose for id_, whose in pairs)
        for export in self.exports.values():
            if export.then:
                stay = set(export.whose).difference(encounters)
                export.then = {id_: subject for id_, subject in export.then.items() if id_ in stay}

    def take(self, event: OutsideEvent, whose: tuple[EncounterId, ...] = ()) -> str:
        """Take the next event; return why it does not fit, or nothing.

        Args:
            event: what happened.
            whose: of a prepared export, the encounters of its captures now.
        """
        match event:
            case out.RecipientEnrolled():
                if event.recipient_id in self.recipients:
                    return "the recipient exists"
                self.recipients[event.recipient_id] = event
                return ""
            case out.RecipientRevoked():
                if event.recipient_id not in self.recipients:
                    return "unknown recipient"
                self.revoked.setdefault(event.recipient_id, event)
                return ""
            case out.RecallWritten():
                self.recalls.append(event)
                known = all(each.export_id in self.exports for each in event.exports)
                return "" if known else "unknown export"
            case out.RecallConfirmed():
                theirs = {each.recall_id for each in self.recalls if each.recipient_id == event.recipient_id}
                for recall_id in event.recalls:
                    self.confirmed.setdefault(recall_id, event.at)
                return "" if theirs.issuperset(event.recalls) else "unknown notice"
            case out.RecallKept():
                if event.export_id not in self.exports:
                    return "unknown export"
                self.kept.setdefault(event.export_id, {}).update(dict.fromkeys(event.images, event.why))
                return ""
            case out.ExportPrepared():
                if event.export_id in self.exports:
                    return "the export was prepared before"
                self.exports[event.export_id] = Export(event, whose)
                self._link(self.exports[event.export_id])
                return ""
            case _:
                return self._ended(event, whose)

    def _ended(
        self, event: out.Exported | out.ExportFailed | out.ExportAcknowledged, whose: tuple[EncounterId, ...]
    ) -> str:
        export = self.exports.get(event.export_id)
        if isinstance(event, out.Exported):
            if export is None:
                # Its preparation is a damaged record, or is from before there was any: it left all the same.
                export = self.exports[event.export_id] = Export(_prepared(event), whose)
                self._link(export)
            if export.written is not None:
                return "the export was written before"
            export.written = event
            return ""
        if export is None:
            return "unknown export"
        if isinstance(event, out.ExportFailed):
            export.failed = event
        elif export.acknowledged is None:
            export.acknowledged = event
        return ""


def _prepared(event: out.Exported) -> out.ExportPrepared:
    return out.ExportPrepared(
        at=event.at,
        actor=event.actor,
        export_id=event.export_id,
        recipient_id=event.recipient_id,
        purpose=event.purpose,
        captures=event.captures,
        derivatives=event.derivatives,
    )
