"""The pure parts: every event has a category, the query, the report's two forms, what a check finds."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import re
import subprocess
import zlib
from enum import Enum
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medkiosk.audit import categories, check, report, words
from medkiosk.audit.categories import Category
from medkiosk.audit.check import Logged
from medkiosk.audit.pdf import Pdf
from medkiosk.audit.query import Entry, Query, matches, may_match, settled
from medkiosk.audit.report import About, Csv, End, Row
from medkiosk.catalog.fold import Catalog
from medkiosk.catalog.saved import Reach, load, save
from medkiosk.catalog.trail import Trail
from medkiosk.core import named
from medkiosk.core.events import Viewed, What, decode
from medkiosk.core.ids import KIOSK, AccountId, CaptureId
from medkiosk.daemon import views
from medkiosk.ledger import entry
from medkiosk.review.machine import step
from medkiosk.vault.epochs import MAX_ENVELOPES
from tests.core.make_events import FILE as GOLDEN

EVENTS = {tag: said["golden"].encode() for tag, said in json.loads(GOLDEN.read_text()).items()}
AT = "2026-01-31T23:59:59.000Z"
ANNA, BEN = AccountId("a" * 32), AccountId("b" * 32)
ABOUT = About(
    "Kiosk (East)", AT, "audi", (("asked", "everything"),), 3, "origin\n3\nroot\n\n\u2014 sig\n", settled=True
)


def row(index: int, **other: str) -> Row:
    plain = {
        "at": AT,
        "account": ANNA,
        "user": "anna",
        "type": "logout",
        "category": "login",
        "words": "idle",
    }
    return Row(index=index, leaf=f"{index:064x}", **{**plain, **other})


def made(form: report.Form, *rows: Row) -> bytes:
    parts = [form.begin(ABOUT), *(form.row(number, each) for number, each in enumerate(rows, 1))]
    return b"".join(parts) + form.end(End(len(rows)))


# Categories


def test_every_type_of_event_is_in_a_category() -> None:
    assert set(map(categories.name_of, categories.all_types())) == set(categories.OF)
    assert set(categories.WORDS) == set(Category)


def test_the_page_names_every_type_in_its_category() -> None:
    page = (Path(__file__).parents[2] / "docs" / "audit.md").read_text()
    for category in Category:
        types = ", ".join(f"`{name}`" for name, each in categories.OF.items() if each is category)
        assert f"| `{category}` | {categories.WORDS[category]} | {types} |" in page


@pytest.mark.parametrize("tag", sorted(EVENTS))
def test_what_is_settled_by_its_type_is_true_of_the_event(tag: str) -> None:
    event = decode(EVENTS[tag])
    for category in Category:
        wanted = frozenset({category})
        if category in categories.categories(event):
            assert tag in categories.types(wanted)
        elif tag in categories.types(wanted):
            assert not categories.settled(tag, wanted)


def test_a_look_under_glass_is_one_and_a_look_at_the_audit_is_no_look_at_a_picture() -> None:
    glass = msgspec.structs.replace(decode(EVENTS["viewed"]), what=What.ORIGINAL)
    assert categories.categories(glass) >= {Category.LOOK, Category.GLASS}
    audit = Viewed(at=AT, actor=ANNA, what=What.AUDIT)
    assert categories.categories(audit) == {Category.AUDIT}


# What an event names


@pytest.mark.parametrize("tag", sorted(EVENTS))
def test_every_capture_and_encounter_in_an_event_is_named(tag: str) -> None:
    """In the golden events every id is the same, and whatever is called so is one."""
    event = decode(EVENTS[tag])
    plain = msgspec.to_builtins(event)
    asked = [
        plain.get(each) for each in ("capture_id", "encounter_id", "captures", "encounters", "export_id")
    ]
    assert bool(list(named.names(event))) or not any(asked)


def test_what_the_ledger_blurs_is_what_is_said_to_be_blurred() -> None:
    for name in EVENTS:
        leaf = entry.Leaf(type=name, at=AT, actor=ANNA)
        assert (entry.blurred(leaf) != leaf) == (name in named.BLURRED)


def test_a_deleted_file_is_found_by_its_object_and_a_picture_by_itself() -> None:
    assert list(named.names(decode(EVENTS["file.deleted"]))) == ["0" * 32]
    sealed = msgspec.structs.replace(decode(EVENTS["original.sealed"]), capture_id=CaptureId("c" * 32))
    assert list(named.names(sealed)) == ["c" * 32]
    redacted = msgspec.structs.replace(decode(EVENTS["redacted"]), capture_id=CaptureId("c" * 32), actor=ANNA)
    assert list(named.names(redacted)) == ["c" * 32, ANNA]
    assert list(named.names(msgspec.structs.replace(redacted, actor=KIOSK))) == ["c" * 32]


def test_the_trail_finds_every_record_and_survives_being_saved() -> None:
    trail = Trail()
    for seq in range(1, 300):
        trail.take(Viewed(at=AT, actor=ANNA, what=What.PREVIEW, capture_id=CaptureId(f"{seq % 7:032x}")), seq)
    assert trail.of([f"{3:032x}"]) == list(range(3, 300, 7))
    assert trail.of([f"{3:032x}", f"{4:032x}", "f" * 32]) == sorted([*range(3, 300, 7), *range(4, 300, 7)])
    again = Trail()
    again.restore(trail.save())
    assert (again.of([f"{3:032x}"]), len(again)) == (trail.of([f"{3:032x}"]), 299)
    with pytest.raises(ValueError, match="columns"):
        again.restore(b"123")


def test_a_record_with_a_number_beyond_any_store_still_fits() -> None:
    assert MAX_ENVELOPES < 1 << 32  # the columns hold 32 bits; zlib.crc32 gives no more
    assert zlib.crc32(b"\xff" * 100) < 1 << 32


# The query

_QUERIES = st.builds(
    Query,
    names=st.sampled_from([None, frozenset({"0" * 32}), frozenset()]),
    account=st.sampled_from([None, ANNA, AccountId("0" * 32)]),
    user=st.sampled_from(["", "user"]),
    categories=st.frozensets(st.sampled_from(list(Category)), max_size=3),
    since=st.sampled_from(["", AT, "2027-01-01T00:00:00.000Z"]),
    until=st.sampled_from(["", AT, "2027-01-01T00:00:00.000Z"]),
    text=st.sampled_from(["", "idle"]),
)


@given(_QUERIES, st.sampled_from(sorted(EVENTS)), st.sampled_from([KIOSK, ANNA, BEN]))
def test_the_ledger_entry_never_says_otherwise_than_the_event(
    query: Query, tag: str, actor: AccountId
) -> None:
    event = msgspec.structs.replace(decode(EVENTS[tag]), at=AT, actor=actor)
    leaf = entry.blurred(entry.Leaf(type=tag, at=AT, actor=actor))
    seen = Entry(leaf.type, leaf.at, leaf.actor)
    if matches(query, event, "idle"):
        assert may_match(query, seen)
    elif may_match(query, seen):
        assert not settled(query, seen)


# What is shown


def test_nothing_that_a_person_typed_is_shown_but_reasons_for_looking() -> None:
    for tag, data in EVENTS.items():
        for name, value in words.members(decode(data)):
            secret = any(
                part in ("name", "mrn", "issuer", "birth_date", "label", "typed_name")
                for part in name.split(".")
            )
            assert not secret or value == words.HIDDEN, f"{tag}: {name}"
    assert dict(words.members(decode(EVENTS["viewed"])))["reason"] == "reason"
    assert dict(words.members(decode(EVENTS["review.rejected"])))["reason"] == words.HIDDEN


_FORMED = {
    ("audit.read", "since"), ("audit.read", "until"), ("audit.reported", "sha256"), ("clock.back", "newest"),
    ("glass.broken", "until"), ("kiosk.decommissioned", "second"), ("update.applied", "manifest_sha256"),
    ("patients.listed", "glasses"), ("viewed", "glass"),
}  # fmt: skip
"""Ids, hashes and moments, which the golden events have as words."""


def canary(value: object) -> object:
    """A member with another text in the place of each that is hidden from an auditor."""
    match value:
        case Enum():
            return value
        case str():
            [(_, shown)] = words._shown("", value or "x", is_open=False)
            return "canary" if shown == words.HIDDEN else value
        case tuple():
            return tuple(map(canary, value))
        case msgspec.Struct():
            inner = {name: canary(getattr(value, name)) for name in value.__struct_fields__}
            return msgspec.structs.replace(value, **inner)
    return value


def test_no_line_has_what_the_detail_hides() -> None:
    swapped = 0
    for tag, data in EVENTS.items():
        event = decode(data)
        for name in event.__struct_fields__:
            is_open = (tag, name) in words._KIOSKS_OWN | _FORMED or words._REASONS.get(tag) == name
            if name in ("at", "actor") or is_open or canary(getattr(event, name)) == getattr(event, name):
                continue
            swapped += 1
            said = views.summary(msgspec.structs.replace(event, **{name: canary(getattr(event, name))}))
            assert "canary" not in said, f"{tag}: {name}"
    assert swapped > 50


def test_a_day_of_birth_is_not_taken_for_a_moment() -> None:
    event = decode(
        EVENTS["encounter.created"].replace(b'"birth_date":"birth_date"', b'"birth_date":"1984-08-12"')
    )
    assert "1984" not in " ".join(value for _, value in words.members(event))


# CSV

_CELLS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)


@given(_CELLS, _CELLS)
def test_what_is_written_is_read_again_and_no_cell_is_a_formula(first: str, second: str) -> None:
    data = made(Csv(), row(0, words=first, user=second), row(2, words=second))
    facts, rows, end = report.parse(data)
    assert [each.words for _, each in rows] == [first, second]
    assert (rows[0][1].user, end.rows, facts["kiosk"]) == (second, 2, "Kiosk (East)")
    for cells in csv.reader(io.StringIO(data.decode(), newline="")):
        assert len(cells) == len(report.COLUMNS)
        assert not any(cell.lstrip().startswith(("=", "+", "-", "@")) for cell in cells)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"event,1,", b"event,01,"),
        (b"\r\n", b"\n"),
        (b"event,2,", b'"event",2,'),
        (b"end,2,", b"event,3,"),
        (b"part,", b"Part,"),
        (b"medkiosk-audit/1", b"medkiosk-audit/2"),
    ],
)
def test_another_spelling_is_refused(old: bytes, new: bytes) -> None:
    data = made(Csv(), row(0), row(2))
    assert old in data
    with pytest.raises(report.ReportError):
        report.parse(data.replace(old, new))


# PDF


def test_a_real_reader_reads_the_pages(tmp_path: Path) -> None:
    odd = "B\u00e9n\u00e9dicte (East) \\ \u0141ukasz"
    rows = [row(index, words=f"{odd}: {'x' * 300} end of {index}") for index in range(60)]
    path = tmp_path / "report.pdf"
    path.write_bytes(made(Pdf(), *rows))
    try:
        done = subprocess.run(["pdftotext", "-layout", path, "-"], capture_output=True, check=True)
    except FileNotFoundError:
        pytest.skip("pdftotext (poppler-utils) is not installed")
    assert done.stderr == b""
    text = done.stdout.decode()
    assert text.count("\f") > 3
    assert "page 2" in text
    assert "B\u00e9n\u00e9dicte (East) \\ \\u{141}ukasz" in text
    assert all(f"end of {index}" in text for index in range(60))
    assert all(each.leaf in text for each in rows)
    assert "End of the report: 60 events." in text
    first = text.split("\f")[0]
    for line in filter(None, ABOUT.checkpoint.split("\n")):
        assert re.search(rf"^ *(checkpoint +)?{re.escape(line)}$", first, re.MULTILINE), "the signed note"


def test_the_places_in_the_table_are_right() -> None:
    data = made(Pdf(), *(row(index) for index in range(200)))
    start = int(data.rsplit(b"startxref\n", 1)[1].split(b"\n")[0])
    assert data[start:].startswith(b"xref\n")
    places = data[start:].split(b"trailer")[0].split(b"\n")[3:-1]
    for number, line in enumerate(places, 1):
        assert data[int(line[:10]) :].startswith(b"%d 0 obj\n" % number)


# What a check finds


def logged(*rows: Row) -> list[Logged]:
    return [Logged(Entry(each.type, each.at, each.account), each.leaf) for each in rows]


LEDGER = [row(0), row(1, type="viewed", category="look"), row(2), row(3, account=BEN)]
LOGINS = Query(categories=frozenset({Category.LOGIN}))
RIGHT = [(1, LEDGER[0]), (2, LEDGER[2]), (3, LEDGER[3])]


def found(rows: list[tuple[int, Row]], query: Query = LOGINS) -> list[tuple[str, int]]:
    problems = [*check.check_table(rows, End(3)), *check.check_ledger(rows, query, logged(*LEDGER))]
    return [(each.code, each.where) for each in problems]


def test_a_report_as_it_was_made_is_good() -> None:
    assert found(RIGHT) == []
    assert check.decided_by_entries(LOGINS)


@pytest.mark.parametrize("member", ["at", "account", "type", "leaf"])
def test_a_changed_cell_is_found(member: str) -> None:
    other = {"at": "2027-01-01T00:00:00.000Z", "account": BEN, "type": "login.accepted", "leaf": "f" * 64}[
        member
    ]
    changed = msgspec.structs.replace(LEDGER[2], **{member: other})
    assert ("audit.changed", 2) in found([RIGHT[0], (2, changed), RIGHT[2]])


def test_a_row_that_was_left_out_is_found_also_where_the_others_were_numbered_anew() -> None:
    assert found([RIGHT[0], RIGHT[2]]) == [("audit.row_missing", 2), ("audit.left_out", 2)]
    assert found([RIGHT[0], (2, LEDGER[3])]) == [("audit.row_missing", 3), ("audit.left_out", 2)]


def test_rows_in_another_order_are_found() -> None:
    assert ("audit.reordered", 2) in found([(1, LEDGER[2]), (2, LEDGER[0]), (3, LEDGER[3])])


def test_a_row_that_was_put_in_is_found() -> None:
    assert ("audit.does_not_belong", 2) in found([RIGHT[0], (2, LEDGER[1]), (3, LEDGER[2]), (4, LEDGER[3])])
    assert ("audit.no_entry", 4) in found([*RIGHT, (4, row(9))])


@given(_QUERIES)
def test_a_query_is_read_back_from_the_report(query: Query) -> None:
    person = "p" * 64 if query.names is not None else ""
    back = check.query_of(dict(check.facts_of(query, person, "")))
    assert back == dataclasses.replace(query, names=None if query.names is None else frozenset())


def test_what_needs_keys_is_not_called_complete() -> None:
    assert not check.decided_by_entries(Query(names=frozenset({"x"})))
    assert not check.decided_by_entries(Query(categories=frozenset({Category.LOOK})))
    assert not check.decided_by_entries(Query(categories=frozenset({Category.REDACTION})))
    assert not check.decided_by_entries(Query(text="x"))
    assert not check.decided_by_entries(Query())  # redactions are among everything


def test_a_saved_catalogue_has_the_trail() -> None:
    catalog, again = Catalog(step), Catalog(step)
    for seq, data in enumerate(EVENTS.values(), 1):
        catalog.apply(decode(data), seq)
    pieces = list(save(catalog, Reach("code")))
    load(again, pieces, "code")
    assert again.trail.of(["0" * 32]) == catalog.trail.of(["0" * 32]) != []
