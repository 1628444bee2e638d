"""Show what is plugged in, how far it is, and what is missing."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from medkiosk.cli.common import add_config, open_client, show
from medkiosk.core.health import Level
from medkiosk.ipc.types import DeviceStatus, Status

LEVELS = {Level.NOTE: "note", Level.WARNING: "WARNING", Level.ALARM: "ALARM"}
HELP = "what is plugged in, how far it is, what is missing"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's options."""
    add_config(parser)
    parser.add_argument(
        "--check", action="store_true", help="exit with 1 where somebody is needed, with 3 at an alarm"
    )
    parser.add_argument("--watch", action="store_true", help="go on until interrupted")


def device_line(device: DeviceStatus) -> str:
    """One device in one line."""
    counts = f"{device.sealed} sealed, {device.already} already there, {device.failed} failed"
    if device.copies:
        counts += f", {device.copies} copies"
    if device.damaged:
        counts += f", {device.damaged} damaged on the card"
    line = f"{device.model} {device.serial}: {device.state.value}, {device.files} files: {counts}"
    sentences = (line, device.doing, device.passport, device.detail, *device.notes)
    return ". ".join(sentence.rstrip(".") for sentence in sentences if sentence)


def lines(status: Status) -> Iterator[str]:
    """The status for a person."""
    yield status.headline
    for device in status.devices:
        yield "  " + device_line(device)
    queue = status.redaction
    counts = f"{queue.waiting} waiting, {queue.done} done, {queue.failed} failed, {queue.deferred} deferred"
    yield f"redaction: {counts}"
    yield f"store: {status.objects} objects, ledger of {status.ledger_size} entries"
    scrub = status.scrub
    if scrub.running:
        yield f"reading all sealed files again: {scrub.done} of {scrub.total}" + (
            ", waiting for a device" if scrub.waiting else ""
        )
    elif scrub.finished:
        yield f"all sealed files were read again by {scrub.finished}: {scrub.damaged} damaged"
    yield "vault: open, somebody is logged in" if status.unlocked else "vault: locked"
    yield from status.keys
    yield from status.problems
    for one in status.refused:
        yield f"USB, not used: {one.vendor}:{one.product} {one.name or '(no name)'}. {one.words}"
    for finding in status.health.findings:
        yield f"{LEVELS[Level(finding.level)]} {finding.code}: {finding.words} {finding.todo}"


def code(status: Status) -> int:
    """The exit code: 3 where something is an alarm, 1 where something else wants somebody, else 0."""
    levels = [Level(finding.level) for finding in status.health.findings]
    if status.alarm or Level.ALARM in levels:
        return 3
    return 1 if status.problems or status.redaction.missing or Level.WARNING in levels else 0


def run(args: argparse.Namespace) -> int:
    """Run the command."""
    with open_client(args) as client:
        if not args.watch:
            status = client.get_status()
            show(args, status, list(lines(status)))
            return code(status) if args.check else 0
        for status in client.watch_status():
            show(args, status, [*lines(status), ""])
    return 0
