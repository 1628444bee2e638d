"""What a file is, told from its first bytes. Pure."""

from __future__ import annotations

from medkiosk.core.photo import MediaKind, RedactCode

SNIFF_BYTES = 64
"""How many bytes from the start of a file are looked at."""

_HEIF_BRANDS = {b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1", b"avif", b"avis"}
_VIDEO_BRANDS = {
    b"isom", b"iso2", b"iso4", b"iso5", b"iso6", b"mp41", b"mp42", b"avc1", b"qt  ", b"XAVC", b"M4V ",
    b"MSNV", b"3gp4", b"3gp5", b"dash",
}  # fmt: skip
_OTHER_PICTURES = (b"\x89PNG\r\n\x1a\n", b"GIF8", b"II*\x00", b"MM\x00*", b"BM", b"\x00\x00\x00\x0cJXL ")
_OTHER_VIDEOS = (b"\x00\x00\x01\xba", b"\x00\x00\x01\xb3", b"\x1aE\xdf\xa3")


def sniff(head: bytes) -> tuple[MediaKind, RedactCode]:
    """Name the kind of a file, and the code that its kind alone decides.

    Args:
        head: the first `SNIFF_BYTES` bytes of the file (or all of a shorter one).

    Returns:
        The kind, and `RedactCode.OK` when files of this kind can be redacted, else the reason.
    """
    if not head:
        return MediaKind.EMPTY, RedactCode.EMPTY
    if head.startswith(b"\xff\xd8\xff"):
        return MediaKind.JPEG, RedactCode.OK
    if head[4:8] == b"ftyp":
        brand = head[8:12]
        if brand == b"crx ":
            return MediaKind.CR3, RedactCode.OK
        if brand in _HEIF_BRANDS:
            return MediaKind.HEIF, RedactCode.OK
        if brand in _VIDEO_BRANDS:
            return MediaKind.VIDEO, RedactCode.VIDEO
    if head.startswith(_OTHER_VIDEOS) or (head.startswith(b"RIFF") and head[8:12] == b"AVI "):
        return MediaKind.VIDEO, RedactCode.VIDEO
    if head.startswith(_OTHER_PICTURES) or (head.startswith(b"RIFF") and head[8:12] == b"WEBP"):
        return MediaKind.OTHER, RedactCode.UNSUPPORTED
    return MediaKind.OTHER, RedactCode.NOT_A_PHOTO
