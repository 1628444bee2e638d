"""Other settings for this kiosk: one proposes, another decides (docs/settings.md)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from medkiosk.catalog.fold import Catalog
from medkiosk.catalog.settings import Proposal, SettingsBook
from medkiosk.core import correction
from medkiosk.core.config import Config
from medkiosk.core.correctionevents import Outcome
from medkiosk.core.errors import BadRequestError, NotAllowedError, NotFoundError
from medkiosk.core.events import AccountCreated
from medkiosk.core.ids import ProposalId, new_id
from medkiosk.core.settingsevents import SettingsDecided, SettingsProposed
from medkiosk.daemon import reasons, stickreading
from medkiosk.daemon.kiosk import Kiosk
from medkiosk.device.stickfiles import SETTINGS_NAME
from medkiosk.ipc import types as t
from medkiosk.journal import Fact
from medkiosk.settings import change
from medkiosk.settings.errors import SettingsError
from medkiosk.settings.history import digest
from medkiosk.settings.table import BY_KEY, SETTINGS, Setting
from medkiosk.settings.text import MOST_BYTES, parse, render

_PAST = 20
_NOTE = 200
_MODULES = "training.modules."


def view(kiosk: Kiosk) -> t.KioskSettings:
    """Everything that somebody who may see settings sees."""
    with kiosk.reading() as catalog:
        book = catalog.settings
        own, decided = _decided(kiosk, book)
        past = [each for each in reversed(book.all.values()) if each.decided is not None][:_PAST]
        return t.KioskSettings(
            settings=tuple(_setting(kiosk, catalog, each, own, decided) for each in SETTINGS),
            status=kiosk.board.status.settings,
            unused=kiosk.settings.chosen.unused,
            waiting=_proposal(kiosk, catalog, book.waiting) if book.waiting else None,
            past=tuple(_proposal(kiosk, catalog, each) for each in past),
        )


def read_stick(kiosk: Kiosk, stick: str) -> t.SettingsDraft:
    """What the file of settings on a stick would change.

    Raises:
        BadRequestError: there is none that can be read.
        SettingsError: it is refused, with its line.
        KioskError: the stick cannot be read.
    """
    with kiosk.sticks.reading(stick) as lent:
        found = stickreading.look(lent.path).untrusted_settings
    if not found:
        raise BadRequestError(
            detail=f"the top folder of the stick has no file {SETTINGS_NAME}, or it has"
            f" more than {MOST_BYTES >> 10} KiB"
        )
    values = parse(found[0])
    return draft(kiosk, render(values), ())


def draft(kiosk: Kiosk, text: str, back: Sequence[str]) -> t.SettingsDraft:
    """What a text would change.

    Raises:
        SettingsError: it is refused.
        BadRequestError: it would change nothing.
    """
    with kiosk.reading() as catalog:
        _, found = _drafted(kiosk, catalog.settings, text, back)
    return t.SettingsDraft(text=text, back=tuple(back), changes=_changes(found))


def propose(kiosk: Kiosk, who: AccountCreated, text: str, back: Sequence[str], reason: str) -> None:
    """Ask for other settings.

    Raises:
        SettingsError, BadRequestError: as `draft`; or no reason.
        NotAllowedError: another proposal waits.
    """
    reason = reasons.given(reason)
    with kiosk.journal.lock:
        with kiosk.reading() as catalog:
            book = catalog.settings
            if book.waiting is not None:
                raise NotAllowedError(reason="other settings wait for a second person; that comes first")
            whole, found = _drafted(kiosk, book, text, back)
            base = book.version
        event = SettingsProposed(
            at=kiosk.journal.now(),
            actor=who.account_id,
            proposal_id=ProposalId(new_id(kiosk.random)),
            base=base,
            text=whole,
            sha256=digest(whole),
            changed=tuple(each.setting.key for each in found),
            reason=reason,
            weaker=tuple(each.setting.key for each in found if each.weaker),
        )
        kiosk.journal.commit([Fact(event)])


def decide(kiosk: Kiosk, who: AccountCreated, proposal_id: ProposalId, outcome: Outcome, reason: str) -> None:
    """Say yes or no to a proposal, or take it back; a yes is on the disk when this returns, or Home says why.

    Raises:
        NotFoundError: there is none.
        BadRequestError: it was decided already, or a no without a reason.
        NotAllowedError: the same person, or the program does not take it any more.
    """
    reason = reasons.given(reason) if outcome is Outcome.REFUSED else reasons.if_any(reason)
    with kiosk.journal.lock:
        with kiosk.reading() as catalog:
            book = catalog.settings
            proposal = book.all.get(proposal_id)
            if proposal is None:
                raise NotFoundError(what="proposal of settings", id=proposal_id)
            proposed, version = proposal.proposed, book.version + 1
            obstacle = _obstacle(kiosk, book, proposed) if outcome is Outcome.APPROVED else ""
        if proposal.decided is not None:
            raise BadRequestError(detail="these settings were decided already")
        if words := by_whom(outcome, proposer=proposed.actor == who.account_id):
            raise NotAllowedError(reason=words)
        if obstacle:
            raise NotAllowedError(reason=obstacle)
        approved = outcome is Outcome.APPROVED
        event = SettingsDecided(
            at=kiosk.journal.now(),
            actor=who.account_id,
            proposal_id=proposal_id,
            outcome=outcome,
            sha256=proposed.sha256,
            changed=proposed.changed,
            version=version if approved else 0,
            reason=reason,
        )
        kiosk.journal.commit([Fact(event, note=_note(event) if approved else "")])
        # The entry is what counts; a file that is not there after a power cut is written at the next unlock.
        if approved:
            with kiosk.reading() as catalog:
                kiosk.settings.settle(catalog.settings)


def by_whom(outcome: Outcome, *, proposer: bool) -> str:
    """Say why this person may not decide so about settings; empty where they may. Pure.

    Args:
        outcome: what they want.
        proposer: whether they proposed them.
    """
    return correction.by_whom(
        outcome,
        proposer=proposer,
        own="you proposed these settings; a second person decides about them",
        others="only whoever proposed settings takes them back; a privacy officer refuses them",
    )


def _note(event: SettingsDecided) -> str:
    """What the entry says to whoever has no key: no value, and as many keys as there is room for."""
    note = f"version={event.version} sha256={event.sha256} keys="
    for number, key in enumerate(event.changed):
        more = f"{',' if number else ''}{key}"
        if len(note) + len(more) > _NOTE - len(",+99"):
            return f"{note},and-{len(event.changed) - number}"[:_NOTE]
        note += more
    return note


def _decided(kiosk: Kiosk, book: SettingsBook) -> tuple[dict[str, Any], Config]:
    """The settings that were decided last, and the configuration with them.

    Where this program does not take them any more, those that are in force.
    """
    try:
        own = parse(book.text.encode())
        return own, change.apply(kiosk.settings.chosen.image, own)
    except SettingsError:
        return dict(kiosk.settings.chosen.values), kiosk.config


def _drafted(
    kiosk: Kiosk, book: SettingsBook, text: str, back: Sequence[str]
) -> tuple[str, tuple[change.Change, ...]]:
    """All settings of this kiosk as they would be, and what that changes."""
    own, before = _decided(kiosk, book)
    given = parse(text.encode())
    merged = {key: value for key, value in {**own, **given}.items() if key not in back}
    after = change.apply(kiosk.settings.chosen.image, merged)
    found = change.changes(before, after)
    if not found:
        raise BadRequestError(detail="that is how it is set already")
    if any(each.setting.key.startswith(_MODULES) for each in found):
        change.check_modules(after, _checks(kiosk))
    whole = render(merged)
    if len(whole.encode()) > MOST_BYTES:
        raise SettingsError(detail=f"together they are longer than {MOST_BYTES >> 10} KiB")
    return whole, found


def _obstacle(kiosk: Kiosk, book: SettingsBook, proposed: SettingsProposed) -> str:
    """Why a proposal cannot be approved any more."""
    if proposed.base != book.version:
        return "the settings were changed since; look again and propose anew"
    try:
        change.apply(kiosk.settings.chosen.image, parse(proposed.text.encode()))
    except SettingsError as error:
        return f"this version of the program does not take them: {error.values['detail']}"
    return ""


def _checks(kiosk: Kiosk) -> list[str]:
    return [id_ for id_, page in kiosk.guide.library().pages.items() if page.ask]


def _setting(
    kiosk: Kiosk, catalog: Catalog, setting: Setting, own: dict[str, Any], decided: Config
) -> t.SettingInfo:
    image, now = kiosk.settings.chosen.image, kiosk.config
    value = change.value_of(decided, setting)
    shown = change.shown(setting, value)
    in_force = change.shown(setting, change.value_of(now, setting))
    last = catalog.settings.last_change(setting.key)
    choices = setting.choices or {}
    if setting.key.startswith(_MODULES):
        choices = dict.fromkeys(_checks(kiosk), "")
    return t.SettingInfo(
        key=setting.key,
        named=setting.named,
        title=setting.title,
        words=setting.words,
        kind=setting.kind,
        choices=tuple(choices),
        said=tuple(choices.values()),
        value=render({setting.key: value}),
        shown=shown,
        image=change.shown(setting, change.value_of(image, setting)),
        own=setting.key in own,
        now=in_force if in_force != shown else "",
        version=last.decided.version if last and last.decided else 0,
        at=last.decided.at if last and last.decided else "",
        by=catalog.name_of(last.proposed.actor) if last else "",
        decided_by=catalog.name_of(last.decided.actor) if last and last.decided else "",
    )


def _proposal(kiosk: Kiosk, catalog: Catalog, proposal: Proposal) -> t.SettingsProposal:
    proposed, decided = proposal.proposed, proposal.decided
    changes: tuple[t.SettingChange, ...] = ()
    obstacle = ""
    if decided is None:
        obstacle = _obstacle(kiosk, catalog.settings, proposed)
        if not obstacle:
            _, before = _decided(kiosk, catalog.settings)
            after = change.apply(kiosk.settings.chosen.image, parse(proposed.text.encode()))
            changes = _changes(change.changes(before, after))
    return t.SettingsProposal(
        proposal_id=proposed.proposal_id,
        at=proposed.at,
        by=catalog.name_of(proposed.actor),
        by_id=proposed.actor,
        reason=proposed.reason,
        changed=tuple(BY_KEY[key].title if key in BY_KEY else key for key in proposed.changed),
        sha256=proposed.sha256,
        outcome=decided.outcome if decided else None,
        changes=changes,
        version=decided.version if decided else 0,
        decided_at=decided.at if decided else "",
        decided_by=catalog.name_of(decided.actor) if decided else "",
        decision=decided.reason if decided else "",
        obstacle=obstacle,
    )


def _changes(found: Sequence[change.Change]) -> tuple[t.SettingChange, ...]:
    return tuple(
        t.SettingChange(
            key=each.setting.key,
            title=each.setting.title,
            words=each.setting.words,
            old=change.shown(each.setting, each.old),
            new=change.shown(each.setting, each.new),
            weaker=each.weaker,
        )
        for each in found
    )
