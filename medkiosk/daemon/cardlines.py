"""What the screen says of a card in the kiosk's reader that could not be opened, or not be let go.

It stands there for as long as it is true: it goes when the card does, or when the next one is opened in its
place.
"""

from __future__ import annotations

from medkiosk.core.device import DeviceState
from medkiosk.daemon.board import Board, first_line
from medkiosk.device.cards import CardRefusedError
from medkiosk.device.model import DeviceRef


class CardLines:
    """Puts up and takes away; for several threads at once, as the board is.

    Args:
        board: where the lines are.
    """

    def __init__(self, board: Board) -> None:
        self._board = board

    def refused(self, device: DeviceRef, error: CardRefusedError) -> None:
        """A card was not opened, or a volume that is none; or what was opened could not be let go."""
        if error.may_hold_photos:
            self._board.device(first_line(device, "memory card", DeviceState.INCOMPLETE, error.message))
        else:
            # No alarm in big words: nobody waits for the photographs of a disk.
            self._board.problem(error.message, key=device.port)

    def opened(self, device: DeviceRef) -> None:
        """A card was opened, so whatever was in its place before is let go."""
        self._board.solved(device.port)

    def gone(self, device: DeviceRef) -> None:
        """It was pulled out: what is said of it is no longer true."""
        self._board.solved(device.port)
        self._board.forget(device.key)
