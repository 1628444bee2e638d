"""What left, and what perhaps left."""

from __future__ import annotations

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from medkiosk.console.actions import Where, bindings
from medkiosk.console.language import tr
from medkiosk.console.messages import ExportsLoaded
from medkiosk.console.screens.base import KioskScreen
from medkiosk.console.words import PURPOSES, clean, count, moment
from medkiosk.ipc.types import Acknowledgements, ExportInfo

_PAGE = 200
_SHOWN = "{shown} of {total} exports, newest first"


class ExportsScreen(KioskScreen):
    """The newest exports, newest first."""

    WHERE = Where.EXPORTS
    BINDINGS = bindings(Where.EXPORTS)

    def body(self) -> ComposeResult:
        """One list."""
        yield Static(tr("What left"), id="caption", classes="caption", markup=False)
        yield OptionList(id="exports", markup=False)

    def on_mount(self) -> None:
        """Ask for it."""
        self.ask(lambda kiosk: kiosk.list_exports(0, _PAGE), ExportsLoaded)

    @on(ExportsLoaded)
    def _loaded(self, message: ExportsLoaded) -> None:
        found = message.exports
        caption = Text(tr(_SHOWN, shown=len(found), total=message.total))
        if perhaps := sum(each.perhaps for each in found):
            caption.append(
                tr("\n{bundles} MAY BE OUTSIDE: look for the stick.", bundles=count(perhaps, "bundle")),
                style="bold",
            )
            caption.append(tr(" Recalls name it, too."))
        self.query_one("#caption", Static).update(caption)
        options = self.query_one(OptionList)
        options.clear_options()
        options.add_options(Option(export_text(each)) for each in found)
        if found:
            options.highlighted = 0
        else:
            self.say("Nothing was ever exported.")


def export_text(each: ExportInfo) -> Text:
    """Who got what; below, whether it is outside."""
    words = Text(clean(each.recipient, 40) or each.recipient_id[:8], style="bold")
    words.append(f"  {count(each.images, 'photo')}, {tr(PURPOSES[each.purpose])}", style="not bold")
    back = (
        tr("; their word came back {acknowledged_at}", acknowledged_at=moment(each.acknowledged_at))
        if each.acknowledged_at
        else ""
    )
    words.append(
        tr(
            "\n  Bundle {export_id} of {at}{back}",
            export_id=each.export_id[:8],
            at=moment(each.at),
            back=back,
        ),
        style="not bold",
    )
    state = clean(tr(each.words))
    if each.code:
        state += f" ({clean(each.code, 40)})"
    if each.by:
        state += tr(" By: {by}.", by=clean(each.by, 40))
    words.append(f"\n  {state}", style="bold" if each.perhaps else "not bold")
    return words


def came_back_words(found: Acknowledgements) -> str:
    """What came back on a stick, in a few sentences."""
    said = [
        tr(
            "Bundle {export_id} for {recipient} was opened",
            export_id=each.export_id[:8],
            recipient=clean(each.recipient, 40),
        )
        + (tr(", says {by}.", by=clean(each.by, 40).rstrip(".")) if each.by else ".")
        for each in found.taken
    ]
    said += [tr("Not believed: {words}", words=clean(words, 100)) for words in found.refused]
    if found.witnessed:
        said.append(tr("{signatures} by witnesses held.", signatures=count(found.witnessed, "signature")))
    if found.strangers:
        names = ", ".join(clean(name, 40) for name in found.strangers)
        said.append(tr("Signed by nobody that is enrolled as a witness: {names}.", names=names))
    return " ".join(said) or "There is no acknowledgement on the stick."
