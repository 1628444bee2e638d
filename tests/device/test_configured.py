"""Configured devices: directories, and ports that listen or do not."""

from __future__ import annotations

import queue
import socket
from collections.abc import Sequence
from pathlib import Path

import pytest

from medkiosk.core.config import Camera, Card
from medkiosk.core.errors import ConfigError
from medkiosk.device.configured import ConfiguredDevices
from medkiosk.device.udev import UdevDevices
from tests.virtual.camera import running_camera
from tests.virtual.memory import memory_card, needs_root


class Log:
    """What was told, in order."""

    def __init__(self) -> None:
        self.told: queue.Queue[tuple[str, str]] = queue.Queue()

    def watch(self, cameras: list[str], cards: Sequence[Path] = (), poll_s: float = 1) -> ConfiguredDevices:
        return ConfiguredDevices(
            [Camera(port=port) for port in cameras],
            [Card(path=str(path)) for path in cards],
            lambda device: self.told.put(("plugged", device.port)),
            lambda device: self.told.put(("unplugged", device.port)),
            poll_s=poll_s,
        )

    def take(self) -> list[tuple[str, str]]:
        return [self.told.get_nowait() for _ in range(self.told.qsize())]


def test_a_card_is_there_when_its_directory_has_something_in_it(tmp_path: Path) -> None:
    log, card = Log(), tmp_path / "card"
    watcher = log.watch([], [card])
    watcher.poll()
    card.mkdir()
    watcher.poll()
    assert log.take() == []
    (card / "DCIM").mkdir()
    watcher.poll()
    watcher.poll()
    assert log.take() == [("plugged", str(card))]
    (card / "DCIM").rmdir()
    watcher.poll()
    assert log.take() == [("unplugged", str(card))]


def test_another_card_in_the_same_place_is_a_plug_of_its_own(tmp_path: Path) -> None:
    log, card = Log(), tmp_path / "card"
    for name in ("card", "other"):
        (tmp_path / name / "DCIM").mkdir(parents=True)
    watcher = log.watch([], [card])
    watcher.poll()
    assert log.take() == [("plugged", str(card))]
    (card / "DCIM/IMG_0001.JPG").touch()
    watcher.poll()
    assert log.take() == []  # the same card, with a picture more
    card.rename(tmp_path / "pulled")
    (tmp_path / "other").rename(card)
    watcher.poll()
    assert log.take() == [("unplugged", str(card)), ("plugged", str(card))]


@needs_root
def test_a_card_that_was_pulled_and_put_back_between_two_looks(tmp_path: Path) -> None:
    log, card = Log(), tmp_path / "card"
    card.mkdir()
    watcher = log.watch([], [card])
    for round_ in range(3):  # each a file system of its own, with the same device number and the same inode
        with memory_card(card):
            (card / "DCIM").mkdir()
            watcher.poll()
            watcher.poll()
            again = [("unplugged", str(card))] if round_ else []
            assert log.take() == [*again, ("plugged", str(card))]
    watcher.poll()
    assert log.take() == [("unplugged", str(card))]


def test_a_camera_comes_and_goes_and_looking_does_not_disturb_it(tmp_path: Path) -> None:
    (tmp_path / "DCIM").mkdir()
    log = Log()
    with running_camera(tmp_path) as camera:
        watcher = log.watch([camera.gphoto_port])
        for _ in range(5):
            watcher.poll()
        assert log.take() == [("plugged", camera.gphoto_port)]
        camera.stop()
        watcher.poll()
        assert log.take() == [("unplugged", camera.gphoto_port)]
        camera.restart()
        watcher.poll()
        assert log.take() == [("plugged", camera.gphoto_port)]


def test_a_camera_in_use_is_left_in_peace() -> None:
    log = Log()
    with socket.create_server(("127.0.0.1", 0)) as camera:
        camera.settimeout(0.2)
        port = camera.getsockname()[1]
        watcher = log.watch([f"ptpip:127.0.0.1:{port}:{port}"])
        with socket.create_connection(("127.0.0.1", port)):
            worker, _ = camera.accept()
            watcher.poll()
            assert [change for change, _ in log.take()] == ["plugged"]
            with pytest.raises(TimeoutError):
                camera.accept()
            worker.close()
    watcher.poll()
    assert [change for change, _ in log.take()] == ["unplugged"]


def test_the_thread_tells_and_stops(tmp_path: Path) -> None:
    log = Log()
    (tmp_path / "IMG_0001.JPG").touch()
    watcher = log.watch([], [tmp_path], poll_s=0.05)
    watcher.start()
    assert log.told.get(timeout=60) == ("plugged", str(tmp_path))
    (tmp_path / "IMG_0001.JPG").unlink()
    assert log.told.get(timeout=60) == ("unplugged", str(tmp_path))
    watcher.stop()
    (tmp_path / "IMG_0001.JPG").touch()
    with pytest.raises(queue.Empty):
        log.told.get(timeout=0.2)


@pytest.mark.parametrize("port", ["usb:001,002", "ptpip:", "ptpip:host", "ptpip:host:99999", "ptpip:a b:1:1"])
def test_a_port_that_cannot_be_watched_is_refused(port: str) -> None:
    with pytest.raises(ConfigError):
        Log().watch([port])


@pytest.mark.skipif(Path("/run/udev/control").exists(), reason="this machine has udev")
def test_without_udev_nothing_is_watched_and_nothing_is_wrong() -> None:
    def unexpected(_device: object) -> None:
        raise AssertionError("told of a device without udev")

    watcher = UdevDevices(unexpected, unexpected)
    assert watcher.start() is False
    watcher.stop()
