"""Every setting of the configuration: what may be altered at an appliance, and why the rest may not.

Rule: every key of `medkiosk.core.config.Config` is either in `SETTINGS` or in `FIXED` (a test compares them).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What a value is."""

    CHOICE = "choice"  # one word of a few
    NUMBER = "number"
    YES_NO = "yes_no"
    TEXT = "text"
    NAMES = "names"  # any words, each once
    CHOICES = "choices"  # words of a few, each once
    ISSUERS = "issuers"  # the tables [[issuer]]


class Weaker(StrEnum):
    """Which change of a value weakens a protection."""

    NO = "no"
    MORE = "more"  # a larger number; 0 is never, where it is allowed
    EARLIER = "earlier"  # a choice that stands before the one that it was
    YES = "yes"
    FEWER = "fewer"  # something is on the list no more
    ISSUERS = "issuers"  # an issuer is gone, or its check


@dataclass(frozen=True)
class Setting:
    """One setting that may be altered.

    Attributes:
        key: section and name, as ``access.idle_lock_s``; ``issuer`` for the tables.
        title: what people call it.
        words: what it means.
        choices: the words that it may have, and what they mean; for some orders, the weakest first.
        lowest, highest: of a number; for words, the longest.
        unit: of a number.
        whole: whether a number has no fraction.
        weaker: which change is one for the worse.
        warning: what is said of such a change.
    """

    key: str
    title: str
    words: str
    kind: Kind
    choices: Mapping[str, str] | None = None
    lowest: float = 0
    highest: float = 0
    unit: str = ""
    whole: bool = False
    weaker: Weaker = Weaker.NO
    warning: str = ""

    @property
    def named(self) -> str:
        """As it stands in the file: ``[access] idle_lock_s``."""
        section, _, name = self.key.rpartition(".")
        return f"[{section}] {name}" if section else f"[[{name}]]"


