"""Security keys: what they are asked, and what is made of bad answers. A key in software, real CTAP."""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from medkiosk.core.errors import KioskError
from medkiosk.core.frames import write_frame
from medkiosk.token import ctap
from medkiosk.token.client import SecurityKeys
from medkiosk.token.ctap import RefusedError
from medkiosk.token.errors import Code, PinNeededError, TokenError, UnknownTokenError, WrongPinError, error_of
from medkiosk.token.protocol import FromWorker
from medkiosk.token.worker import serve
from medkiosk.workers import ProcessChannel, python_worker
from tests.token.soft_key import SoftKey, plugged

ROOT = Path(__file__).resolve().parents[2]
SALT = bytes(range(32))


class Blinks(list[None]):
    def __call__(self) -> None:
        self.append(None)


def soft_keys(*keys: str, touch: Callable[[], None] | None = None) -> SecurityKeys:
    """Through a real worker process; ``SEED:PIN:always`` for each key that is plugged in."""
    command = [sys.executable, "-m", "tests.token.soft_worker", *keys]
    return SecurityKeys(
        lambda: ProcessChannel(command, environment={"PYTHONPATH": str(ROOT)}),
        Blinks() if touch is None else touch,
    )


@pytest.mark.parametrize("protocol", [1, 2])
@pytest.mark.parametrize("pin", ["", "1234"])
def test_a_key_says_the_same_to_the_same_salt_and_nothing_like_it_to_another(protocol: int, pin: str) -> None:
    key, blinks = SoftKey("a", protocol=protocol, pin=pin), Blinks()
    made = ctap.add([plugged(key)], SALT, pin, blinks)
    assert (len(blinks), made.verified) == (2, False), "its PIN was for making the credential alone"
    credential, output = bytes.fromhex(made.credential), bytes.fromhex(made.output)
    again = SoftKey("a", protocol=3 - protocol, pin=pin)
    assert ctap.ask([plugged(again)], credential, SALT, False, "", blinks) == output
    assert ctap.ask([plugged(again)], credential, bytes(32), False, "", blinks) != output
    other = bytes.fromhex(ctap.add([plugged(key)], SALT, pin, blinks).output)
    assert other != output, "each credential has a secret of its own"


def test_a_key_that_always_wants_its_pin_is_asked_with_it() -> None:
    key, blinks = SoftKey("a", pin="1234", always=True), Blinks()
    made = ctap.add([plugged(key)], SALT, "1234", blinks)
    assert made.verified
    credential = bytes.fromhex(made.credential)
    assert ctap.ask([plugged(key)], credential, SALT, True, "1234", blinks).hex() == made.output
    for pin, code in (("", Code.PIN_NEEDED), ("4321", Code.PIN_WRONG), ("4321", Code.PIN_WRONG)):
        assert refusal(key, credential, pin=pin) is code
    assert refusal(key, credential, pin="4321") is Code.PIN_BLOCKED
    assert refusal(key, credential, pin="1234") is Code.PIN_BLOCKED


def refusal(key: SoftKey, credential: bytes, *, pin: str = "", verified: bool = True) -> Code:
    with pytest.raises(RefusedError) as refused:
        ctap.ask([plugged(key)], credential, SALT, verified, pin, Blinks())
    return refused.value.code


def test_the_output_with_a_pin_is_not_taken_for_the_one_without() -> None:
    key = SoftKey("a", pin="1234")
    credential = bytes.fromhex(ctap.add([plugged(key)], SALT, "1234", Blinks()).credential)
    plain = ctap.ask([plugged(key)], credential, SALT, False, "", Blinks())
    assert ctap.ask([plugged(key)], credential, SALT, True, "1234", Blinks()) != plain
    key.always = True  # set by somebody since
    assert refusal(key, credential, verified=False) is Code.PIN_NEEDED


def test_only_the_right_key_of_several_is_touched() -> None:
    keys = [SoftKey("a"), SoftKey("b"), SoftKey("c", extension=False)]
    credential = bytes.fromhex(ctap.add([plugged(keys[1])], SALT, "", Blinks()).credential)
    ctap.ask([plugged(key) for key in keys], credential, SALT, False, "", Blinks())
    assert [key.touches for key in keys] == [0, 3, 0]
    assert refusal(keys[0], credential, verified=False) is Code.UNKNOWN
    assert keys[0].touches == 0
    with pytest.raises(RefusedError, match="NO_KEY"):
        ctap.ask([], credential, SALT, False, "", Blinks())
    with pytest.raises(RefusedError, match="SEVERAL"):
        ctap.add([plugged(key) for key in keys[:2]], SALT, "", Blinks())


