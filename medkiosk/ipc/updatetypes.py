"""What crosses the socket about updates of the appliance. Clients use them through `medkiosk.ipc.types`."""

from __future__ import annotations

from medkiosk.core.updates import UpdateState
from medkiosk.ipc.storetypes import Wire


class UpdateStatus(Wire, frozen=True):
    """How far an update is.

    Attributes:
        running: the version of the appliance that runs; empty where the kiosk was not installed from an
            image.
        state: what is going on.
        version: that it is about; empty where nothing is.
        words: the big words.
        detail: one sentence when there is something to say.
        bytes_done, bytes_total: copied so far.
    """

    running: str = ""
    state: UpdateState = UpdateState.NONE
    version: str = ""
    words: str = ""
    detail: str = ""
    bytes_done: int = 0
    bytes_total: int = 0
    code: str = ""


class UpdateFound(Wire, frozen=True):
    """An update on a stick that may be installed: somebody trusted signed it, and it is for this kiosk.

    Attributes:
        stick: the stick's name.
        running: the version that runs.
        version: of the update.
        manifest_sha256: names it; hexadecimal.
        commit, created: of its source; when it was made, which nobody here can check.
        size: bytes.
        failed: it was installed here before and did not work.
    """

    stick: str
    running: str
    version: str
    manifest_sha256: str
    commit: str
    created: str
    size: int
    failed: bool = False
