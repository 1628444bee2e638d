"""The loop: choose an act, do it, measure; now and then compare the store with the model."""

from __future__ import annotations

import json
import random
import shutil
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from medkiosk.core.errors import KioskError
from medkiosk.ipc.types import Status
from tests.soak.acts import Acts
from tests.soak.measure import leaks
from tests.soak.model import Model, counted
from tests.soak.world import World

_REST_S = 120.0
_DRAWER = 12
_ENDS_A_LIFE = ("power cut in an import", "power cut at work", "restart")
_CALM = 0.5
"""From this share of the time on nothing ends the daemon's life: growth shows only in a long one."""


@dataclass
class Outcome:
    """What came of it; ``broken`` is empty where everything held."""

    seed: int
    acts: Counter[str] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)
    proofs: int = 0
    files: int = 0
    exports: int = 0
    longest_watchdog_s: float = 0.0
    seconds: float = 0.0

    def line(self) -> str:
        """One JSON line."""
        return json.dumps(self.__dict__)


def soak(
    root: Path,
    seed: int,
    seconds: float,
    *,
    say: Callable[[str], None] = print,
    proof_every_s: float = 900.0,
    without: tuple[str, ...] = (),
    acts: int = 0,
    plan: Sequence[str] = (),
) -> Outcome:
    """Use a kiosk until the time is over, or something does not hold.

    Args:
        root: a folder for all of it, made anew.
        seed: every choice follows from it; where processes are killed differs by milliseconds.
        seconds: how long; the end takes a little longer.
        say: takes a line for each act.
        proof_every_s: how often the store is compared with the model, away from the daemon.
        without: acts to leave out.
        acts: stop after so many, too; 0: only time counts.
        plan: these acts first, in this order.
    """
    shutil.rmtree(root, ignore_errors=True)
    world = World(root, random.Random(seed), say)
    model, outcome = Model(), Outcome(seed)
    table = Acts(world, model)
    began = proven = time.monotonic()
    try:
        world.begin()
        while time.monotonic() - began < seconds and not (acts and world.acts >= acts):
            world.acts += 1
            calm = not acts and time.monotonic() - began > _CALM * seconds
            left_out = (*without, *_ENDS_A_LIFE) if calm else without
            name = plan[world.acts - 1] if world.acts <= len(plan) else table.choose(left_out)
            said = table.do(name)
            outcome.acts[name] += 1
            _rest(world, model)
            world.throw_away(_DRAWER)
            say(f"{time.monotonic() - began:8.1f} s  act {world.acts:5d}  {name}: {said}")
            if world.broken:
                break
            if not calm and time.monotonic() - proven > proof_every_s:
                _prove(world, model, outcome)
                proven = time.monotonic()
        if not world.broken:
            _prove(world, model, outcome)
    except (KioskError, TimeoutError, RuntimeError, OSError) as error:
        world.broken.append(f"act {world.acts}: {type(error).__name__}: {error}")
    finally:
        world.end()
    outcome.broken = world.broken + leaks(world.samples)
    outcome.files, outcome.exports = len(model.acknowledged), len(model.exports)
    outcome.longest_watchdog_s = round(world.longest_watchdog, 2)
    outcome.seconds = round(time.monotonic() - began, 1)
    say(outcome.line())
    return outcome


def _rest(world: World, model: Model) -> None:
    """Until nobody is logged in and nothing waits; what hangs is found here."""
    try:
        world.kiosk.wait(_resting, timeout_s=_REST_S)
    except TimeoutError as error:
        world.broken.append(f"no rest after act {world.acts}: {str(error)[:2000]}")
        return
    world.check_watchdog()
    world.sample(len(model.acknowledged))


def _resting(status: Status) -> bool:
    return not (status.unlocked or status.redaction.waiting or status.scrub.running)


def _prove(world: World, model: Model, outcome: Outcome) -> None:
    """The catalogue, the keyless verification, and what two recovery sheets get out of a copy."""
    with world.kiosk.session("rita") as rita:
        said: dict[str, tuple[str, str]] = {}
        while page := rita.list_captures(offset=len(said), limit=1000).captures:
            said.update({each.capture_id: (each.state.value, each.encounter_id or "") for each in page})
    world.broken += model.wrong_with_states(said)
    model.adopt(said)
    with world.kiosk.session("olga") as olga:
        listed = olga.list_exports(limit=1000).exports
    written = {each.export_id for each in listed if each.state.value in ("written", "acknowledged")}
    if missing := model.exports - written:
        world.broken.append(f"exports are not listed as written: {sorted(missing)[:3]}")
    world.restart()
    copy = world.root / "proof"
    shutil.rmtree(copy, ignore_errors=True)
    copy.mkdir()
    world.kiosk.stop()
    shutil.copytree(world.kiosk.store, copy / "store")
    world.start()
    kiosk = world.kiosk
    verified = kiosk.ctl(
        "verify", str(copy / "store"), "--ledger-key", kiosk.made["ledger_vkey"], check=False
    )
    if verified.returncode:
        world.broken.append(f"verify: {verified.stdout[-2000:]}{verified.stderr[-2000:]}")
    (copy / "cards.txt").write_text("\n".join(kiosk.shares[:2]) + "\n")
    kiosk.ctl("restore", str(copy / "store"), "--cards", str(copy / "cards.txt"), "--out", str(copy / "out"))
    world.broken += model.wrong_with_store(counted((copy / "out").rglob("*")))
    shutil.rmtree(copy)
    outcome.proofs += 1
    world.say(f"proof {outcome.proofs}: {len(said)} captures, {len(model.acknowledged)} acknowledged files")
