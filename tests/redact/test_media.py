from __future__ import annotations

import pytest

from medkiosk.core.photo import MediaKind, RedactCode
from medkiosk.redact.media import sniff


@pytest.mark.parametrize(
    ("head", "kind", "code"),
    [
        (b"", MediaKind.EMPTY, RedactCode.EMPTY),
        (b"\xff\xd8\xff\xe1", MediaKind.JPEG, RedactCode.OK),
        (b"\xff\xd8", MediaKind.OTHER, RedactCode.NOT_A_PHOTO),
        (b"\0\0\0\x18ftypcrx \0\0\0\1", MediaKind.CR3, RedactCode.OK),
        (b"\0\0\0\x18ftypheix\0\0\0\0", MediaKind.HEIF, RedactCode.OK),
        (b"\0\0\0\x1cftypmp42\0\0\0\1", MediaKind.VIDEO, RedactCode.VIDEO),
        (b"\0\0\0\x14ftypqt  ", MediaKind.VIDEO, RedactCode.VIDEO),
        (b"RIFF\0\0\0\0AVI LIST", MediaKind.VIDEO, RedactCode.VIDEO),
        (b"\x89PNG\r\n\x1a\n", MediaKind.OTHER, RedactCode.UNSUPPORTED),
        (b"II*\0\x10\0\0\0CR\2\0", MediaKind.OTHER, RedactCode.UNSUPPORTED),
        (b"%PDF-1.7", MediaKind.OTHER, RedactCode.NOT_A_PHOTO),
        (bytes(64), MediaKind.OTHER, RedactCode.NOT_A_PHOTO),
    ],
)
def test_first_bytes_decide(head: bytes, kind: MediaKind, code: RedactCode) -> None:
    assert sniff(head) == (kind, code)
