"""A kiosk of two departments, with encounters of one of them that the other has nothing to do with."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from medkiosk.core.consent import Subject
from medkiosk.core.ids import CaptureId, EncounterId, RecipientId
from medkiosk.core.role import Role
from medkiosk.ipc.client import Client
from tests.access.later import HastyKiosk
from tests.kiosk import ADMIN, PASSPHRASE, redacted
from tests.outside import enrolled
from tests.virtual.photos import make_card

GLASS_S = 60
SETTINGS = f"""[access]
departments = ["skin", "eyes"]
break_glass_s = {GLASS_S}.0
"""
PEOPLE: dict[str, tuple[tuple[Role, ...], str]] = {
    "ines": ((Role.REVIEWER, Role.INTIMATE_PICTURES), "skin"),
    "otto": ((Role.REVIEWER,), "eyes"),
}
PLAIN = Subject(mrn="1000001", issuer="Demo Hospital", name="Petra Plain", birth_date="1980-01-01")
INTIMATE = Subject(mrn="2000002", issuer="Demo Hospital", name="Ida Intimate", birth_date="1990-02-02")


@dataclass
class Hospital:
    """The kiosk, and what is in it.

    Attributes:
        plain, intimate: encounters of the department skin, made by its photographer pat; each has a picture.
        loose: a picture that belongs to nobody.
    """

    kiosk: HastyKiosk
    plain: EncounterId
    intimate: EncounterId
    of_plain: CaptureId
    of_intimate: CaptureId
    loose: CaptureId
    recipient: RecipientId
    _clients: dict[str, Client] = field(default_factory=dict)

    def logged_in(self, user: str) -> Client:
        """A session that stays for the tests of a module: a login costs a second of a processor."""
        if user not in self._clients:
            client = self._clients[user] = self.kiosk.client()
            client.login(user, PASSPHRASE)
        return self._clients[user]

    def again(self, user: str) -> None:
        """Forget a session that somebody ended."""
        self._clients.pop(user).close()

    def restart(self) -> None:
        """Stop the daemon and start it again: everybody is logged out."""
        for user in tuple(self._clients):
            self.again(user)
        self.kiosk.stop()
        self.kiosk.start()

    def close(self) -> None:
        """Log everybody out and stop the daemon."""
        for client in self._clients.values():
            client.close()
        self.kiosk.close()


def build(root: Path) -> Hospital:
    """Make it; the daemon runs."""
    card = root / "card"
    make_card(card, 3, fast=True, camera=False, size=(608, 408))
    kiosk = HastyKiosk(root / "kiosk", cards=[card], settings=SETTINGS)
    try:
        return _fill(kiosk)
    except BaseException:
        kiosk.close()
        raise


def _fill(kiosk: HastyKiosk) -> Hospital:
    kiosk.init()
    kiosk.start()
    kiosk.wait(redacted, timeout_s=120)
    kiosk.hire()
    with kiosk.session(ADMIN) as admin:
        for user, (roles, department) in PEOPLE.items():
            admin.create_account(user, f"{user.title()} Tester", roles, PASSPHRASE)
            admin.set_departments(user, (department,))
        for user in ("pat", "rita"):
            admin.set_departments(user, ("skin",))
    with kiosk.session("olga") as olga:
        recipient = enrolled(olga, "").recipient_id
    with kiosk.session("pat") as pat:
        plain = pat.create_encounter(PLAIN, "hand", "skin").encounter_id
        intimate = pat.create_encounter(INTIMATE, "breast", "skin").encounter_id
        one, other, loose = (each.capture_id for each in pat.list_captures().captures)
        pat.assign(plain, (one,))
        pat.restrict(intimate, "intimate area", None)
        pat.assign(intimate, (other,))
    return Hospital(kiosk, plain, intimate, one, other, loose, recipient)