SETTINGS: tuple[Setting, ...] = (
    Setting(
        "access.departments",
        "Departments",
        "Accounts and encounters can be given these departments and no others. With none, everybody sees all"
        " that their role may see. A name that is taken off the list stays where it was given.",
        Kind.NAMES,
        highest=60,
    ),
    Setting(
        "access.need_to_know",
        "Who sees whose patients",
        "Beside the role: which patients somebody has to do with.",
        Kind.CHOICE,
        {
            "department": "the patients of their departments, and those of none",
            "own": "only the patients of whose team they are",
        },
        weaker=Weaker.EARLIER,
        warning="people see more patients than before",
    ),
    Setting(
        "access.break_glass_s",
        "A broken glass lasts",
        "How long somebody sees another team's patient after breaking the glass.",
        Kind.NUMBER,
        lowest=60,
        highest=28800,
        unit="seconds",
        weaker=Weaker.MORE,
        warning="another team's patient stays open for longer",
    ),
    Setting(
        "access.idle_lock_s",
        "Everybody is logged out after",
        "So long after anybody last asked for anything.",
        Kind.NUMBER,
        lowest=60,  # with less nobody could log in for long enough to put it right
        highest=28800,
        unit="seconds",
        weaker=Weaker.MORE,
        warning="a kiosk that somebody left stays open for longer",
    ),
    Setting(
        "review.second_for",
        "Two people must approve",
        "What two different reviewers must approve before it may leave.",
        Kind.CHOICES,
        {
            "publication": "what leaves for everybody to see",
            "face_shown": "a face that is kept visible",
            "restricted": "intimate pictures",
        },
        weaker=Weaker.FEWER,
        warning="one person alone approves what took two",
    ),
    Setting(
        "review.original_s",
        "An original stays on the screen",
        "How long an original is shown for one reason.",
        Kind.NUMBER,
        lowest=5,
        highest=600,
        unit="seconds",
        weaker=Weaker.MORE,
        warning="originals are shown for longer",
    ),
    Setting(
        "training.needed_for",
        "Checks are needed to",
        "What is refused to somebody who did not pass the checks of the guide.",
        Kind.CHOICES,
        {"approve": "approve pictures", "export": "export"},
        weaker=Weaker.FEWER,
        warning="people who passed no check may do it",
    ),
    Setting(
        "training.valid_days",
        "A check counts for",
        "After so many days it must be passed again.",
        Kind.NUMBER,
        lowest=1,
        highest=3650,
        unit="days",
        whole=True,
        weaker=Weaker.MORE,
        warning="checks that were passed long ago count",
    ),
    Setting(
        "training.modules.reviewer",
        "Checks for reviewers",
        "Pages of the guide whose check a reviewer must have passed.",
        Kind.NAMES,
        highest=60,
        weaker=Weaker.FEWER,
        warning="a check is not needed any more",
    ),
    Setting(
        "training.modules.privacy_officer",
        "Checks for privacy officers",
        "Pages of the guide whose check a privacy officer must have passed.",
        Kind.NAMES,
        highest=60,
        weaker=Weaker.FEWER,
        warning="a check is not needed any more",
    ),
    Setting(
        "identity.issuers",
        "Patients' numbers",
        "Whether numbers of issuers that are not listed are taken.",
        Kind.CHOICE,
        {"open": "numbers of any issuer are taken", "listed": "only those of the issuers below"},
        weaker=Weaker.EARLIER,
        warning="numbers that nobody can check are taken",
    ),
    Setting(
        "identity.scan_prefix",
        "Scanners type before each code",
        "What this site's barcode scanners are set to type first.",
        Kind.TEXT,
        highest=8,
    ),
    Setting(
        "issuer",
        "Issuers of patients' numbers",
        "Who gives out patients' numbers, how long these are, and how their check digit is made.",
        Kind.ISSUERS,
        weaker=Weaker.ISSUERS,
        warning="an issuer's numbers are checked less than before",
    ),
    Setting(
        "consent.majority",
        "Of age at",
        "A parent's consent for a child ends on that birthday.",
        Kind.NUMBER,
        lowest=12,
        highest=25,
        unit="years",
        whole=True,
    ),
    Setting(
        "consent.after_death",
        "Consent after death",
        "Whether a representative may agree to something about a patient who died.",
        Kind.YES_NO,
        weaker=Weaker.YES,
        warning="pictures of people who died may leave if a representative agrees",
    ),
    Setting(
        "export.sticks",
        "Exports go to",
        "To which sticks exports are written.",
        Kind.CHOICE,
        {"any": "every stick, whatever is on it", "blank_or_enrolled": "blank sticks, and the kiosk's own"},
        weaker=Weaker.EARLIER,
        warning="exports are written to sticks with other people's files",
    ),
    Setting(
        "export.dates",
        "Exports tell the day",
        "Whether an export says on which day a picture was taken.",
        Kind.CHOICE,
        {"shifted": "the day, moved back by the same for each patient", "none": "no day at all"},
        weaker=Weaker.EARLIER,
        warning="exports tell more about when",
    ),
    Setting(
        "ingest.verify",
        "Files of cameras are read",
        "Reading twice finds bits that flip on the way, and takes twice as long.",
        Kind.CHOICE,
        {"once": "once", "twice": "twice, and compared"},
        weaker=Weaker.EARLIER,
        warning="a bit that flips on the way is not noticed",
    ),
    Setting(
        "ingest.delete",
        "Cameras are emptied",
        "Whether what is sealed is deleted from the camera.",
        Kind.CHOICE,
        {"after_verified": "when everything on it is sealed", "never": "never"},
        weaker=Weaker.EARLIER,
        warning="pictures are DELETED from cameras, and the kiosk and its backup have the only copies",
    ),
    Setting(
        "ingest.slates",
        "A patient's pictures are those",
        "Which pictures the kiosk gives to the patient of a slate by itself. All others wait for a person.",
        Kind.CHOICE,
        {"opening": "from a slate to the next one", "closed": "between an opening and a closing slate"},
        weaker=Weaker.EARLIER,
        warning="pictures of a patient who had no slate are given to the patient before",
    ),
    Setting(
        "ingest.set_camera_clock",
        "Cameras' clocks are set",
        "Whether the clock of a camera that is wrong is set.",
        Kind.YES_NO,
    ),
    Setting(
        "ingest.clock_drift_s",
        "A clock is wrong from",
        "A camera's clock that is off by more is said to be wrong, and set where that is chosen.",
        Kind.NUMBER,
        lowest=2,
        highest=86400,
        unit="seconds",
    ),
    Setting(
        "scrub.every_days",
        "Sealed files are read again every",
        "So that a disk that fails is noticed. 0: only when somebody asks.",
        Kind.NUMBER,
        lowest=0,
        highest=3650,
        unit="days",
        weaker=Weaker.MORE,
        warning="a disk that fails is noticed later",
    ),
)
"""What may be altered, in the order of the screen."""

BY_KEY: Mapping[str, Setting] = {each.key: each for each in SETTINGS}

_NAMES = "it names this kiosk; the set-up asks for it"
_PLACE = "it is a place on the disk"
_WORKERS = "it belongs to the machine and the image"
_DEVICE = "it is a device, and says where it is mounted"
FIXED: Mapping[str, str] = {
    "site": _NAMES,
    "store": _PLACE,
    "models": _PLACE,
    "ipc": "it says who may connect",
    "workers": _WORKERS,
    "ingest.group_files": _WORKERS,
    "ingest.group_bytes": _WORKERS,
    "ingest.retries": _WORKERS,
    "ingest.retry_s": _WORKERS,
    "ingest.poll_s": _WORKERS,
    "ingest.look_again_s": _WORKERS,
    "camera": _DEVICE,
    "card": _DEVICE,
    "stick": _DEVICE,
    "backup": _DEVICE,
    "health": _PLACE,
    "usb": _PLACE,
    "update": _PLACE,
    "guide": _PLACE,
    "udev": _WORKERS,
}
"""What may not be altered, by section or key, and why."""
