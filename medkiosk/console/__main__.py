"""``medkiosk-console``: the kiosk's screen."""

from __future__ import annotations

import argparse
import gc
import os
import resource
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from medkiosk.console.terminal import Graphics, Terminal, cell_size, end_with, has_sixel

if TYPE_CHECKING:
    from medkiosk.console.app import KioskApp

DEFAULT_SOCKET = Path("/run/medkiosk/kiosk.sock")
_NO_TERMINAL = "medkiosk-console needs a terminal: start it on the kiosk's screen, not through a pipe."


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    from medkiosk.console.language import ENGLISH
    from medkiosk.console.language import names as languages
    from medkiosk.console.theme import NAMES

    parser = argparse.ArgumentParser(prog="medkiosk-console", description="The kiosk's screen.")
    parser.add_argument(
        "--socket", type=Path, default=DEFAULT_SOCKET, help="the daemon's socket (%(default)s)"
    )
    parser.add_argument(
        "--graphics",
        type=Graphics,
        choices=list(Graphics),
        default=Graphics.AUTO,
        help="how photos are drawn; auto: sixel in foot, none elsewhere (%(default)s)",
    )
    parser.add_argument("--theme", choices=NAMES, default=NAMES[0], help="colours (%(default)s)")
    parser.add_argument(
        "--language",
        choices=languages(),
        default=os.environ.get("MEDKIOSK_LANGUAGE", ENGLISH),
        help="what it speaks; else what MEDKIOSK_LANGUAGE says (%(default)s)",
    )
    parser.add_argument(
        "--plain",
        action="store_true",
        help="lines of text and nothing else, each change once: for a screen reader, a braille line,"
        " a serial terminal",
    )
    parser.add_argument("--stay", action="store_true", help="no key ends it: on a kiosk nothing is behind it")
    return parser.parse_args(arguments)


def _close_leaks() -> None:
    """Keep what people type and see out of logs and core dumps, before Textual reads its environment."""
    for name in [name for name in os.environ if name.startswith("TEXTUAL")]:
        del os.environ[name]
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def build(arguments: list[str] | None = None) -> tuple[KioskApp, bool]:
    """Make the application from a command line; and whether the mouse is used."""
    _close_leaks()
    os.environ["TEXTUAL_FPS"] = "240"  # what is drawn in two steps else waits for up to 17 ms, twice
    os.environ["TEXTUAL_DISABLE_KITTY_KEY"] = "1"  # a bare terminal prints the question it does not know
    options = _parse(arguments)
    from medkiosk.console import language
    from medkiosk.console.app import KioskApp
    from medkiosk.console.plain import PlainApp
    from medkiosk.console.theme import ANSI

    language.use(options.language)
    if options.plain:
        nothing = Terminal(sixel=False, cell=lambda: None)
        return PlainApp(options.socket, terminal=nothing, theme=ANSI, stays=options.stay), False
    terminal = Terminal(has_sixel(options.graphics, os.environ), cell_size)
    app = KioskApp(options.socket, terminal=terminal, theme=options.theme, stays=options.stay)
    return app, options.theme != ANSI


def main(arguments: list[str] | None = None) -> int:
    """Run the console until it is left; exit code 0, or 1 when it failed inside."""
    app, mouse = build(arguments)
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        sys.stderr.write(_NO_TERMINAL + "\n")
        return 2
    end_with(sys.stdin.fileno())
    # What was imported stays. A full collection walked through it every few photos, and no key was answered
    # for a tenth of a second.
    gc.collect()
    gc.freeze()
    try:
        app.run(mouse=mouse)
    except Exception as error:  # noqa: BLE001 - the last resort: a traceback may quote what was typed
        from medkiosk.console.app import crash_words

        sys.stderr.write(crash_words(error) + "\n")
        return 1
    return app.return_code or 0


if __name__ == "__main__":
    sys.exit(main())
