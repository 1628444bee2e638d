"""Plug and unplug: the table is complete, and what it means for a person is right."""

from __future__ import annotations

import itertools

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from medkiosk.device.machine import TRANSITIONS, Act, Event, PlugMachine, State
from medkiosk.device.model import Change, DeviceRef, Notice

CAMERA = DeviceRef(kind="camera", key="/devices/usb2/2-1", port="usb:002,013", model="Canon EOS R6")
PLUGGED = [Notice(change=Change.PLUGGED, device=CAMERA)]
UNPLUGGED = [Notice(change=Change.UNPLUGGED, device=CAMERA)]


def test_the_table_has_an_answer_for_everything() -> None:
    assert set(TRANSITIONS) == set(itertools.product(State, Event))


def test_a_device_is_told_of_exactly_when_it_becomes_or_ceases_to_be_present() -> None:
    for (before, _), (after, acts) in TRANSITIONS.items():
        assert (Act.TELL_PLUGGED in acts) == (before is not State.PRESENT and after is State.PRESENT)
        assert (Act.TELL_UNPLUGGED in acts) == (before is State.PRESENT and after is not State.PRESENT)


def test_add_and_bind_are_one_plug() -> None:
    machine = PlugMachine(settle_s=0.5)
    assert machine.seen(CAMERA, 10.0) == []
    assert machine.seen(CAMERA, 10.1) == []
    assert machine.next_deadline() == 10.6
    assert machine.tick(10.59) == []
    assert machine.tick(10.6) == PLUGGED
    assert machine.next_deadline() is None
    assert machine.seen(CAMERA, 10.7) == []
    assert machine.tick(99.0) == []


def test_a_loose_plug_says_nothing_until_it_holds() -> None:
    machine = PlugMachine(settle_s=0.5)
    for moment in (1.0, 1.2, 1.4):
        assert machine.seen(CAMERA, moment) == []
        assert machine.gone(CAMERA.key, moment + 0.1) == []
        assert machine.tick(moment + 0.1) == []
    assert machine.seen(CAMERA, 2.0) == []
    assert machine.tick(2.5) == PLUGGED


def test_unplugging_is_told_at_once_and_once() -> None:
    machine = PlugMachine(settle_s=0)
    machine.seen(CAMERA, 1.0)
    assert machine.tick(1.0) == PLUGGED
    assert machine.gone(CAMERA.key, 2.0) == UNPLUGGED
    assert machine.gone(CAMERA.key, 2.1) == []
    assert machine.tick(9.0) == []


def test_a_replug_whose_remove_was_lost() -> None:
    machine = PlugMachine(settle_s=0)
    machine.seen(CAMERA, 1.0)
    machine.tick(1.0)
    again = msgspec.structs.replace(CAMERA, port="usb:002,014")
    assert machine.seen(again, 2.0) == UNPLUGGED
    assert machine.tick(2.0) == [Notice(change=Change.PLUGGED, device=again)]


def test_a_device_that_changes_while_it_settles_is_told_of_as_it_is() -> None:
    machine = PlugMachine(settle_s=1)
    machine.seen(CAMERA, 1.0)
    again = msgspec.structs.replace(CAMERA, port="usb:002,014")
    assert machine.seen(again, 1.5) == []
    assert machine.tick(2.5) == [Notice(change=Change.PLUGGED, device=again)]


def test_two_cameras_do_not_disturb_each_other() -> None:
    other = msgspec.structs.replace(CAMERA, key="/devices/usb2/2-2", port="usb:002,020")
    machine = PlugMachine(settle_s=0.5)
    machine.seen(CAMERA, 1.0)
    machine.seen(other, 1.3)
    assert machine.tick(1.5) == PLUGGED
    assert machine.gone(CAMERA.key, 1.6) == UNPLUGGED
    assert machine.tick(1.8) == [Notice(change=Change.PLUGGED, device=other)]


_steps = st.lists(st.tuples(st.sampled_from(["seen", "other", "gone", "tick"]), st.floats(0, 1)), max_size=40)


@given(_steps)
def test_notices_alternate_whatever_happens(steps: list[tuple[str, float]]) -> None:
    machine = PlugMachine(settle_s=0.5)
    now = 0.0
    told: list[Change] = []
    for step, pause in steps:
        now += pause
        match step:
            case "seen":
                notices = machine.seen(CAMERA, now)
            case "other":
                notices = machine.seen(msgspec.structs.replace(CAMERA, port="usb:001,001"), now)
            case "gone":
                notices = machine.gone(CAMERA.key, now)
            case _:
                notices = machine.tick(now)
        told += [notice.change for notice in notices]
    expected = itertools.cycle([Change.PLUGGED, Change.UNPLUGGED])
    assert told == list(itertools.islice(expected, len(told)))