@pytest.mark.parametrize(
    ("key", "code"),
    [
        (SoftKey("a", extension=False), Code.UNSUPPORTED),
        (SoftKey("a", always=True), Code.UNSUPPORTED),
        (SoftKey("a", pin="1234"), Code.PIN_NEEDED),
        (SoftKey("a", touched=False), Code.TIMEOUT),
        (SoftKey("a", lies=bytes(16)), Code.FAILED),
        (SoftKey("a", lies=bytes(64)), Code.FAILED),
        (SoftKey("a", lies=b""), Code.FAILED),
    ],
)
def test_a_key_that_cannot_be_added(key: SoftKey, code: Code) -> None:
    with pytest.raises(RefusedError) as refused:
        ctap.add([plugged(key)], SALT, "", Blinks())
    assert refused.value.code is code


@pytest.mark.parametrize(
    "answer", [b"", b"\0", b"\0\xff", b"\0\xa1\x01", b"\0\xa1\x01\x02", b"\0" + b"\x81" * 900, b"\x99"]
)
@pytest.mark.parametrize("command", [1, 2, 4, 6])
def test_what_a_mad_key_says_is_an_error_and_nothing_else(answer: bytes, command: int) -> None:
    class Mad(SoftKey):
        def answer(self, message: bytes) -> bytes:
            mad = message[0] == command and (command != 2 or self.touches)
            return answer if mad else super().answer(message)

    with pytest.raises(RefusedError) as refused:
        ctap.add([plugged(Mad("a", pin="1234"))], SALT, "1234", Blinks())
    assert refused.value.code in (Code.FAILED, Code.NO_KEY)


def test_through_the_worker_process() -> None:
    blinks = Blinks()
    added = soft_keys("a", touch=blinks).add(SALT.hex())
    assert len(blinks) == 2
    asked = soft_keys("b", "a", touch=blinks).ask(added.credential, SALT.hex(), verified=False)
    assert (asked, len(blinks)) == (added.output, 3)
    with pytest.raises(UnknownTokenError):
        soft_keys("b").ask(added.credential, SALT.hex(), verified=False)
    with pytest.raises(PinNeededError):
        soft_keys("c:1234").add(SALT.hex())
    with pytest.raises(WrongPinError):
        soft_keys("c:1234").add(SALT.hex(), "4321")
    assert soft_keys("c:1234:always").add(SALT.hex(), "1234").verified


def test_the_real_worker_without_a_key_on_usb_says_so() -> None:
    if list(Path("/dev").glob("hidraw*")):
        pytest.skip("there is a HID device here")
    real = SecurityKeys(lambda: ProcessChannel(python_worker("medkiosk.token.worker")), Blinks())
    with pytest.raises(KioskError, match="No security key was found"):
        real.ask("00", SALT.hex(), verified=False)


SAYS = "import sys, time; sys.stdin.buffer.read(1); sys.stdout.buffer.write({!r}); sys.stdout.flush(); {}"


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"\x03\0\0\0\x20short",
        b"\x03\0\0\0\x05short",
        b"\x03\xff\xff\xff\xff",
        b"\x02\0\0\0\x02{}",
        b"\x04\0\0\0\x01\xee",
        b"\x04\0\0\0\0",
        b"\x63\0\0\0\0",
    ],
)
def test_a_worker_that_was_taken_over_says_nothing_that_is_believed(said: bytes) -> None:
    keys = SecurityKeys(lambda: ProcessChannel([sys.executable, "-c", SAYS.format(said, "")]), Blinks())
    for ask in (lambda: keys.ask("00", SALT.hex(), verified=False), lambda: keys.add(SALT.hex())):
        with pytest.raises(TokenError):
            ask()


def test_a_worker_that_hangs_is_killed() -> None:
    command = [sys.executable, "-c", SAYS.format(b"", "time.sleep(100)")]
    with pytest.raises(TokenError):
        SecurityKeys(lambda: ProcessChannel(command), Blinks(), timeout_s=1.0).ask("00", "00", verified=False)


@pytest.mark.parametrize(
    "request_", [b"", b"\x01\0\0\0\x02{}", b"\x07\0\0\0\0", b"\x01\0\0\0\x05abc", b"\x01\x7f\0\0\0"]
)
def test_a_request_that_is_none_ends_the_worker(request_: bytes) -> None:
    done = subprocess.run(
        python_worker("medkiosk.token.worker"), input=request_, capture_output=True, check=False, timeout=60
    )
    assert (done.stdout, done.returncode) == (b"", 2 if request_ else 0)


def test_every_code_has_words() -> None:
    assert {type(error_of(code)).code for code in Code} == {
        "token.failed", "token.none", "token.unknown", "token.pin_needed", "token.pin"
    }  # fmt: skip


def test_serve_tells_of_each_touch() -> None:
    out = io.BytesIO()
    question = io.BytesIO()
    write_frame(question, 1, b'{"credential":"","pin":"","salt":"%s","verified":false}' % SALT.hex().encode())
    question.seek(0)
    serve(question, out, lambda: [plugged(SoftKey("a"))])
    assert out.getvalue().startswith(bytes([FromWorker.TOUCH, 0, 0, 0, 0] * 2 + [FromWorker.ADDED]))
