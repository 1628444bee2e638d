"""The recall list: what is on it, what never is, and the notice that comes of it."""

from __future__ import annotations

import subprocess
from datetime import date
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from medkiosk import sshsig
from medkiosk.core import canon
from medkiosk.core.consent import Recall
from medkiosk.core.exportevents import RecalledExport
from medkiosk.core.ids import CaptureId, ExportId, RecipientId
from medkiosk.export import recall
from medkiosk.export.recall import Left, Line, Sent, Told, Why, named, recall_list

KEPT = Why.SCOPE
IMAGES = ["1" * 32, "2" * 32, "3" * 32]
EXPORTS = [ExportId("a" * 32), ExportId("b" * 32)]
TO = RecipientId("r")
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
TIMES = ("2026-11-01", "2026-11-02", "2026-11-03", "2026-11-04")

left = st.builds(
    Left,
    st.just(CaptureId("c")),
    st.sampled_from(IMAGES),
    st.booleans(),
    st.sampled_from([None, *Recall]),
    st.sampled_from([None, *Why]),
)
pictures = st.lists(left, max_size=3, unique_by=lambda each: each.image).map(tuple)
sent = st.lists(
    st.builds(
        Sent, st.sampled_from(EXPORTS), st.just(RecipientId("r")), st.just("t"), st.just("m"), pictures
    ),
    max_size=2,
    unique_by=lambda each: each.export_id,
)
named_in = st.builds(
    RecalledExport, st.sampled_from(EXPORTS), st.lists(st.sampled_from(IMAGES), unique=True).map(tuple)
)
notices = st.lists(
    st.builds(
        Told,
        st.sampled_from(TIMES),
        st.lists(named_in, max_size=2).map(tuple),
        st.sampled_from(["", "2026-11-05"]),
    ),
    max_size=3,
)


def on(lines: list[Line], *, open_: bool | None = None) -> set[tuple[str, str, str]]:
    return {
        (line.sent.export_id, line.why, each.image)
        for line in lines
        for each in line.pictures
        if open_ is None or line.open is open_
    }


@given(sent, notices)
def test_it_is_exactly_what_is_recalled_each_picture_once(exports: list[Sent], told: list[Told]) -> None:
    lines = recall_list(exports, told)
    wanted = [
        (one.export_id, str(each.why), each.image) for one in exports for each in one.pictures if each.why
    ]
    assert on(lines) == set(wanted)
    assert sum(len(line.pictures) for line in lines) == len(wanted)


@given(sent, notices)
def test_it_stays_open_until_a_notice_that_named_it_was_confirmed(
    exports: list[Sent], told: list[Told]
) -> None:
    for line in recall_list(exports, told):
        for each in line.pictures:
            naming = [
                notice
                for notice in told
                if any(
                    one.export_id == line.sent.export_id and each.image in one.images
                    for one in notice.exports
                )
            ]
            assert line.open is not any(notice.confirmed for notice in naming)
            assert line.told == max((notice.at for notice in naming), default="")


@given(sent, notices)
def test_a_notice_of_what_is_open_that_is_confirmed_leaves_nothing_open_and_nothing_comes_back(
    exports: list[Sent], told: list[Told]
) -> None:
    before = recall_list(exports, told)
    notice = Told("2026-11-06", named(line for line in before if line.open), "2026-11-07")
    after = recall_list(exports, [*told, notice])
    assert on(after) == on(before)
    assert on(after, open_=True) == set()
    again = recall_list(exports, [*told, notice, Told("2026-11-08", ())])
    assert on(again, open_=True) == set()


@given(sent, notices, left)
def test_one_more_withdrawal_opens_only_itself(exports: list[Sent], told: list[Told], more: Left) -> None:
    other = Sent(ExportId("d" * 32), RecipientId("r"), "t", "m", (more,))
    before, after = recall_list(exports, told), recall_list([*exports, other], told)
    assert {each for each in on(after, open_=True) if each[0] != other.export_id} == on(before, open_=True)


def test_the_notice_is_what_is_specified_and_other_tools_verify_it(tmp_path: Path) -> None:
    one = Sent(EXPORTS[1], RecipientId("r"), "t", "5f" * 32, (Left(CaptureId("c"), IMAGES[1], moved=True),))
    two = Sent(
        EXPORTS[0],
        RecipientId("r"),
        "t",
        "",
        (
            Left(CaptureId("c"), IMAGES[2], recall=Recall.SCOPE),
            Left(CaptureId("d"), IMAGES[0], kept=Why.SCOPE),
        ),
    )
    members = recall.members(recall_list([one, two], []), "0" * 32, date(2026, 11, 22), KEY)
    notice = canon.decode(members["recall.json"], dict)
    assert notice == {
        "version": "medkiosk-recall/1",
        "recall_id": "0" * 32,
        "created": "2026-11-22",
        "recipient": "",
        "exports": [
            {"export_id": EXPORTS[0], "manifest_sha256": "", "images": [IMAGES[0], IMAGES[2]]},
            {"export_id": EXPORTS[1], "manifest_sha256": "5f" * 32, "images": [IMAGES[1]]},
        ],
    }
    text = members["RECALL.txt"].decode()
    assert all(each in text for each in (*IMAGES, *EXPORTS, sshsig.fingerprint(KEY.public_key())))
    assert max(map(len, text.splitlines())) <= 110

    folder = recall.write_notice(tmp_path, "0" * 32, date(2026, 11, 22), members)
    assert folder == "medkiosk-recall-2026-11-22-00000000"
    assert {path.name: path.read_bytes() for path in (tmp_path / folder).iterdir()} == members
    assert [path.name for path in tmp_path.iterdir()] == [folder]
    signers = tmp_path / "allowed_signers"
    signers.write_text(sshsig.allowed_signers_line(KEY.public_key()) + "\n")
    command = [
        *("ssh-keygen", "-Y", "verify", "-f", str(signers), "-I", "medkiosk", "-n", "medkiosk-recall@v1"),
        *("-s", str(tmp_path / folder / "recall.json.sig")),
    ]
    for data, good in ((members["recall.json"], True), (members["recall.json"] + b" ", False)):
        done = subprocess.run(command, input=data, capture_output=True, check=False)
        assert (done.returncode == 0) is good
