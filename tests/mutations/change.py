"""Random damage to bytes: flips, cuts, insertions, extreme numbers, splices."""

import io
import struct
import zipfile

import google_crc32c

TOKENS = [
    b"\xff" * 8, b"\0" * 8, b"\x7f\xff\xff\xff", b"\xff\xff\xff\x7f", b"\x80\0\0\0", b"\0\0\0\x80",
    b"\1\0\0\0\0\0\0\0", b"nan", b"NaN", b"-1", b"1e999", b"9" * 30, b'"', b"\n", b",", b"../",
    b"[[[[", b"{", b"}", b"null", b"*a", b"&a", b"!!", b"\xe2\x98\x83", b"\xff\xfe",
]  # fmt: skip
EXTREMES = [0, 1, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF]
NEAR_START = 256


def mutated(data, rng):
    """The data with one to three random changes, half of them near its beginning."""
    data = bytearray(data)
    for _ in range(rng.randint(1, 3)):
        size = min(len(data), NEAR_START) if rng.random() < 0.5 else len(data)
        at = rng.randrange(size + 1)
        rng.choice(CHANGES)(data, at, rng)
    return bytes(data)


def flip(data, at, rng):
    if at < len(data):
        data[at] ^= 1 << rng.randrange(8)


def replace(data, at, rng):
    if at < len(data):
        data[at] = rng.randrange(256)


def cut(data, at, rng):
    del data[at:]


def leave_out(data, at, rng):
    del data[at : at + rng.randint(1, 64)]


def insert(data, at, rng):
    data[at:at] = rng.choice(TOKENS)


def overwrite(data, at, rng):
    token = rng.choice(TOKENS)
    data[at : at + len(token)] = token


def extreme(data, at, rng):
    code, size = rng.choice([("<I", 4), (">I", 4), ("<H", 2), (">H", 2), ("<Q", 8)])
    value = rng.choice([*EXTREMES, len(data), rng.randrange(1 << 16)]) & (1 << 8 * size) - 1
    data[at : at + size] = struct.pack(code, value)


def splice(data, at, rng):
    start = rng.randrange(len(data) + 1)
    data[at:at] = data[start : start + rng.randint(1, 256)]


CHANGES = [flip, flip, replace, cut, leave_out, insert, overwrite, extreme, extreme, splice]


def of_member(*patterns):
    """Changes one member of a zip archive, whose checksums stay sound."""

    def change(data, rng):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = {name: archive.read(name) for name in archive.namelist()}
        names = [name for name in members if not patterns or name.endswith(patterns)]
        name = rng.choice(names)
        members[name] = mutated(members[name], rng)
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w") as archive:
            for name, content in members.items():
                archive.writestr(name, content)
        return stream.getvalue()

    return change


def masked_crc(data):
    value = google_crc32c.value(data)
    return struct.pack("<I", ((value >> 15 | value << 17) + 0xA282EAD8) & 0xFFFFFFFF)


def of_tfrecord(data, rng):
    """Changes what the records of a TFRecord file hold; their checksums stay sound."""
    records, at = [], 0
    while at < len(data):
        (size,) = struct.unpack_from("<Q", data, at)
        records.append(data[at + 12 : at + 12 + size])
        at += 16 + size
    number = rng.randrange(len(records))
    records[number] = mutated(records[number], rng)
    framed = bytearray()
    for record in records:
        length = struct.pack("<Q", len(record))
        framed += length + masked_crc(length) + record + masked_crc(record)
    return bytes(framed)


def of_index(data, rng):
    """Changes an index of ours below its checksum."""
    magic, _, rest = data.split(b"\n", 2)
    line, columns = rest.split(b"\n", 1)
    if rng.random() < 0.5:
        line = mutated(line, rng).replace(b"\n", b" ")
    else:
        columns = mutated(columns, rng)
    checksum = google_crc32c.extend(google_crc32c.value(line + b"\n"), columns)
    return b"\n".join([magic, b"%08x" % checksum, line, columns])


def of_chunk(data, rng):
    """Changes a bcolz chunk, whose stated length stays right."""
    chunk = bytearray(mutated(data[16:], rng))
    chunk[12:16] = struct.pack("<I", len(chunk))
    return data[:16] + bytes(chunk)


def of_safetensors(data, rng):
    """Changes the header of a safetensors file, whose stated length stays right."""
    size = int.from_bytes(data[:8], "little")
    header = mutated(data[8 : 8 + size], rng)
    return len(header).to_bytes(8, "little") + header + data[8 + size :]


def of_table(data, rng):
    """Changes a block of a table of LevelDB's kind, as TensorFlow's indexes are; its CRC is sound.

    A block is its content, a byte for how it is packed, and the CRC of both. The last 48 bytes
    say where the two last blocks are; what is before them is one block in a small file.
    """
    numbers, at = [], len(data) - 48
    for _ in range(4):
        value = shift = 0
        while data[at] & 128:
            value |= (data[at] & 127) << shift
            at, shift = at + 1, shift + 7
        numbers.append(value | data[at] << shift)
        at += 1
    blocks = [(0, numbers[0] - 5), tuple(numbers[:2]), tuple(numbers[2:])]
    start, size = rng.choice(blocks)
    changed = mutated(data[start : start + size], rng)[:size].ljust(size, b"\0")
    block = changed + data[start + size : start + size + 1]
    return data[:start] + block + masked_crc(block) + data[start + size + 5 :]
