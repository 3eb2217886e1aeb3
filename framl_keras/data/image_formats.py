"""Which image a file holds, told by its first bytes, whatever its name says."""

HEAD = 32  # bytes that are enough to tell
IMAGE_SUFFIXES = (
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".jif", ".png", ".bmp", ".dib", ".webp", ".gif"),
    *(".tif", ".tiff", ".jp2", ".j2k", ".jpf", ".jpx", ".jpc", ".avif"),
    *(".pgm", ".ppm", ".pbm", ".pnm"),
)
READABLE = "JPEG, PNG, BMP, WebP, TIFF, GIF (its first frame), JPEG 2000, PNM or AVIF"

_BEGINNINGS = {
    b"\xff\xd8\xff": "JPEG",
    b"\x89PNG\r\n\x1a\n": "PNG",
    b"BM": "BMP",
    b"GIF87a": "GIF",
    b"GIF89a": "GIF",
    b"II*\0": "TIFF",
    b"MM\0*": "TIFF",
    b"II+\0": "TIFF",
    b"MM\0+": "TIFF",
    b"\0\0\0\x0cjP  \r\n\x87\n": "JPEG 2000",
    b"\xff\x4f\xff\x51": "JPEG 2000",
}
_NOT_DECODED = {
    b"\xff\x0a": "JPEG XL",
    b"\0\0\0\x0cJXL \r\n\x87\n": "JPEG XL",
    b"8BPS": "Photoshop",
    b"\0\0\1\0": "an icon",
    b"v/1\x01": "OpenEXR",
    b"#?RADIANCE": "Radiance HDR",
    b"P7\n": "PAM",
    b"Pf": "PFM",
    b"PF": "PFM",
    b"<svg": "SVG",
}
_AVIF = (b"avif", b"avis")
_HEIF = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")


def image_format(start: bytes) -> str | None:
    """The format of a file that begins like this, or None if it is none that is read."""
    if start.startswith(b"RIFF"):
        return "WebP" if start[8:12] == b"WEBP" else None
    if start[4:8] == b"ftyp":
        return "AVIF" if start[8:12] in _AVIF or _lists_avif(start) else None
    if start[:1] == b"P" and start[1:2] in b"123456" and start[2:3] in b" \t\r\n#" and start[2:3]:
        return "PNM"
    return _by_beginning(start, _BEGINNINGS)


def other_image_format(start: bytes) -> str | None:
    """What a file is that holds an image of a format that is not read, such as HEIC."""
    if start[4:8] == b"ftyp" and start[8:12] in _HEIF:
        return "HEIC"
    return _by_beginning(start, _NOT_DECODED)


def _lists_avif(start: bytes) -> bool:
    """Whether the compatible brands name AVIF, as in files whose own brand is the general one."""
    brands = [start[at : at + 4] for at in range(16, min(len(start), start[3]), 4)]
    return start[8:12] in (b"mif1", b"msf1", b"miaf") and any(b in _AVIF for b in brands)


def _by_beginning(start: bytes, formats: dict[bytes, str]) -> str | None:
    return next((name for first, name in formats.items() if start.startswith(first)), None)
