"""What left, for people."""

from __future__ import annotations

from medkiosk.catalog.exports import Export, Outside
from medkiosk.core.datause import DataUse
from medkiosk.daemon.kiosk import Kiosk
from medkiosk.ipc import types as t
from medkiosk.ipc.exporttypes import ExportState


def exports(kiosk: Kiosk, offset: int, limit: int) -> t.Exports:
    """A page of exports, newest first."""
    with kiosk.reading() as catalog:
        found = list(reversed(catalog.outside.exports.values()))
        page = found[offset:][:limit]
        return t.Exports(exports=tuple(view(catalog.outside, each) for each in page), total=len(found))


_WORDS = {
    ExportState.PREPARED: "MAY BE OUTSIDE: it was begun, and it is not known that it was finished.",
    ExportState.FAILED: "Not outside: it failed, and what was written of it was removed.",
    ExportState.WRITTEN: "Outside: written and read back.",
    ExportState.ACKNOWLEDGED: "Outside: its recipient opened it.",
}
_PERHAPS = "MAY BE OUTSIDE: it failed, and nobody saw that all of it is gone from the stick."


def view(outside: Outside, export: Export) -> t.ExportInfo:
    """One export."""
    prepared, acknowledged = export.prepared, export.acknowledged
    recipient = outside.recipients.get(prepared.recipient_id)
    state = _state(export)
    perhaps = export.outside and state in (ExportState.PREPARED, ExportState.FAILED)
    return t.ExportInfo(
        export_id=prepared.export_id,
        recipient_id=prepared.recipient_id,
        recipient=recipient.display_name if recipient else "",
        at=prepared.at,
        purpose=prepared.purpose,
        images=len(prepared.captures),
        state=state,
        data_use=prepared.data_use or DataUse(),
        code=export.failed.code if export.failed and not export.written else "",
        by=acknowledged.by if acknowledged else "",
        acknowledged_at=acknowledged.at if acknowledged else "",
        manifest_sha256=export.written.manifest_sha256 if export.written else "",
        perhaps=perhaps,
        words=_PERHAPS if perhaps and state is ExportState.FAILED else _WORDS[state],
    )


def _state(export: Export) -> ExportState:
    if export.acknowledged is not None:
        return ExportState.ACKNOWLEDGED
    if export.written is not None:
        return ExportState.WRITTEN
    return ExportState.FAILED if export.failed is not None else ExportState.PREPARED
