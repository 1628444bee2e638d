"""What an auditor asks is looked up here: in the ledger first, and only what may answer is opened."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import msgspec

from medkiosk import sshsig
from medkiosk.audit import categories, check, words
from medkiosk.audit.categories import Category
from medkiosk.audit.query import Entry, Query, matches, may_match, settled
from medkiosk.audit.report import About, End, Form, Row
from medkiosk.catalog.fold import Catalog
from medkiosk.core.auditevents import AuditRead, AuditReported
from medkiosk.core.clock import parse_rfc3339
from medkiosk.core.consent import Subject, subject_key
from medkiosk.core.errors import BadRequestError, KioskError
from medkiosk.core.events import AccountCreated, AnyEvent, LoginFailed, decode
from medkiosk.core.ids import KIOSK, AccountId, CaptureId, is_id
from medkiosk.daemon import views
from medkiosk.daemon.kiosk import Kiosk
from medkiosk.ipc import audittypes as at
from medkiosk.journal import Fact
from medkiosk.ledger import merkle
from medkiosk.ledger.tiles import WIDTH
from medkiosk.vault.errors import LockedError
from medkiosk.vault.slots import normalise_name

MOST_LINES = 1000
"""Most events in one page."""
_LONGEST = 200
_PERSON, _TEXT = b"audit/person", b"audit/text"
"""What a keyed hash is for."""
DESTROYED = "what it said was destroyed"
UNREADABLE = "what it said does not open"


class _Ref(msgspec.Struct, frozen=True, gc=False):
    id: str


class _Leaf(Entry, frozen=True, gc=False):
    """Those members of a ledger entry that are needed here; taking it apart whole costs ten times as much."""

    record: _Ref | None = None


_leaf = msgspec.json.Decoder(_Leaf).decode


class Seen(msgspec.Struct, frozen=True, gc=False):
    """One entry that was looked at: the row, if it answers; else why that cannot be said, if so."""

    index: int
    row: Row | None = None
    destroyed: bool = False
    unreadable: bool = False


@dataclass(frozen=True)
class Asked:
    """A query that was understood.

    Attributes:
        query: what is looked for.
        places: ledger indices where it can be, ascending; None: anywhere.
        person: keyed hash of the patient; empty where none was asked for.
        capture_id: the picture; None where none was asked for.
        size: entries of the ledger that it is about.
        checkpoint: signed note of that size.
    """

    query: Query
    places: tuple[int, ...] | None
    person: str
    capture_id: CaptureId | None
    size: int
    checkpoint: bytes = field(repr=False)

    def of(self, size: int) -> Asked:
        """The same of an earlier ledger: where a list goes on."""
        return Asked(self.query, self.places, self.person, self.capture_id, size, b"")


def ask(kiosk: Kiosk, asked: at.AuditQuery) -> Asked:
    """Understand a query; nothing is looked for yet.

    Raises:
        BadRequestError: something in it cannot be asked so.
    """
    query = _plain(asked)
    person, capture_id, names = "", None, None
    with kiosk.journal.lock:
        size, signed = kiosk.journal.log.size, kiosk.journal.log.checkpoint
        paired = kiosk.journal.vault.last_record == size
    with kiosk.reading() as catalog:
        if asked.mrn:
            subject = Subject(mrn=asked.mrn, issuer=asked.issuer, name="", birth_date="")
            key = subject_key(subject)
            person = kiosk.journal.vault.tag(_PERSON, *(part.encode() for part in key)).hex()
            names = _of_person(catalog, key)
        if asked.capture_id:
            capture_id = CaptureId(asked.capture_id)
            mine = _of_captures(catalog, [capture_id])
            names = mine if names is None else names & mine
        account = catalog.account_of(query.user) if query.user else None
        if account is not None:
            query = replace(query, account=account.account_id)
        query = replace(query, names=names)
        # Every record has an entry of the same number; where that were not so, all of them are looked at.
        places = None if names is None or not paired else tuple(seq - 1 for seq in catalog.trail.of(names))
    return Asked(query, places, person, capture_id, size, signed)


def _plain(asked: at.AuditQuery) -> Query:
    if bool(asked.mrn.strip()) != bool(asked.issuer.strip()):
        raise BadRequestError(detail="a patient is asked for by number and issuer, both")
    if asked.capture_id and not is_id(asked.capture_id):
        raise BadRequestError(detail="a picture's id has 32 hexadecimal digits")
    if any(len(each) > _LONGEST for each in (asked.mrn, asked.issuer, asked.user, asked.text)):
        raise BadRequestError(detail=f"something in it is longer than {_LONGEST} characters")
    try:
        wanted = frozenset(map(Category, asked.categories))
        for each in filter(None, (asked.since, asked.until)):
            parse_rfc3339(each)
    except ValueError as error:
        raise BadRequestError(detail=f"{error}") from error
    user = normalise_name(asked.user).decode() if asked.user.strip() else ""
    return Query(categories=wanted, since=asked.since, until=asked.until, text=asked.text, user=user)


def _of_person(catalog: Catalog, key: tuple[str, str]) -> frozenset[str]:
    """Every id that stands for a patient's encounters, pictures, and what left of them."""
    mine = [each for each in catalog.held.encounters.values() if subject_key(each.subject) == key]
    captures = [capture for each in mine for capture in each.captures]
    encounters = {each.created.encounter_id for each in mine}
    return frozenset({*encounters, *_of_captures(catalog, captures)})


