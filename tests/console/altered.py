"""The in-memory kiosk's settings: the real table and rules, without a ledger and without a disk."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from medkiosk.core import config
from medkiosk.core.correctionevents import Outcome
from medkiosk.core.errors import BadRequestError, NotAllowedError
from medkiosk.core.ids import ProposalId
from medkiosk.daemon.altering import by_whom
from medkiosk.ipc import types as t
from medkiosk.settings import change
from medkiosk.settings.table import SETTINGS
from medkiosk.settings.text import parse, render

IMAGE = config.parse(
    (Path(__file__).parents[2] / "config" / "appliance.toml").read_text(), name="appliance.toml"
)
CHECKS = ("consent", "privacy", "review")
AT = "2026-11-22T08:00:00.000Z"


@dataclass
class Altered:
    """What was decided, and what waits.

    Attributes:
        stick: the text of the file on the stick.
    """

    own: dict[str, Any] = field(default_factory=dict)
    in_force: config.Config = IMAGE
    waiting: tuple[t.SettingsProposal, dict[str, Any]] | None = None
    past: tuple[t.SettingsProposal, ...] = ()
    status: t.SettingsStatus = field(default_factory=t.SettingsStatus)
    unused: tuple[str, ...] = ()
    stick: str = ""


class Settings:
    """The part of the `Api` about it."""

    _kiosk: Any
    _session: t.Session | None

    @property
    def _altered(self) -> Altered:
        found: Altered = self._kiosk.altered
        return found

    def list_settings(self) -> t.KioskSettings:
        altered = self._altered
        decided = change.apply(IMAGE, altered.own)
        found = []
        for each in SETTINGS:
            value = change.value_of(decided, each)
            shown = change.shown(each, value)
            now = change.shown(each, change.value_of(altered.in_force, each))
            choices = each.choices or dict.fromkeys(CHECKS if "modules" in each.key else (), "")
            own = each.key in altered.own
            found.append(
                t.SettingInfo(
                    key=each.key,
                    named=each.named,
                    title=each.title,
                    words=each.words,
                    kind=each.kind,
                    choices=tuple(choices),
                    said=tuple(choices.values()),
                    value=render({each.key: value}),
                    shown=shown,
                    image=change.shown(each, change.value_of(IMAGE, each)),
                    own=own,
                    now=now if now != shown else "",
                    version=altered.status.newest if own else 0,
                    at=AT if own else "",
                    by="Ada Admin" if own else "",
                    decided_by="Olga Officer" if own else "",
                )
            )
        return t.KioskSettings(
            settings=tuple(found),
            status=altered.status,
            unused=altered.unused,
            waiting=altered.waiting[0] if altered.waiting else None,
            past=altered.past,
        )

    def read_settings(self, stick: str = "") -> t.SettingsDraft:
        self._kiosk.calls.append(f"read_settings: {stick}")
        return self.check_settings(self._altered.stick)

    def check_settings(self, text: str, back: tuple[str, ...] = ()) -> t.SettingsDraft:
        _, found = self._drafted(text, back)
        return t.SettingsDraft(text=text, back=back, changes=found)

    def _drafted(
        self, text: str, back: tuple[str, ...]
    ) -> tuple[dict[str, Any], tuple[t.SettingChange, ...]]:
        merged = {**self._altered.own, **parse(text.encode())}
        own = {key: value for key, value in merged.items() if key not in back}
        found = change.changes(change.apply(IMAGE, self._altered.own), change.apply(IMAGE, own))
        if not found:
            raise BadRequestError(detail="that is how it is set already")
        return own, tuple(
            t.SettingChange(
                key=each.setting.key,
                title=each.setting.title,
                words=each.setting.words,
                old=change.shown(each.setting, each.old),
                new=change.shown(each.setting, each.new),
                weaker=each.weaker,
            )
            for each in found
        )

    def propose_settings(self, text: str, back: tuple[str, ...], reason: str) -> t.KioskSettings:
        assert self._session is not None
        own, found = self._drafted(text, back)
        if self._altered.waiting:
            raise NotAllowedError(reason="other settings wait for a second person; that comes first")
        proposal = t.SettingsProposal(
            proposal_id=ProposalId(self._kiosk.new_id()),
            at=AT,
            by=self._session.display_name,
            by_id=self._session.account_id,
            reason=reason,
            changed=tuple(each.title for each in found),
            sha256="0" * 64,
            changes=found,
        )
        self._altered.waiting = (proposal, own)
        return self.list_settings()

    def decide_settings(self, proposal_id: ProposalId, outcome: Outcome, reason: str = "") -> t.KioskSettings:
        assert self._session is not None
        altered = self._altered
        if altered.waiting is None or altered.waiting[0].proposal_id != proposal_id:
            raise BadRequestError(detail="these settings were decided already")
        proposal, own = altered.waiting
        if words := by_whom(outcome, proposer=proposal.by_id == self._session.account_id):
            raise NotAllowedError(reason=words)
        version = altered.status.newest + 1 if outcome is Outcome.APPROVED else 0
        decided = msgspec.structs.replace(
            proposal,
            outcome=outcome,
            changes=(),
            version=version,
            decided_at=AT,
            decided_by=self._session.display_name,
            decision=reason,
        )
        altered.waiting, altered.past = None, (decided, *altered.past)
        if version:
            altered.own = own
            altered.status = msgspec.structs.replace(altered.status, newest=version, restart=True)
            self._kiosk.touch()
        return self.list_settings()

    def take_back_settings(self, proposal_id: ProposalId, reason: str = "") -> t.KioskSettings:
        return self.decide_settings(proposal_id, Outcome.TAKEN_BACK, reason)

    def restart_for_settings(self) -> t.Done:
        self._kiosk.calls.append("restart_for_settings")
        return t.Done()
