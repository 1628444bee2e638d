"""What people and power cuts do to the kiosk. Each leaves reader and camera empty, and tells the model."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import msgspec

from medkiosk.core.clock import rfc3339
from medkiosk.core.consent import ConsentKind, Purpose, Subject
from medkiosk.core.datause import DataUse, usual
from medkiosk.core.ids import CaptureId, EncounterId, RecipientId
from medkiosk.core.photo import ReviewState
from medkiosk.ipc.client import Client
from medkiosk.ipc.types import Status
from medkiosk.ipc.wire import ConnectionLostError, RemoteError
from tests.corrections import written
from tests.kiosk import PASSPHRASE, consent, decided
from tests.outside import PLAIN, enrolled
from tests.soak.model import Answer, Model
from tests.soak.world import World

TEACHING = Purpose.TEACHING_RESEARCH
_DAY = 86400
_REVIEWED_AT_ONCE = 2
_STICK_BYTES = "96k"


WEIGHTS = {
    "card": 10,
    "card again": 4,
    "card yanked": 5,
    "camera": 6,
    "camera yanked": 3,
    "power cut in an import": 3,
    "power cut at work": 2,
    "restart": 1,
    "encounter": 8,
    "review": 10,
    "withdrawal": 2,
    "export": 6,
    "stick full": 3,
    "clock jumps": 3,
    "lock": 3,
    "wrong passphrase": 2,
    "two at once": 4,
    "scrub": 1,
}
"""Every kind of act, and how often it comes beside the others."""


class Acts:
    """Everything that can be done; `choose` says what comes next.

    Args:
        world: what it is done to.
        model: what is known of it.
    """

    def __init__(self, world: World, model: Model) -> None:
        self.world = world
        self.model = model
        self.rng = world.rng
        self._recipient: RecipientId | None = None
        self._patients = 0
        self._do: dict[str, Callable[[], str]] = {
            "card": self.card,
            "card again": self.card_again,
            "card yanked": self.card_yanked,
            "camera": self.camera,
            "camera yanked": self.camera_yanked,
            "power cut in an import": self.cut_in_import,
            "power cut at work": self.cut_at_work,
            "restart": self.restart,
            "encounter": self.encounter,
            "review": self.review,
            "withdrawal": self.withdraw,
            "export": self.export,
            "stick full": self.stick_full,
            "clock jumps": self.jump,
            "lock": self.lock,
            "wrong passphrase": self.wrong,
            "two at once": self.two_at_once,
            "scrub": self.scrub,
        }

    def choose(self, without: tuple[str, ...] = ()) -> str:
        """The next act; a clock that is behind is set right before long, since nothing leaves meanwhile."""
        if self._behind() and "clock jumps" not in without and self.rng.random() < 0.25:
            return "clock jumps"
        names = [name for name in WEIGHTS if name not in without]
        return self.rng.choices(names, [WEIGHTS[name] for name in names])[0]

    def do(self, name: str) -> str:
        """Do it; give what is to be said of it."""
        return self._do[name]()

    # Devices

    def card(self) -> str:
        """A card with new photographs, imported to its end."""
        card = self.world.new_card(self.rng.randint(1, 4))
        return self._imported(card)

    def card_again(self) -> str:
        """One of the last cards once more: nothing of it is new, unless it was yanked before."""
        cards = self.world.cards()
        return self._imported(self.rng.choice(cards[-8:])) if cards else "there is no card"

    def _imported(self, card: Path) -> str:
        files = _files(card)
        self.model.saw(files)
        self.world.put_in(card)
        try:
            status = self.world.wait(lambda s: _at_rest(s, str(self.world.reader)))
        finally:
            self.world.take_out(card)
        self._believe(status, str(self.world.reader), card)
        self._gone()
        return f"{card.name}: {len(files)} files"

    def _believe(self, status: Status, key: str, card: Path) -> None:
        for device in status.devices:
            if device.key == key:
                if device.state != "safe":
                    self.world.broken.append(f"{card.name} ended as {device.state}: {device.detail}")
                elif device.files != len(_files(card)):
                    self.world.broken.append(f"{card.name} has {len(_files(card))} files, not {device.files}")
                else:
                    self.model.safe(_files(card))

    def _gone(self) -> None:
        self.world.wait(lambda s: all(d.state in ("gone", "lost", "incomplete") for d in s.devices))

    def card_yanked(self) -> str:
        """Pulled out somewhere in between; what was not acknowledged is not asked for."""
        card = self.world.new_card(self.rng.randint(3, 8))
        self.model.saw(_files(card))
        self.world.put_in(card)
        seconds = self.rng.uniform(0, 1.5)
        time.sleep(seconds)
        self.world.take_out(card)
        self._gone()
        return f"{card.name} after {seconds:.2f} s"

    def camera(self) -> str:
        """The camera with some more photographs, imported to its end."""
        self._shoot()
        self.world.camera.restart()
        key = self.world.camera.gphoto_port
        try:
            status = self.world.wait(lambda s: _at_rest(s, key))
        finally:
            self.world.camera.stop()
        self._believe(status, key, self.world.inside)
        self._gone()
        return f"{len(_files(self.world.inside))} files in it"

    def camera_yanked(self) -> str:
        """The cable is pulled in mid-transfer; then it is plugged in again."""
        self._shoot()
        self.world.camera.restart()
        seconds = self.rng.uniform(0, 2)
        time.sleep(seconds)
        self.world.camera.stop()
        self._gone()
        return f"after {seconds:.2f} s; then " + self.camera()

    def _shoot(self) -> None:
        inside = self.world.inside
        if len(_files(inside)) > 12:
            shutil.rmtree(inside / "DCIM")
        self.world.pictures.write(inside, self.rng.randint(1, 3))
        self.model.saw(_files(inside))

    # Power and clock

    def cut_in_import(self) -> str:
        """The power goes while a card is read; then it is all imported."""
        card = self.world.new_card(self.rng.randint(3, 8))
        files = _files(card)
        self.model.saw(files)
        self.world.put_in(card)
        seconds = self.rng.uniform(0, 2)
        time.sleep(seconds)
        self.world.power_cut()
        try:
            status = self.world.wait(lambda s: _at_rest(s, str(self.world.reader)))
        finally:
            self.world.take_out(card)
        self._believe(status, str(self.world.reader), card)
        self._gone()
        return f"{card.name} after {seconds:.2f} s"

    def cut_at_work(self) -> str:
        """The power goes while somebody assigns and reviews: what was answered counts."""
        worker = threading.Thread(target=self._until_cut)
        worker.start()
        seconds = self.rng.uniform(0.5, 4)
        time.sleep(seconds)
        self.world.power_cut()
        worker.join()
        return f"after {seconds:.2f} s"

    def _until_cut(self) -> None:
        with contextlib.suppress(ConnectionLostError):
            self.encounter()
            self.review()

    def restart(self) -> str:
        """Stopped and started in order."""
        self.world.restart()
        return ""

    def jump(self) -> str:
        """Somebody sets the clock, or its battery is empty; one that is behind is set right."""
        if behind := self._behind():
            self.world.clock.set(self.world.clock.offset + behind)
            self.model.jumps += 1
            return f"right again, to {rfc3339(self.world.clock.now())[:16]}"
        self.model.at(self.world.clock.now())
        # Mostly as somebody corrects a clock; now and then as an empty battery or a mistyped year does.
        near, far = (-_DAY, -3600, -90, 90, 3600, _DAY), (-400 * _DAY, 8 * _DAY, 31 * _DAY)
        seconds = self.rng.choice(far if self.rng.random() < 0.2 else near)
        # Not so far ahead that every consent and recipient of the whole run is over.
        self.world.clock.set(max(-400 * _DAY, min(self.world.clock.offset + seconds, 300 * _DAY)))
        self.model.jumps += 1
        return f"by {seconds} s, to {rfc3339(self.world.clock.now())[:16]}"

    def _behind(self) -> int:
        """By how many seconds the clock is behind what is on record, and a little more; 0 where it is not."""
        now = self.world.clock.now()
        latest = self.model.latest or now
        return int((latest - now).total_seconds()) + 10 if latest > now else 0

    # People

    @contextlib.contextmanager
    def _session(self, user: str) -> Iterator[Client]:
        with self.world.kiosk.session(user) as client:
            yield client
        self.model.at(self.world.clock.now())

    def encounter(self) -> str:
        """Somebody new; everything that belongs to nobody is theirs."""
        self._patients += 1
        subject = Subject(
            mrn=f"{7000000 + self._patients}",
            issuer="Soak Hospital",
            name=f"Patient Number{self._patients}",
            birth_date="1984-08-12",
        )
        grant = self.rng.random() < 0.8
        days = self.rng.choice((2, 40, 1000))
        with self._session("pat") as pat:
            encounter = written(pat, subject, "left forearm").encounter_id
            captures = _nobodys(pat)
            with self._may_be_cut(captures):
                if captures:
                    pat.assign(encounter, captures)
                for capture in captures:
                    self.model.encounter_of[capture] = encounter
            now = self.world.clock.now()
            said = msgspec.structs.replace(
                consent(TEACHING), starts=rfc3339(now), expires=rfc3339(now + timedelta(days=days))
            )
            if not grant:
                said = msgspec.structs.replace(said, kind=ConsentKind.REFUSAL, expires="")
            pat.record_consent(encounter, said)
            self.model.answers[encounter] = Answer(grant, now + timedelta(days=days), self.model.jumps)
        return f"{len(captures)} captures, {'agrees' if grant else 'refuses'}"

    @contextlib.contextmanager
    def _may_be_cut(self, captures: tuple[CaptureId, ...]) -> Iterator[None]:
        try:
            yield
        except ConnectionLostError:
            self.model.unsure.update(captures)
            raise

    def withdraw(self) -> str:
        """Somebody takes back what they agreed to."""
        agreed = sorted(encounter for encounter, answer in self.model.answers.items() if answer.grant)
        if not agreed:
            return "nobody agreed to anything"
        encounter = EncounterId(self.rng.choice(agreed))
        now = self.world.clock.now()
        said = msgspec.structs.replace(
            consent(TEACHING), kind=ConsentKind.WITHDRAWAL, starts=rfc3339(now), expires=""
        )
        with self._session("pat") as pat:
            pat.record_consent(encounter, said)
        self.model.answers[encounter] = Answer(False, now, self.model.jumps)
        return ""

    def review(self) -> str:
        """Look at what is proposed, and say yes or no."""
        self.world.wait(lambda s: s.redaction.waiting == 0, timeout_s=300)
        done: list[str] = []
        with self._session("rita") as rita:
            for info in rita.list_captures(state=ReviewState.PROPOSED).captures:
                if len(done) == _REVIEWED_AT_ONCE:
                    break
                if info.encounter_id is None:
                    continue
                with self._may_be_cut((info.capture_id,)):
                    done.append(self._review_one(rita, info.capture_id))
        return ", ".join(done) or "nothing to review"

    def _review_one(self, rita: Client, capture: CaptureId) -> str:
        picture, _ = rita.get_preview(capture)
        detail = rita.get_capture(capture)
        if (plan := decided(detail.findings)) != detail.findings:
            rita.change_masks(capture, picture.revision, plan)
            picture, _ = rita.get_preview(capture)
            detail = rita.get_capture(capture)
        if detail.problems or self.rng.random() < 0.2:
            rita.reject(capture, picture.revision, "blurred")
            self.model.states[capture] = "rejected"
        else:
            rita.approve(capture, picture.revision)
            self.model.states[capture] = "approved"
        return self.model.states[capture]

    def export(self) -> str:
        """To a stick, and opened by whoever got it; or refused, as the model says it must be."""
        captures = self._some_approved()
        if not captures:
            return "nothing to export"
        with self._session("olga") as olga:
            if not self._agreed(olga, captures):
                return f"{len(captures)} captures: refused"
            result = olga.export(self._known(olga), TEACHING, captures, self._terms(), PLAIN)
        self.model.exports.add(result.export_id)
        bundle = self.world.kiosk.stick / result.folder
        made = self.world.kiosk.made
        checked = self.world.kiosk.ctl(
            "verify-export",
            str(bundle),
            "--signer",
            made["export_public_key"],
            "--ledger-key",
            made["ledger_vkey"],
            check=False,
        )
        if checked.returncode or result.images != len(captures):
            self.world.broken.append(f"export of {result.images}: {checked.stdout}{checked.stderr}")
        shutil.rmtree(bundle)
        return f"{len(captures)} captures"

    def stick_full(self) -> str:
        """A stick that is too small: said, and nothing counts as written."""
        captures = self._some_approved()
        stick = self.world.kiosk.stick
        if not captures:
            return "nothing to export"
        mounted = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={_STICK_BYTES}", "soak", stick],
            check=False,
            capture_output=True,
        )
        if mounted.returncode:
            return f"left out: no stick can be mounted here ({mounted.stderr.decode().strip()})"
        try:
            with self._session("olga") as olga:
                if not self._agreed(olga, captures):
                    return f"{len(captures)} captures: refused"
                try:
                    result = olga.export(self._known(olga), TEACHING, captures, self._terms(), PLAIN)
                except RemoteError as error:
                    if not error.remote_code.startswith("export."):
                        self.world.broken.append(f"stick full: {error.remote_code}: {error.message}")
                    return f"{len(captures)} captures: {error.remote_code}"
            self.model.exports.add(result.export_id)
            return "it was large enough"
        finally:
            subprocess.run(["umount", "-l", stick], check=True)

    def _some_approved(self) -> tuple[CaptureId, ...]:
        approved = sorted(capture for capture, state in self.model.states.items() if state == "approved")
        if self.rng.random() < 0.8:
            now = self.world.clock.now()
            approved = [each for each in approved if self.model.may_leave(each, now) is not False]
        return tuple(map(CaptureId, self.rng.sample(approved, min(len(approved), self.rng.randint(1, 5)))))

    def _agreed(self, olga: Client, captures: tuple[CaptureId, ...]) -> bool:
        """Ask for each of them, and compare with the model; say whether all may leave."""
        now = self.world.clock.now()
        check = olga.check_export(self._known(olga), TEACHING, captures, self._terms())
        for capture in captures:
            expected, found = self.model.may_leave(capture, now), capture in check.allowed
            if expected is not None and expected != found:
                why = [denial.reason for denial in check.denials if denial.capture_id == capture]
                self.world.broken.append(f"{capture} may leave: {found}, not {expected} {why}")
        why_not = {*check.problems, *(denial.reason for denial in check.denials)}
        for reason in sorted(why_not):
            self.world.say(f"    refused: {reason}")
        return not why_not

    def _terms(self) -> DataUse:
        return usual(TEACHING, self.world.clock.now().date())

    def _known(self, olga: Client) -> RecipientId:
        if self._recipient is None:
            identity = self.world.root / "identity.txt"
            subprocess.run(["age-keygen", "-o", identity], check=True, capture_output=True)
            key = subprocess.run(["age-keygen", "-y", identity], check=True, capture_output=True, text=True)
            later = rfc3339(self.world.clock.now() + timedelta(days=2000))
            self._recipient = enrolled(olga, key.stdout.strip(), expires=later).recipient_id
        return self._recipient

    def lock(self) -> str:
        """Somebody locks the kiosk while another one works: their next call is refused."""
        with self.world.kiosk.client() as working, self.world.kiosk.client() as leaving:
            working.login("rita", PASSPHRASE)
            working.list_captures(limit=1)
            leaving.lock()
            try:
                working.list_captures(limit=1)
            except RemoteError:
                return ""
            self.world.broken.append("a session outlived the lock")
        return ""

    def wrong(self) -> str:
        """A wrong passphrase, and then the right one."""
        with self.world.kiosk.client() as client:
            for _ in range(self.rng.randint(1, 2)):
                with contextlib.suppress(RemoteError):
                    client.login("rita", "wrong wrong wrong")
                    self.world.broken.append("a wrong passphrase opened the vault")
            client.login("rita", PASSPHRASE)
        return ""

    def two_at_once(self) -> str:
        """Two people at work while a card is read."""
        card = self.world.new_card(self.rng.randint(2, 5))
        self.model.saw(_files(card))
        with self.world.kiosk.session("pat") as pat, self.world.kiosk.session("rita") as rita:
            self.world.put_in(card)
            for _ in range(5):
                pat.list_imports(limit=20)
                rita.list_captures(limit=20)
            status = self.world.wait(lambda s: _at_rest(s, str(self.world.reader)))
            self.world.take_out(card)
        self._believe(status, str(self.world.reader), card)
        self._gone()
        return card.name

    def scrub(self) -> str:
        """All sealed files are read again."""
        before = self.world.kiosk.status().scrub.finished
        with self._session("admin") as admin:
            admin.scrub_now()
        status = self.world.wait(lambda s: not s.scrub.running and s.scrub.finished != before)
        if status.scrub.damaged:
            self.world.broken.append(f"scrub: {status.scrub.damaged} damaged")
        return f"{status.scrub.done} files"


def _files(card: Path) -> list[Path]:
    return sorted(path for path in card.rglob("*") if path.is_file())


def _at_rest(status: Status, key: str) -> bool:
    mine = tuple(device for device in status.devices if device.key == key)
    return bool(mine) and all(device.state in ("safe", "incomplete") for device in mine)


def _nobodys(pat: Client) -> tuple[CaptureId, ...]:
    page = pat.list_captures(limit=1000)
    offset = max(0, page.total - 1000)
    late = pat.list_captures(offset=offset, limit=1000) if offset else page
    return tuple(each.capture_id for each in late.captures if each.encounter_id is None)[-200:]