def _of_captures(catalog: Catalog, captures: list[CaptureId]) -> frozenset[str]:
    found: set[str] = set(captures)
    for capture_id in captures:
        found.update(each.prepared.export_id for each in catalog.outside.of(capture_id))
        view = catalog.capture(capture_id)
        found.update(file.object_id for file in (view.originals if view else ()))
    return frozenset(found)


def log_read(kiosk: Kiosk, who: AccountCreated, asked: Asked) -> None:
    """Record that somebody asks this."""
    query = asked.query
    text = kiosk.journal.vault.tag(_TEXT, query.text.casefold().encode()).hex() if query.text else ""
    event = AuditRead(
        at=kiosk.journal.now(),
        actor=who.account_id,
        size=asked.size,
        person=asked.person,
        account_id=query.account,
        capture_id=asked.capture_id,
        categories=tuple(sorted(query.categories)),
        since=query.since,
        until=query.until,
        text=text,
    )
    kiosk.journal.commit([Fact(event)])


def log_opened(kiosk: Kiosk, who: AccountCreated, index: int) -> None:
    """Record that somebody opens one entry."""
    size = kiosk.journal.log.size
    event = AuditRead(at=kiosk.journal.now(), actor=who.account_id, size=size, entry=index)
    kiosk.journal.commit([Fact(event)])


def look(kiosk: Kiosk, asked: Asked, start: int) -> Iterator[Seen]:
    """Look at the entries from ``start`` on where an answer can be, and yield each.

    Raises:
        KioskError: the ledger cannot be read, or the kiosk was locked meanwhile.
    """
    places = range(start, asked.size) if asked.places is None else asked.places
    bundle, leaves = -1, list[bytes]()
    for index in places:
        if not start <= index < asked.size:
            continue
        number, offset = divmod(index, WIDTH)
        if number != bundle:
            bundle = number
            leaves = list(itertools.islice(kiosk.journal.log.entries(number * WIDTH), WIDTH))
        yield _look(kiosk, asked.query, index, leaves[offset])


def _look(kiosk: Kiosk, query: Query, index: int, data: bytes) -> Seen:
    try:
        leaf = _leaf(data)
    except ValueError:  # of a later version of the program
        return Seen(index, unreadable=True)
    if not may_match(query, leaf):
        return Seen(index)
    try:
        event = _open(kiosk, leaf)
    except LockedError:
        raise
    except (KioskError, ValueError):
        sure = settled(query, leaf)
        row = _row(kiosk, index, data, leaf, None, UNREADABLE) if sure else None
        return Seen(index, row, unreadable=not sure)
    if event is None:
        sure = settled(query, leaf)
        row = _row(kiosk, index, data, leaf, None, DESTROYED) if sure else None
        return Seen(index, row, destroyed=not sure)
    said = in_words(kiosk, event)
    return Seen(index, _row(kiosk, index, data, leaf, event, said) if matches(query, event, said) else None)


def _open(kiosk: Kiosk, leaf: _Leaf) -> AnyEvent | None:
    """The event of an entry; None once it was destroyed."""
    row = kiosk.journal.vault.record(leaf.record.id) if leaf.record is not None else None
    if row is None or row.epoch is None:
        return None
    event = decode(kiosk.keyring.opened.identity.open_record(row))
    if isinstance(event, LoginFailed):
        return msgspec.structs.replace(event, user=normalise_name(event.user).decode())
    return event


def in_words(kiosk: Kiosk, event: AnyEvent) -> str:
    """An event as an auditor reads it, with the reason where they are to judge it.

    What was typed for a user name that nobody has is not said: it may be somebody's passphrase.
    """
    if isinstance(event, LoginFailed):
        with kiosk.reading() as catalog:
            known = catalog.account_of(event.user) is not None
        return f"as {event.user}" if known else "as nobody who has an account"
    said = views.summary(event)
    reason = words.reason_of(event)
    return f"{said}; reason: {reason}" if reason else said


