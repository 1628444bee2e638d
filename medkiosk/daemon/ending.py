"""The end of a kiosk: two people ask, the ledger says so, and then a helper destroys what opens the disk."""

from __future__ import annotations

from pathlib import Path

import msgspec

from medkiosk.core.endevents import Decommissioned, NotDecommissioned
from medkiosk.core.errors import BadRequestError, KioskError, NotAllowedError, NotFoundError
from medkiosk.core.events import AccountCreated, Role
from medkiosk.daemon import maintainingheads, witness
from medkiosk.daemon.kiosk import Kiosk
from medkiosk.decommission.erase import ERASE, Outcome
from medkiosk.export.volume import NoStickError
from medkiosk.ipc import types as t
from medkiosk.journal import Fact
from medkiosk.vault.slots import normalise_name
from medkiosk.workers import SocketChannel

_SECOND = frozenset({Role.ADMINISTRATOR, Role.PRIVACY_OFFICER})
_LONGEST = 1 << 12


class NoEndError(KioskError):
    """This kiosk cannot end itself: {detail}. Nothing was changed. docs/install.md, "The end of a machine",
    says how it
    is done by hand.
    """

    code = "decommission.absent"
    exit_code = 1


class EndFailedError(KioskError):
    """The disk was not made unreadable: {detail}. The ledger says so, and the kiosk goes on with everything
    that it
    has. docs/install.md, "The end of a machine", says how it is done by hand.
    """

    code = "decommission.failed"
    exit_code = 1


def decommission(kiosk: Kiosk, who: AccountCreated, *, site: str, second: tuple[str, str, bytes]) -> t.Ended:
    """Make everything that is on the disk unreadable.

    Args:
        kiosk: this one.
        who: the administrator who asks.
        site: its name, as they typed it.
        second: user name, passphrase and security key's output of the second person.

    Raises:
        BadRequestError: another name was typed.
        NotAllowedError: the second person is the first, has another role, or a passphrase that somebody gave
        them.
        WrongPassphraseError: the second person's passphrase is wrong.
        NoEndError: there is no helper.
        EndFailedError: the disk refused.
    """
    if site.strip() != kiosk.config.site.name:
        raise BadRequestError(
            detail="type the name of the site as the screen shows it; another one was typed"
        )
    if normalise_name(second[0]).decode() == who.user:
        raise NotAllowedError(reason="the end of a kiosk takes two people: the second one is somebody else")
    other = kiosk.keyring.prove(*second)
    if not _SECOND & set(other.roles):
        raise NotAllowedError(reason="the second person must be an administrator or a privacy officer")
    kiosk.keyring.vouch(other)
    try:
        channel = SocketChannel(Path(kiosk.config.workers.sockets) / "decommission.sock")
    except OSError as error:
        raise NoEndError(detail=f"its helper does not answer ({error.strerror})") from error
    journal = kiosk.journal
    journal.commit([Fact(Decommissioned(at=journal.now(), actor=who.account_id, second=other.account_id))])
    head = witness.view(kiosk)
    folder, stick = _to_stick(kiosk)
    outcome = _ask(channel)
    if not outcome.erased:
        channel.kill()
        detail = "".join(c for c in outcome.detail[:200] if c.isprintable())
        journal.commit([Fact(NotDecommissioned(at=journal.now(), actor=who.account_id, detail=detail))])
        raise EndFailedError(detail=detail)
    # The channel stays open: the helper switches the machine off when it has waited, or when we are stopped.
    return t.Ended(
        head=head,
        header=outcome.header,
        keys=outcome.keys,
        discarded=outcome.discarded,
        tpm=outcome.tpm,
        remembers=outcome.remembers,
        folder=folder,
        stick=stick,
    )


def _to_stick(kiosk: Kiosk) -> tuple[str, str]:
    """Write the last head to the stick that is in, if one is; what fails there ends nothing."""
    try:
        return maintainingheads.write(kiosk, "").folder, ""
    except (NoStickError, NotFoundError):
        return "", ""
    except KioskError as error:
        return "", error.message


def _ask(channel: SocketChannel) -> Outcome:
    try:
        channel.writer.write(ERASE)
        channel.writer.flush()
        return msgspec.json.decode(channel.reader.readline(_LONGEST), type=Outcome)
    except (OSError, msgspec.DecodeError) as error:
        why = f"its helper ended without an answer ({type(error).__name__})"
        return Outcome(detail=f"{why}; whether it did something is not known")
