"""What every part of `Service` has: the kiosk that all connections share, and the session of this one."""

from __future__ import annotations

from typing import TypeVar

from medkiosk.access.need import Action
from medkiosk.core.accessevents import Listing
from medkiosk.core.errors import NotAllowedError
from medkiosk.core.events import AccountCreated
from medkiosk.core.ids import GlassId
from medkiosk.daemon import needing
from medkiosk.daemon.kiosk import Kiosk
from medkiosk.daemon.sessions import Session, SessionEndedError

Answer = TypeVar("Answer")


class Connection:
    """The base of the classes that hold one area's methods (`ExportService` and the like).

    Args:
        kiosk: what all connections share.
    """

    def __init__(self, kiosk: Kiosk) -> None:
        self._kiosk = kiosk
        self._session: Session | None = None

    @property
    def _who(self) -> AccountCreated:
        """The account that is logged in on this connection; NotAllowedError when there is none."""
        return self._living.account

    @property
    def _living(self) -> Session:
        """The session, which has not ended; NotAllowedError or SessionEndedError when there is none."""
        session = self._session
        if session is None:
            raise NotAllowedError(reason="log in first")
        if session.ended:
            self._leave(session.ended)
            raise SessionEndedError(reason=session.ended)
        return session

    def _need(self, action: Action, *ids: str) -> GlassId | str:
        """Let this session do something with encounters and captures, see `needing.ensure`."""
        self._kiosk.searches.left(self._living)
        return needing.ensure(self._kiosk, self._living, action, *ids)

    def _listed(self, listing: Listing, answer: Answer) -> Answer:
        """An answer with names or numbers of patients, once the ledger has that this list was looked at."""
        self._kiosk.searches.listed(self._living, listing, getattr(answer, "total", 1))
        return answer

    def _leave(self, reason: str) -> None:
        """End this connection's session, if there is one."""
        session, self._session = self._session, None
        if session is not None:
            self._kiosk.sessions.end(session, reason)