def _row(kiosk: Kiosk, index: int, data: bytes, leaf: _Leaf, event: AnyEvent | None, said: str) -> Row:
    at_, actor = (leaf.at, leaf.actor) if event is None else (event.at, event.actor)
    found = categories.categories(event) if event is not None else frozenset({categories.OF.get(leaf.type)})
    return Row(
        index=index,
        at=at_,
        account=actor,
        user=_user(kiosk, AccountId(actor)),
        type=leaf.type,
        category=" ".join(sorted(filter(None, found))),
        words=said,
        leaf=merkle.leaf_hash(data).hex(),
    )


def _user(kiosk: Kiosk, account_id: AccountId) -> str:
    if account_id == KIOSK:
        return ""
    with kiosk.reading() as catalog:
        account = catalog.account(account_id)
        return account.user if account else ""


def line(row: Row) -> at.AuditLine:
    """A row as it crosses the socket."""
    return at.AuditLine(**msgspec.structs.asdict(row))


def one(kiosk: Kiosk, index: int) -> at.AuditEvent:
    """One event with all that an auditor is shown of it.

    Raises:
        BadRequestError: there is no such entry.
    """
    if not 0 <= index < kiosk.journal.log.size:
        raise BadRequestError(detail=f"the ledger has no entry {index}")
    data = kiosk.journal.log.entry(index)
    leaf = _leaf(data)
    try:
        event = _open(kiosk, leaf)
        said = DESTROYED if event is None else in_words(kiosk, event)
    except LockedError:
        raise
    except (KioskError, ValueError):
        event, said = None, UNREADABLE
    members = words.members(event) if event is not None else iter(())
    return at.AuditEvent(
        line=line(_row(kiosk, index, data, leaf, event, said)),
        members=tuple(at.AuditMember(name=name, value=value) for name, value in members),
        proof=kiosk.journal.log.proof(index, with_entry=True).decode(),
    )


class Making:
    """A report that is being made: its bytes in pieces, and what they add up to.

    Args:
        kiosk: whose audit it is.
        who: who asked.
        asked: what.
        form: how it is written.
        name: of the form.
    """

    def __init__(self, kiosk: Kiosk, who: AccountCreated, asked: Asked, form: Form, name: str) -> None:
        self._kiosk = kiosk
        self._who = who
        self.asked = asked
        self._form = form
        self._name = name
        self._seen = look(kiosk, asked, 0)
        self._signed, self._plain = hashlib.sha512(), hashlib.sha256()
        self._begun = self._broken = self.over = False
        self.rows = self.done = self._destroyed = self._unreadable = 0
        self.signature = ""

    @property
    def sha256(self) -> str:
        """Over all pieces so far, hexadecimal."""
        return self._plain.hexdigest()

    def pieces(self) -> Iterator[bytes]:
        """Yield the report; between two pieces one may stop. With the last one it is signed.

        Raises:
            KioskError: the ledger cannot be read, or the kiosk was locked; nothing of it is ever signed.
        """
        if self._broken:
            raise BadRequestError(detail="this report could not be finished; begin it anew")
        self._broken = True  # unless the next piece comes: a part of a report must not be signed as all of it
        for piece in self._pieces():
            self._broken = False
            yield piece
            self._broken = True
        self._broken = False

    def _pieces(self) -> Iterator[bytes]:
        if not self._begun:
            self._begun = True
            yield self._took(self._form.begin(self._about()))
        for seen in self._seen:
            self.done = seen.index + 1
            self._destroyed += seen.destroyed
            self._unreadable += seen.unreadable
            if seen.row is None:
                yield b""
                continue
            self.rows += 1
            yield self._took(self._form.row(self.rows, seen.row))
        if not self.over:
            self.done = self.asked.size
            last = self._took(self._form.end(End(self.rows, self._destroyed, self._unreadable)))
            self._sign()
            self.over = True
            yield last

    def _about(self) -> About:
        asked = self.asked
        return About(
            site=self._kiosk.config.site.name,
            made=self._kiosk.journal.now(),
            by=self._who.user,
            asked=check.facts_of(asked.query, asked.person, asked.capture_id or ""),
            size=asked.size,
            checkpoint=asked.checkpoint.decode(),
            settled=check.decided_by_entries(asked.query),
        )

    def _took(self, data: bytes) -> bytes:
        self._signed.update(data)
        self._plain.update(data)
        return data

    def _sign(self) -> None:
        event = AuditReported(
            at=self._kiosk.journal.now(),
            actor=self._who.account_id,
            form=self._name,
            rows=self.rows,
            size=self.asked.size,
            sha256=self.sha256,
        )
        self._kiosk.journal.commit([Fact(event)])
        key = self._kiosk.keys.export_key
        self.signature = sshsig.sign_digest(self._signed.digest(), key, sshsig.AUDIT_NAMESPACE).decode()
