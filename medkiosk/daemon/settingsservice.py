"""One connection's face of the settings of this kiosk. A part of `Service`."""

from __future__ import annotations

from medkiosk.access.roles import capabilities
from medkiosk.core.capability import Capability
from medkiosk.core.correctionevents import Outcome
from medkiosk.core.errors import BadRequestError, NotAllowedError
from medkiosk.core.ids import ProposalId
from medkiosk.daemon import altering, maintainingstart
from medkiosk.daemon.connection import Connection
from medkiosk.ipc import types as t

_MAY_RESTART = frozenset({Capability.PROPOSE_SETTINGS, Capability.DECIDE_SETTINGS})


class SettingsService(Connection):
    """The methods of `medkiosk.ipc.settingsapi.SettingsApi`."""

    def list_settings(self) -> t.KioskSettings:
        """See `SettingsApi.list_settings`."""
        return altering.view(self._kiosk)

    def read_settings(self, stick: str = "") -> t.SettingsDraft:
        """See `SettingsApi.read_settings`."""
        with self._kiosk.sessions.busy(self._living):
            return altering.read_stick(self._kiosk, stick)

    def check_settings(self, text: str, back: tuple[str, ...] = ()) -> t.SettingsDraft:
        """See `SettingsApi.check_settings`."""
        return altering.draft(self._kiosk, text, back)

    def propose_settings(self, text: str, back: tuple[str, ...], reason: str) -> t.KioskSettings:
        """See `SettingsApi.propose_settings`."""
        altering.propose(self._kiosk, self._who, text, back, reason)
        return altering.view(self._kiosk)

    def decide_settings(self, proposal_id: ProposalId, outcome: Outcome, reason: str = "") -> t.KioskSettings:
        """See `SettingsApi.decide_settings`."""
        if outcome is Outcome.TAKEN_BACK:
            raise BadRequestError(detail="a second person says yes or no; who proposed takes back")
        altering.decide(self._kiosk, self._who, proposal_id, outcome, reason)
        return altering.view(self._kiosk)

    def take_back_settings(self, proposal_id: ProposalId, reason: str = "") -> t.KioskSettings:
        """See `SettingsApi.take_back_settings`."""
        altering.decide(self._kiosk, self._who, proposal_id, Outcome.TAKEN_BACK, reason)
        return altering.view(self._kiosk)

    def restart_for_settings(self) -> t.Done:
        """See `SettingsApi.restart_for_settings`."""
        if not _MAY_RESTART & capabilities(self._who.roles):
            raise NotAllowedError(reason="only who proposes or decides about settings starts the kiosk again")
        board, working = self._kiosk.board, self._kiosk.sessions.working
        if not board.status.settings.restart:
            raise BadRequestError(detail="the newest settings are in force already")
        if board.status.redaction.waiting:
            raise BadRequestError(detail="pictures are being redacted: wait until that has ended")
        maintainingstart.check_idle(board, working=working)
        maintainingstart.end_soon()
        return t.Done()
