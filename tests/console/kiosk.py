"""An in-memory kiosk behind the real wire: the very `Api`, with made pictures, on a Unix socket.

The rules that a console can run into are here as in the daemon: sessions and roles, stale revisions, nothing
approved unseen or unassigned, all-or-nothing exports. Pictures are made of plain colours; a mask is black.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from medkiosk.access.roles import capabilities
from medkiosk.catalog.search import alternatives, line_of
from medkiosk.core.capability import Capability
from medkiosk.core.clock import rfc3339
from medkiosk.core.consent import Subject, Terms, Witness
from medkiosk.core.errors import KioskError, NotAllowedError, NotFoundError
from medkiosk.core.events import EncounterCreated
from medkiosk.core.ids import (
    KIOSK,
    CaptureId,
    ConsentId,
    EncounterId,
    ImportId,
)
from medkiosk.core.slate import Slate, SlateKind, write_slate
from medkiosk.ipc import types as t
from medkiosk.ipc.api import Api
from medkiosk.ipc.server import Server, bind
from medkiosk.ipc.wire import METHODS
from tests.console.accesses import Accesses
from tests.console.altered import Settings
from tests.console.audits import Audits
from tests.console.exports import Exports
from tests.console.identities import Identities
from tests.console.looking import Pictures, WrongError
from tests.console.machine import Machine
from tests.console.people import People
from tests.console.retention import Retention
from tests.console.sites import Sites
from tests.console.state import PASSPHRASE, Kiosk, Photo
from tests.guide.inmemory import Guide


class SessionEndedError(KioskError):
    """Your session has ended: {reason}. Log in again."""

    code = "session.ended"


def now() -> str:
    return rfc3339(datetime.now(UTC))


def _created(info: t.EncounterInfo) -> EncounterCreated:
    return EncounterCreated(
        at=info.at, actor=KIOSK, encounter_id=info.encounter_id, subject=info.subject, label=info.label
    )


class Service(
    Pictures, Machine, Accesses, Retention, People, Exports, Identities, Audits, Settings, Sites, Guide
):
    """One connection."""

    def __init__(self, kiosk: Kiosk) -> None:
        self._kiosk = kiosk
        self._session: t.Session | None = None
        self._locks = 0
        Pictures.__init__(self)

    def check(self, needs: Capability | None) -> None:
        if needs is None:
            return
        if self._session is None:
            raise NotAllowedError(reason="nobody is logged in")
        if self._locks != self._kiosk.locks:
            raise SessionEndedError(reason="the kiosk was locked")
        if needs not in capabilities(self._session.roles):
            raise NotAllowedError(reason=f"none of your roles gives {needs}")

    def close(self) -> None:
        if self._session is not None:
            self._session = None
            self._kiosk.logged_in -= self._locks == self._kiosk.locks
            self._kiosk.touch()

    def get_status(self) -> t.Status:
        return self._kiosk.status()

    def watch_status(self) -> Iterator[t.Status]:
        kiosk, last = self._kiosk, -1
        while not kiosk.leaving:
            with kiosk.changed:
                kiosk.changed.wait_for(lambda: kiosk.leaving or kiosk.serial != last)  # noqa: B023
                last = kiosk.serial
            if not kiosk.leaving:
                yield kiosk.status()

    def login(self, user: str, passphrase: str, output: str = "") -> t.Session:
        account = self._kiosk.accounts.get(user)
        if account is None or passphrase != PASSPHRASE:
            raise NotAllowedError(reason="the user or the passphrase is wrong")
        self._locks = self._kiosk.locks
        self._session = t.Session(
            account_id=account[0],
            display_name=account[1],
            roles=account[2],
            must_change=user in self._kiosk.given,
        )
        self._kiosk.logged_in += 1
        self._kiosk.touch()
        return self._session

    def lock(self) -> t.Done:
        self._kiosk.locks += 1
        self._kiosk.logged_in = 0
        self._kiosk.touch()
        return t.Done()

    def logout(self) -> t.Done:
        self.close()
        return t.Done()

    def list_imports(self, offset: int = 0, limit: int = 500) -> t.Imports:
        assigned = [photo.info.import_id for photo in self._kiosk.photos.values() if photo.info.encounter_id]
        found = tuple(
            msgspec.structs.replace(each, assigned=assigned.count(each.import_id))
            for each in self._kiosk.imports
        )
        return t.Imports(imports=found[offset : offset + limit], total=len(found))

    def list_kept(self, key: str, offset: int = 0, limit: int = 500) -> t.KeptFiles:
        kept = self._kiosk.kept.get(key, ())
        return t.KeptFiles(files=kept[offset : offset + limit], total=len(kept))

    def get_receipt(self, import_id: ImportId, offset: int = 0, limit: int = 200) -> t.Receipt:
        [info] = [each for each in self._kiosk.imports if each.import_id == import_id]
        lines = tuple(
            t.ReceiptLine(
                place=f"card/DCIM/100CANON/{photo.info.name}.JPG",
                size=1 << 20,
                outcome="sealed",
                commitment="0" * 64,
            )
            for photo in self._kiosk.photos.values()
            if photo.info.import_id == import_id
        )
        return t.Receipt(
            info=info,
            on_device=len(lines),
            bytes=len(lines) << 20,
            sealed=len(lines),
            already=0,
            copies=0,
            damaged=0,
            failed=info.failed,
            safe=info.failed == 0,
            expendable=info.failed == 0,
            gaps=("card/DCIM/100CANON: 0004 to 0006",),
            lines=lines[offset : offset + limit],
            total=len(lines),
        )

    def create_encounter(
        self,
        subject: Subject,
        label: str,
        department: str = "",
        confirmed: str = "",
        reason: str = "",
        intimate: bool = False,
        chaperone: Witness | None = None,
        sites: tuple[str, ...] = (),
    ) -> t.EncounterInfo:
        encounter = t.EncounterInfo(
            encounter_id=EncounterId(self._kiosk.new_id()),
            at=now(),
            subject=self.settled(subject, confirmed, reason),
            label=label,
            captures=0,
            consents=(),
            department=department,
            restricted=intimate,
            sites=sites,
        )
        if intimate:
            who = f"{chaperone.name}, {chaperone.role}" if chaperone else "declined"
            self._kiosk.calls.append(f"create_encounter: intimate; {who}")
        self._kiosk.encounters = {encounter.encounter_id: encounter, **self._kiosk.encounters}
        return encounter

    def _encounter(self, encounter_id: EncounterId) -> t.EncounterInfo:
        encounter = self._kiosk.encounters.get(encounter_id)
        if encounter is None:
            raise NotFoundError(what="encounter", id=encounter_id)
        captures = sum(each.info.encounter_id == encounter_id for each in self._kiosk.photos.values())
        return msgspec.structs.replace(encounter, captures=captures)

    def list_encounters(self, offset: int = 0, limit: int = 500) -> t.Encounters:
        found = tuple(self._encounter(each) for each in self._kiosk.encounters)
        return t.Encounters(encounters=found[offset : offset + limit], total=len(found))

    def find_encounters(self, text: str, offset: int = 0, limit: int = 500) -> t.Encounters:
        lines = {id_: line_of(_created(each)) for id_, each in self._kiosk.encounters.items()}
        found = tuple(
            self._encounter(id_)
            for id_, line in lines.items()
            if all(any(f" {word}" in line for word in words) for words in alternatives(text))
        )
        return t.Encounters(encounters=found[offset : offset + limit], total=len(found))

    def get_encounters(self, encounters: tuple[EncounterId, ...]) -> t.Encounters:
        found = tuple(self._encounter(id_) for id_ in encounters if id_ in self._kiosk.encounters)
        return t.Encounters(encounters=found, total=len(found))

    def show_slate(self, encounter_id: EncounterId, kind: SlateKind) -> t.SlateShown:
        self._kiosk.calls.append(f"show_slate: {kind}")
        moment = datetime.now(UTC)
        text = write_slate(Slate(kind, encounter_id, int(moment.timestamp())), bytes(32))
        return t.SlateShown(encounter_id=encounter_id, kind=kind, at=rfc3339(moment), text=text)

    def list_quarantine(self, import_id: ImportId) -> t.Quarantine:
        return t.Quarantine(
            import_id=import_id,
            whole=True,
            frames=tuple(
                t.InQuarantine(capture_id=id_, reason="No slate was photographed in this import.")
                for id_, photo in self._kiosk.photos.items()
                if photo.info.import_id == import_id and photo.info.encounter_id is None
            ),
        )

    def record_consent(self, encounter_id: EncounterId, terms: Terms) -> t.ConsentInfo:
        encounter = self._encounter(encounter_id)
        consent = t.ConsentInfo(
            consent_id=ConsentId(self._kiosk.new_id()), encounter_id=encounter_id, at=now(), terms=terms
        )
        self._kiosk.encounters[encounter_id] = msgspec.structs.replace(
            encounter,
            consents=(*encounter.consents, consent),
            limited=encounter.limited or bool(terms.scope and terms.scope.body_sites),
        )
        return consent

    def assign(
        self, encounter_id: EncounterId, captures: tuple[CaptureId, ...], reason: str = ""
    ) -> t.EncounterInfo:
        photos = [self._photo(each) for each in captures]
        if any(each.info.encounter_id for each in photos) and not reason:
            raise NotAllowedError(reason="moving a photo to another encounter needs a reason")
        for photo in photos:
            photo.info = msgspec.structs.replace(photo.info, encounter_id=encounter_id)
        return self._encounter(encounter_id)

    def accept_rollback(self, user: str, passphrase: str, reason: str, output: str = "") -> t.Session:
        self._kiosk.calls.append(f"accept_rollback: {user} {reason}")
        self._kiosk.alarm = ""
        return self.login(user, passphrase)


def _absent(method: Callable[..., object]) -> Callable[..., object]:
    """What a screen asks that no test of the console needs: the answer is a refusal in words."""

    @functools.wraps(method)
    def refuse(self: Service, *_: object, **__: object) -> object:
        raise WrongError(problems=f"This kiosk of the tests does not do {method.__name__}.")

    return refuse


for _name in METHODS:
    if not hasattr(Service, _name):
        setattr(Service, _name, _absent(getattr(Api, _name)))
bind(Service)


class RunningKiosk:
    """A kiosk on its socket, which can be stopped and started again like the daemon.

    What was recorded stays, sessions do not.
    """

    def __init__(self, path: Path, kiosk: Kiosk | None = None) -> None:
        self.path = path
        self.kiosk = kiosk or Kiosk()
        self._server: Server | None = None

    def start(self) -> None:
        self.kiosk.leaving = False
        self._server = Server(self.path, lambda: Service(self.kiosk), allowed={os.geteuid()})

    def stop(self) -> None:
        if self._server is not None:
            self.kiosk.leaving = True
            self.kiosk.touch()
            self._server.close()
            self._server = None

    def detail(self, photo: Photo) -> t.CaptureDetail:
        """What a connection without a session would be told of a photo."""
        return Service(self.kiosk)._detail(photo)
