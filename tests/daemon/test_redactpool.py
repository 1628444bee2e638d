"""Workers are lent to one thread at a time, to persons first, and replaced when they break."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from medkiosk.core.errors import WorkerError
from medkiosk.core.photo import RedactCode
from medkiosk.daemon.redactpool import RedactPool, StoppedError
from tests.redact.test_client import CLEAN, JPEG, READY, HostileWorker, done


@pytest.fixture
def spawned() -> Iterator[list[HostileWorker]]:
    channels: list[HostileWorker] = []
    yield channels
    for channel in channels:
        channel.close()


def pool_of(count: int, spawned: list[HostileWorker], *said: bytes) -> RedactPool:
    def spawn() -> HostileWorker:
        channel = HostileWorker(READY, *said, then_hang=True)
        spawned.append(channel)
        return channel

    return RedactPool(spawn, count, timeout_s=5)


def test_a_worker_is_started_once_and_lent_again(spawned: list[HostileWorker]) -> None:
    pool = pool_of(1, spawned)
    with pool.borrow() as first:
        pass
    with pool.borrow() as again:
        assert again is first
    assert len(spawned) == 1


def test_a_worker_that_broke_is_replaced(spawned: list[HostileWorker]) -> None:
    pool = pool_of(1, spawned, b"nonsense that is no frame")
    with pool.borrow() as first:
        assert first.detect(lambda: [b"image"], 5).code is not RedactCode.OK
        assert first.broken
    with pool.borrow() as second:
        assert second is not first
    assert len(spawned) == 2


def test_after_a_start_that_took_too_long_the_next_worker_is_given_twice_that(
    spawned: list[HostileWorker],
) -> None:
    def spawn() -> HostileWorker:
        spawned.append(HostileWorker(b"", then_hang=True))  # never ready
        return spawned[-1]

    pool = RedactPool(spawn, 1, timeout_s=5, patient_s=0.1)
    took: list[float] = []
    for _ in range(4):
        begun = time.monotonic()
        with pytest.raises(WorkerError), pool.borrow():
            pass
        took.append(time.monotonic() - begun)
    assert [one >= wanted for one, wanted in zip(took, (0.1, 0.2, 0.4, 0.8), strict=True)] == [True] * 4


def test_a_start_that_failed_at_once_gives_the_next_no_more_time(spawned: list[HostileWorker]) -> None:
    said = iter([b"nonsense that is no frame", b""])

    def spawn() -> HostileWorker:
        spawned.append(HostileWorker(next(said), then_hang=True))
        return spawned[-1]

    pool = RedactPool(spawn, 1, timeout_s=5, patient_s=0.5)
    with pytest.raises(WorkerError), pool.borrow():
        pass
    begun = time.monotonic()
    with pytest.raises(WorkerError, match="not ready in time"), pool.borrow():
        pass
    assert time.monotonic() - begun >= 0.5
    assert pool.patient_s == 1.0


def test_as_many_work_at_once_as_there_are(spawned: list[HostileWorker]) -> None:
    pool = pool_of(2, spawned, JPEG + done(), CLEAN)
    with pool.borrow() as first, pool.borrow() as second:
        assert first is not second
        third = threading.Event()

        def wait() -> None:
            with pool.borrow():
                third.set()

        waiting = threading.Thread(target=wait)
        waiting.start()
        assert not third.wait(0.1)
        assert second.detect(lambda: [b"image"], 5).code is RedactCode.OK
    waiting.join(5)
    assert third.is_set()
    assert len(spawned) == 2


def test_a_person_goes_before_the_queue(spawned: list[HostileWorker]) -> None:
    pool = pool_of(1, spawned)
    order: list[str] = []

    def work(name: str, *, for_person: bool) -> None:
        with pool.borrow(for_person=for_person):
            order.append(name)

    with pool.borrow():
        queue = threading.Thread(target=work, args=("queue",), kwargs={"for_person": False})
        queue.start()
        time.sleep(0.1)  # the queue waits first
        person = threading.Thread(target=work, args=("person",), kwargs={"for_person": True})
        person.start()
        time.sleep(0.1)
    person.join(5)
    queue.join(5)
    assert order == ["person", "queue"]


def test_stopping_ends_who_works_and_who_waits(spawned: list[HostileWorker]) -> None:
    pool = pool_of(1, spawned)
    ends: list[object] = []

    def work() -> None:
        try:
            with pool.borrow() as session:
                ends.append(session.detect(lambda: [b"image"], 5).code)
        except StoppedError as error:
            ends.append(error.code)

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    time.sleep(0.2)
    pool.stop()
    for thread in threads:
        thread.join(5)
    pool.close()
    assert sorted(map(str, ends)) == sorted(["redact.stopped", str(RedactCode.CRASHED)])
    with pytest.raises(StoppedError), pool.borrow():
        pass
