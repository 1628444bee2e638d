"""Takes the department's pages of the guide from a stick (docs/guide.md, section 3)."""

from __future__ import annotations

from medkiosk.core.errors import BadRequestError, KioskError
from medkiosk.core.events import AccountCreated
from medkiosk.core.trainingevents import GuideTaken
from medkiosk.daemon import stickreading, training
from medkiosk.daemon.kiosk import Kiosk
from medkiosk.device.stickfiles import GUIDE_NAMES, Found
from medkiosk.guide.library import Library, build
from medkiosk.guide.taking import Set, becomes, read_set
from medkiosk.ipc import guidetypes as g
from medkiosk.journal import Fact


class GuideNotWrittenError(KioskError):
    """The pages could not be written to the disk ({reason}). Which ones there are now, the Guide screen
    shows. Nothing that was imported is affected. Call whoever looks after the kiosk, then take them again.
    """

    code = "guide.not_written"


def offered(kiosk: Kiosk, stick: str) -> g.GuideOffer:
    """What taking the pages on a stick would change.

    Raises:
        BadRequestError: there are none, or the kiosk has its pages from a folder.
        KioskError: the stick cannot be read.
    """
    found, before, after = _brought(kiosk, stick)
    changes = becomes(before, after)
    return g.GuideOffer(
        sha256=found.sha256(before),
        changes=tuple(g.PageChange(training.info(page), what.value) for page, what in changes),
        problems=found.problems,
    )


def take(kiosk: Kiosk, who: AccountCreated, stick: str, sha256: str) -> None:
    """Take them, if they are what was offered.

    Raises:
        BadRequestError: as `offered`; or one of them is no page, or they are others than were offered.
        GuideNotWrittenError: the disk refused it.
        KioskError: the stick cannot be read, or it cannot be recorded: nothing is taken.
    """
    with kiosk.guide.changing:  # so that the last entry is about the last file
        found, before, after = _brought(kiosk, stick)
        if found.problems:
            raise BadRequestError(detail=f"nothing was taken: {found.problems[0]}")
        if found.sha256(before) != sha256:
            raise BadRequestError(detail="other pages are on the stick now, or were taken: read it again")
        pages = [page for page in after.pages.values() if page.own]
        event = GuideTaken(
            at=kiosk.journal.now(),
            actor=who.account_id,
            pages=tuple(page.page_id for page in pages),
            versions=tuple(str(page.version) for page in pages),
            digests=tuple(page.digest for page in pages),
        )
        kiosk.journal.commit([Fact(event)])
        try:
            kiosk.guide.take(found.files)
        except OSError as error:
            raise GuideNotWrittenError(reason=error.strerror or type(error).__name__) from error


def _brought(kiosk: Kiosk, stick: str) -> tuple[Set, Library, Library]:
    """What is on the stick; the pages now, and with it."""
    shelf = kiosk.guide
    if shelf.has_folder:
        raise BadRequestError(detail="this kiosk has the pages of the folder that [guide] path names")
    with kiosk.sticks.reading(stick) as lent:
        look = stickreading.look(lent.path)
    if look.found & (Found.UNREADABLE | Found.TOO_MANY | Found.ODD):  # a page left out would be taken away
        raise BadRequestError(
            detail="not every file on the stick that should be read can be, or is too large"
        )
    found = read_set(look.untrusted_guide)
    before = shelf.library()
    if not found.files and not found.problems and not any(page.own for page in before.pages.values()):
        raise BadRequestError(detail=f"the top folder of the stick has no pages {GUIDE_NAMES}")
    return found, before, build(shelf.ours, found.files)
