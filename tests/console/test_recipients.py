"""Recipients at the console: a key is enrolled only with what was heard, on a screen without it."""

from __future__ import annotations

from medkiosk.core.consent import Purpose
from medkiosk.core.exportevents import RecipientMethod
from tests.console import flows
from tests.console.kiosk import RunningKiosk
from tests.console.test_export import KEY, LOW
from tests.console.test_screens import console


async def test_a_key_is_enrolled_with_what_was_heard_while_it_is_not_shown(running: RunningKiosk) -> None:
    async with console(running.path, size=LOW) as pilot:
        await flows.log_in(pilot, "rita")
        await pilot.press("x", "f3")
        await flows.until_screen(pilot, "RecipientsScreen")
        await flows.until_text(pilot, "Nobody is enrolled. N enrols somebody.")
        await pilot.press("n")
        await flows.until_screen(pilot, "EnrolScreen")
        await pilot.press("f2")
        await flows.until_text(pilot, "A name is needed, and what they may receive pictures for.")
        for words in ("Dr. Sousa", "University Hospital"):
            await flows.type_text(pilot, words)
            await pilot.press("enter")
        await pilot.press("right", "space", "enter")
        await flows.type_text(pilot, "2031-06-30")
        await pilot.press("enter", "enter")
        await flows.type_text(pilot, KEY)
        await pilot.press("f2")
        await flows.until_screen(pilot, "HeardScreen")
        assert KEY[-16:] not in "".join(flows.lines(pilot)), "the end of the key can be read off the screen"
        assert "on a number that you had before" in flows.text(pilot)
        await flows.type_text(pilot, "wrong")
        await pilot.press("enter")
        await flows.until_text(pilot, "not the end of this key")
        assert running.kiosk.recipients == []
        await pilot.press("f2")
        await flows.until_screen(pilot, "HeardScreen")
        await pilot.press("escape")
        await flows.until_text(pilot, "Nobody was enrolled.")
        await pilot.press("f2")
        await flows.until_screen(pilot, "HeardScreen")
        await flows.type_text(pilot, KEY[-16:])
        await pilot.press("enter")
        await flows.until_text(pilot, "Dr. Sousa is enrolled.")
        await flows.until_text(pilot, "their age key; for teaching, research; until 2031-06-30")
        [made] = running.kiosk.recipients
        assert (made.method, made.purposes) == (RecipientMethod.AGE, (Purpose.TEACHING_RESEARCH,))

        await pilot.press("d")
        await flows.until_screen(pilot, "AskReason")
        await flows.type_text(pilot, "left the hospital")
        await pilot.press("enter")
        await flows.until_text(pilot, "NOT NOW: left the hospital")
        await pilot.press("s")
        await flows.until_text(pilot, "SHA256:tests")
        assert 'medkiosk namespaces="medkiosk-export@v1' in flows.text(pilot)


async def test_a_passphrase_needs_no_telephone(running: RunningKiosk) -> None:
    async with console(running.path, size=LOW) as pilot:
        await flows.log_in(pilot, "rita")
        await pilot.press("x", "f3")
        await flows.until_screen(pilot, "RecipientsScreen")
        await pilot.press("n")
        await flows.until_screen(pilot, "EnrolScreen")
        await flows.type_text(pilot, "Dr. P")
        await pilot.press("enter", "enter", "space", "enter")
        await flows.type_text(pilot, "2031-06-30")
        await pilot.press("enter", "right", "f2")
        await flows.until_text(pilot, "Dr. P is enrolled.")
        [made] = running.kiosk.recipients
        assert (made.method, made.age_recipient) == (RecipientMethod.PASSPHRASE, "")
