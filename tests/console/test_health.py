"""What Home and the Health screen say of the machine."""

from __future__ import annotations

from medkiosk.core.health import FINDINGS, HealthCode
from medkiosk.ipc.types import Health, HealthFinding
from tests.console import flows
from tests.console.kiosk import RunningKiosk
from tests.console.test_screens import console


def finding(code: HealthCode, words: str = "") -> HealthFinding:
    known = FINDINGS[code]
    return HealthFinding(code=code, level=known.level, words=words or known.words, todo=known.todo)


async def test_home_says_what_somebody_must_know_and_h_shows_all(running: RunningKiosk) -> None:
    running.kiosk.health = Health(
        findings=(
            finding(HealthCode.SWAP),
            finding(HealthCode.NO_TPM),
            finding(HealthCode.BATTERY),
            finding(HealthCode.NO_RTC),
            finding(HealthCode.JOURNAL, "The machine's journal takes 2000 MB."),
        ),
        at="2026-11-22T11:58:00.000Z",
        days_left=400,
        backed_up="2026-11-20T11:58:00.000Z",
    )
    async with console(running.path, size=(120, 50)) as pilot:
        await flows.until_text(pilot, "swap is on")
        await flows.until_text(pilot, "they install the appliance again")
        await flows.until_text(pilot, "and 1 more thing: Health (H)")
        assert "journal takes" not in flows.text(pilot), "a note is no matter for whoever passes by"
        await pilot.press("h")
        await flows.until_text(pilot, "The machine's journal takes 2000 MB.")
        for words in ("ALARM", "WARNING", "note", "memory.swap", "for 400 days", "2026-11-20"):
            await flows.until_text(pilot, words)
        assert "Witness never" in " ".join(flows.text(pilot).split())


async def test_a_machine_that_is_well_takes_no_room_at_home(running: RunningKiosk) -> None:
    async with console(running.path) as pilot:
        await flows.until_text(pilot, "Redaction")
        assert "Machine" not in flows.text(pilot)
        await pilot.press("h")
        await flows.until_text(pilot, "Nothing is wrong with this machine.")


async def test_words_from_the_daemon_steer_no_terminal(running: RunningKiosk) -> None:
    running.kiosk.health = Health(findings=(finding(HealthCode.HOT, "hot \x1b[2J\u202e inside."),))
    async with console(running.path) as pilot:
        await flows.until_text(pilot, "hot \N{REPLACEMENT CHARACTER}[2J\N{REPLACEMENT CHARACTER} inside.")
