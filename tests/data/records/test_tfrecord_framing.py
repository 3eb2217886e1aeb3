import struct

import pytest

from framl_keras.data.records.damage import Damage, DamagedRecordError
from framl_keras.data.records.tfrecord import frame, is_tfrecord, masked_crc, unframe, walk


def crc32c_bit_by_bit(data):
    """CRC-32C by its definition, reflected polynomial 0x82F63B78."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


@pytest.mark.parametrize("data", [b"", b"\0" * 32, b"123456789", bytes(range(256))])
def test_the_checksum_is_the_masked_crc32c(data):
    crc = crc32c_bit_by_bit(data)
    rotated = (crc >> 15 | crc << 17) & 0xFFFFFFFF
    assert masked_crc(data) == (rotated + 0xA282EAD8) % 2**32


def test_crc32c_of_rfc_3720():
    assert crc32c_bit_by_bit(b"\0" * 32) == 0x8A9136AA


@pytest.mark.parametrize("data", [b"", b"x", b"y" * 100_000])
def test_frames_hold_what_was_put_in(data):
    assert unframe(frame(data)) == data
    assert is_tfrecord(frame(data)[:64])


@pytest.mark.parametrize(
    ("at", "message"), [(0, "checksum of its length"), (13, "CRC-32C"), (-1, "CRC-32C")]
)
def test_a_flipped_byte_is_noticed(at, message):
    framed = bytearray(frame(b"some data"))
    framed[at] ^= 1
    with pytest.raises(DamagedRecordError, match=message):
        unframe(bytes(framed))


def test_walking_passes_damaged_data_but_stops_where_the_chain_breaks(tmp_path):
    frames = [bytearray(frame(bytes([n]) * n)) for n in (3, 5, 7, 9)]
    frames[1][14] ^= 1
    frames[3][0] ^= 1
    path = tmp_path / "x"
    path.write_bytes(b"".join(frames))
    first, second, third, fourth = (data for _, _, data in walk(path))
    assert (first, third) == (b"\3" * 3, b"\7" * 7)
    assert second == Damage(1, 19, "its checksum (CRC-32C) does not hold")
    assert fourth.record == 3
    assert "25 bytes are lost" in fourth.reason


@pytest.mark.parametrize("cut", [1, 5, 17, 20])
def test_a_file_that_ends_within_a_record(tmp_path, cut):
    path = tmp_path / "x"
    path.write_bytes(frame(b"first") + frame(b"last")[:-cut])
    found = [data for _, _, data in walk(path)]
    assert found[0] == b"first"
    if cut < 20:
        assert "ends within the record" in found[1].reason
    else:
        assert len(found) == 1


def test_a_length_beyond_memory_is_not_believed(tmp_path):
    length = struct.pack("<Q", 2**62)
    path = tmp_path / "x"
    path.write_bytes(length + struct.pack("<I", masked_crc(length)) + b"abc")
    ((_, _, damage),) = walk(path)
    assert "ends within the record" in damage.reason
