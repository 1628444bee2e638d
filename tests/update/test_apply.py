"""The helper: what it is given is counted, hashed, and in its place or nowhere."""

from __future__ import annotations

import signal
import struct
import time
from pathlib import Path

import pytest

from medkiosk.core.frames import Frame
from medkiosk.update import errors
from medkiosk.update.errors import UpdateError
from medkiosk.update.protocol import Ask, Say, Stage
from tests.update.build import OTHER, Update
from tests.update.helper import Place

DONE = Frame(Say.DONE, b"")


def failed(error: type[UpdateError]) -> Frame:
    return Frame(Say.FAILED, struct.pack(">H", error.number))


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path / "appliance")


def install(place: Place, update: Update, data: bytes | None = None) -> Frame | None:
    with place.talking() as talk:
        talk.begin(update)
        talk.give(update.all_bytes if data is None else data)
        talk.close()
        return talk.end()


@pytest.mark.parametrize("pieces", [(100_000,), (1 << 20,), (1, 7, 99_991, 1 << 20)])
def test_an_update_comes_into_its_place_however_it_is_cut_into_pieces(
    place: Place, pieces: tuple[int, ...]
) -> None:
    update = Update()
    with place.talking() as talk:
        talk.begin(update)
        talk.give(update.all_bytes, pieces)
        assert talk.heard() == Frame(Say.AT, bytes((Stage.INSTALLING,)))
        assert talk.end() == DONE
    assert place.installed(update)
    assert place.staged == set()


def test_one_that_is_only_looked_at_changes_nothing(place: Place) -> None:
    with place.talking() as talk:
        assert talk.offer(Update()) == Frame(Say.ACCEPTED, b"")
    assert place.untouched()
    assert not (place.at / "folder").exists()


def test_a_foreign_one_gets_no_further(place: Place) -> None:
    update = Update(key=OTHER)
    with place.talking() as talk:
        assert talk.offer(update) == failed(errors.ForeignUpdateError)
        assert talk.heard() is None
    assert place.untouched()


def test_bytes_without_an_accepted_manifest_end_it(place: Place) -> None:
    for asks in ([Ask.DATA], [Ask.INSTALL], [Ask.MANIFEST, Ask.DATA], [Ask.SIGNATURE]):
        with place.talking() as talk:
            for ask in asks:
                talk.say(ask, b"x")
            talk.close()
            assert talk.heard() is None
            assert talk.process.wait(30) == 1
    assert place.untouched()


@pytest.mark.parametrize("at", [0, 3 << 20, (3 << 20) + 65_000, -1])
def test_one_flipped_bit_anywhere_is_found_before_anything_is_written(place: Place, at: int) -> None:
    update = Update()
    data = bytearray(update.all_bytes)
    data[at] ^= 1
    assert install(place, update, bytes(data)) == failed(errors.DamagedUpdateError)
    assert place.untouched()
    assert place.staged == set()


@pytest.mark.parametrize("missing", [1, 300_001, 400_000, (3 << 20) + 100])
def test_one_that_ends_too_early_is_cut(place: Place, missing: int) -> None:
    update = Update()
    assert install(place, update, update.all_bytes[:-missing]) == failed(errors.CutUpdateError)
    assert place.untouched()
    assert place.staged == set()


def test_what_comes_after_its_end_is_not_looked_at(place: Place) -> None:
    update = Update()
    with place.talking() as talk:
        talk.begin(update)
        talk.give(update.all_bytes)
        assert talk.heard() == Frame(Say.AT, bytes((Stage.INSTALLING,)))
        assert talk.end() == DONE
    assert place.installed(update)


def test_parts_of_two_updates_do_not_mix(place: Place) -> None:
    one, two = Update(), Update(version="0.0.3")
    mixed = b"".join([*list(one.parts.values())[:2], list(two.parts.values())[2]])
    assert install(place, one, mixed) == failed(errors.DamagedUpdateError)
    assert place.untouched()


def test_room_is_asked_for_before_the_first_byte(place: Place) -> None:
    update = Update()
    with place.talking(SPARE=str(1 << 62)) as talk:
        assert talk.offer(update) == Frame(Say.ACCEPTED, b"")
        talk.say(Ask.INSTALL)
        assert talk.heard() == failed(errors.NoRoomError)
    assert place.untouched()


def test_a_version_on_trial_keeps_the_one_before(place: Place) -> None:
    (place.at / "boot" / "medkiosk_0.0.1.efi").rename(place.at / "boot" / "medkiosk_0.0.1+2-1.efi")
    with place.talking() as talk:
        talk.offer(Update())
        talk.say(Ask.INSTALL)
        assert talk.heard() == failed(errors.OnTrialError)


def test_two_at_once_are_one_too_many(place: Place) -> None:
    update = Update()
    with place.talking() as first, place.talking() as second:
        first.begin(update)
        first.give(update.all_bytes[:1000])
        second.offer(update)
        second.say(Ask.INSTALL)
        assert second.heard() == failed(errors.UpdateBusyError)
        first.give(update.all_bytes[1000:])
        assert first.end() == DONE
    assert place.installed(update)


def test_what_could_not_be_written_to_its_place_is_said(place: Place) -> None:
    (place.at / "fails").touch()
    assert install(place, Update()) == failed(errors.NotInstalledError)
    assert place.staged == set()
    (place.at / "fails").unlink()
    assert install(place, Update()) == DONE


def test_a_version_without_tries_left_gets_new_ones(place: Place) -> None:
    (place.at / "boot" / "medkiosk_0.0.2+0-3.efi").write_text("it did not start")
    assert install(place, Update()) == DONE
    assert place.images == {"medkiosk_0.0.1.efi", "medkiosk_0.0.2+3-0.efi"}


def test_what_a_power_cut_left_of_a_version_is_written_again(place: Place) -> None:
    (place.at / "boot" / "medkiosk_0.0.2+3-0.efi").touch()
    update = Update()
    assert install(place, update) == DONE
    assert place.installed(update)


def test_a_version_that_is_not_whole_in_its_place_is_not_called_installed(place: Place) -> None:
    (place.at / "empty").touch()
    assert install(place, Update()) == failed(errors.NotInstalledError)
    (place.at / "empty").unlink()
    assert install(place, Update()) == DONE


def test_nobody_who_may_sign_or_no_version_is_no_appliance(place: Place) -> None:
    for name in ("version", "release.pub"):
        text = (place.at / name).read_text()
        (place.at / name).write_text("nothing of use")
        with place.talking() as talk:
            assert talk.offer(Update()) == failed(errors.NoApplianceError)
        (place.at / name).write_text(text)


def test_restart_is_answered_and_then_done(place: Place) -> None:
    with place.talking() as talk:
        talk.say(Ask.RESTART)
        assert talk.heard() == DONE
        talk.process.wait(30)
    assert (place.at / "restarted").exists()


@pytest.mark.parametrize("after", [0, 1, 100_000, 3 << 20, (3 << 20) + (64 << 10), 3_500_000])
def test_killed_at_any_moment_of_copying_nothing_happened_and_the_next_one_works(
    place: Place, after: int
) -> None:
    update = Update()
    with place.talking() as talk:
        talk.begin(update)
        talk.give(update.all_bytes[:after])
        deadline = time.monotonic() + 20
        while sum((place.at / "folder" / name).stat().st_size for name in place.staged) < after:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        talk.process.send_signal(signal.SIGKILL)
        talk.process.wait(30)
    assert place.untouched()
    assert install(place, update) == DONE
    assert place.installed(update)
    assert place.staged == set()


def test_killed_while_it_is_written_the_next_one_works(place: Place) -> None:
    update = Update()
    (place.at / "slow").touch()
    with place.talking() as talk:
        talk.begin(update)
        talk.give(update.all_bytes)
        assert talk.heard() == Frame(Say.AT, bytes((Stage.INSTALLING,)))
        talk.process.send_signal(signal.SIGKILL)
        talk.process.wait(30)
    assert place.untouched()
    (place.at / "slow").unlink()
    assert install(place, update) == DONE
    assert place.installed(update)
