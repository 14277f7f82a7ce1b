"""The journal: whatever a power cut, a full disk or a flipped bit leaves of it, no record is ever read wrong."""

from __future__ import annotations

import errno
import json
import os
import stat
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from launcher_rig.made_up_host import MadeUpDisk

from lib.keeper import journal as journals
from lib.keeper.journal import DiskFile, Journal
from lib.wire.models import JsonObject


def record(number: int, word: str = "") -> JsonObject:
    return {"kind": "ordered", "key": f"job_{number}.1", "word": word}


def lines_of(records: list[JsonObject]) -> list[bytes]:
    """Each record as it must stand on the disk."""
    texts = [json.dumps(one).encode() for one in records]
    return [b"%08x %s\n" % (zlib.crc32(text), text) for text in texts]


def read(content: bytes) -> list[JsonObject]:
    return Journal(MadeUpDisk(content)).read()


def written(disk: MadeUpDisk, *records: JsonObject) -> Journal:
    journal = Journal(disk)
    for one in records:
        journal.append(one)
    journal.flush()
    return journal


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal"


@pytest.fixture
def file(path: Path) -> Iterator[DiskFile]:
    """A real one."""
    file = DiskFile(str(path))
    yield file
    os.close(file._fd)


RECORDS = [record(1), record(2, "a\nb\0ü\ud83d"), record(3, "x" * 300), record(4)]
LINES = lines_of(RECORDS)
WHOLE = b"".join(LINES)


def test_what_was_written_is_read_in_its_order(file: DiskFile) -> None:
    journal = Journal(file)
    for one in RECORDS:
        journal.append(one)
    assert Journal(file).read() == []  # not before it is flushed
    journal.flush(is_durable=True)

    assert Journal(file).read() == RECORDS
    assert file.read() == WHOLE


def test_torn_at_any_byte_it_says_exactly_the_records_that_are_whole() -> None:
    ends = [sum(map(len, LINES[: count + 1])) for count in range(len(LINES))]
    for length in range(len(WHOLE) + 1):
        # A line without its last byte, the newline, is whole too.
        whole = [one for one, end in zip(RECORDS, ends, strict=True) if length >= end - 1]
        closed = [one for one, end in zip(RECORDS, ends, strict=True) if length >= end]

        assert read(WHOLE[:length]) == whole
        assert read(WHOLE[:length] + bytes(1000)) == closed


@given(st.lists(st.text(), max_size=6), st.integers(0, 600), st.integers(1, 600))
@settings(max_examples=400)
def test_a_hole_of_zeros_costs_the_records_that_it_touches_and_no_other(words: list[str], at: int, length: int) -> None:
    records = [record(number, word) for number, word in enumerate(words)]
    content, certain, offset = b"", [], 0
    for one, line in zip(records, lines_of(records), strict=True):
        begin, offset, content = offset, offset + len(line), content + line
        if at + length <= begin or offset <= at:
            # Without the newline in front of it, it may be taken for the rest of another.
            certain += [one] if not at < begin <= at + length else []

    found = read(content[:at] + bytes(len(content[at : at + length])) + content[at + length :])

    # A hole in the zeros of a checksum leaves a record that still proves itself.
    assert [one for one in found if one not in records] == []
    assert [one for one in certain if one not in found] == []
    assert found == [one for one in records if one in found]


@given(st.lists(st.text(), min_size=1, max_size=5), st.data())
@settings(max_examples=500)
def test_a_flipped_byte_is_never_read_as_another_record(words: list[str], data: st.DataObject) -> None:
    records = [record(number, word) for number, word in enumerate(words)]
    content = bytearray(b"".join(lines_of(records)))
    at = data.draw(st.integers(0, len(content) - 1))
    content[at] ^= data.draw(st.integers(1, 255))

    found = read(bytes(content))

    assert [one for one in found if one not in records] == []
    # The flipped record, and the next one if the flipped byte was the newline between the two.
    assert len(found) >= len(records) - 2
    assert found == [one for one in records if one in found]


@given(st.lists(st.text(max_size=20), max_size=4), st.integers(0, 200), st.lists(st.text(max_size=20), max_size=4))
@settings(max_examples=300)
def test_what_is_written_behind_a_torn_record_is_read(before: list[str], cut: int, after: list[str]) -> None:
    old = [record(number, word) for number, word in enumerate(before)]
    content = b"".join(lines_of(old))
    disk = MadeUpDisk(content[: max(0, len(content) - cut)])
    journal = Journal(disk)
    kept = journal.read()
    new = [record(100 + number, word) for number, word in enumerate(after)]
    for one in new:
        journal.append(one)
    journal.flush()

    assert read(bytes(disk.content)) == [*kept, *new]


def test_a_record_behind_empty_room_is_read() -> None:
    """A rewrite that was made and not told of leaves such room: the next record stands where the old end was."""
    assert read(LINES[0] + bytes(500) + LINES[1] + LINES[2] + bytes(70)) == RECORDS[:3]


def test_old_lines_behind_the_end_are_never_read_as_new() -> None:
    disk = MadeUpDisk()
    journal = written(disk, *RECORDS)
    journal.rewrite([record(9)])
    journal.append(record(10))
    journal.flush()

    assert read(bytes(disk.content)) == [record(9), record(10)]


def test_an_order_that_was_taken_back_leaves_nothing_that_is_read() -> None:
    disk = MadeUpDisk()
    journal = written(disk, record(1))
    journal.append(record(2, "long" * 100))
    disk.content += LINES[2][:-1]  # as much of it as a disk took before it was full
    journal.forget_unwritten()
    journal.append(record(3))
    journal.flush()

    found = read(bytes(disk.content))
    assert found[:2] == [record(1), record(3)]
    assert record(2, "long" * 100) not in found


def test_room_is_reserved_before_anything_is_promised(path: Path, file: DiskFile) -> None:
    journal = Journal(file)
    journal.append(record(1))
    journal.reserve(5000)
    size = path.stat().st_size
    assert size >= 5000
    journal.flush()
    journal.reserve(100)

    assert path.stat().st_size == size  # one step lasts for many
    assert Journal(file).read() == [record(1)]


def test_a_full_disk_refuses_the_room_and_what_is_written_stays(path: Path) -> None:
    disk = MadeUpDisk()
    journal = written(disk, record(1))
    disk.room = len(disk.content) + 10
    with pytest.raises(OSError) as raised:
        journal.reserve(1000)

    assert raised.value.errno == errno.ENOSPC
    assert read(bytes(disk.content)) == [record(1)]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no disk that is always full here")
def test_what_a_full_disk_did_not_take_is_written_by_a_later_flush(
    file: DiskFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal(file)
    journal.append(record(1))
    with monkeypatch.context() as full, open("/dev/full", "wb") as device:  # noqa: PTH123
        full.setattr(file, "_fd", device.fileno())
        with pytest.raises(OSError):
            journal.flush(is_durable=True)
    journal.append(record(2))
    journal.flush()

    assert Journal(file).read() == [record(1), record(2)]


def test_a_rewrite_is_whole_or_not_at_all(path: Path, file: DiskFile, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = Journal(file)
    for one in RECORDS:
        journal.append(one)
    journal.flush()
    with monkeypatch.context() as broken:
        broken.setattr(os, "fsync", failing)
        with pytest.raises(OSError):
            journal.rewrite([record(9)])
    journal.append(record(10))
    journal.flush()

    assert Journal(file).read() == [*RECORDS, record(10)]
    (path.parent / "journal.new").write_bytes(b"half of an earl")
    journal.rewrite([record(11)])
    assert Journal(file).read() == [record(11)]
    assert path.read_bytes().rstrip(b"\0") == lines_of([record(11)])[0]


def failing(fd: int) -> None:
    raise OSError(errno.EIO, "Input/output error")


def test_what_is_unwritten_follows_a_rewrite_and_a_second_one_too(file: DiskFile) -> None:
    journal = Journal(file)
    for number in range(3):
        journal.append(record(number))
        journal.rewrite([record(number + 100)], 1000)
    journal.flush()

    assert Journal(file).read() == [record(102), record(0), record(1), record(2)]


def test_a_rewrite_brings_the_room_that_is_asked_for(path: Path, file: DiskFile) -> None:
    journal = Journal(file)
    journal.rewrite([record(1)], 5000)

    assert path.stat().st_size == len(lines_of([record(1)])[0]) + 5000
    journal.append(record(2))
    journal.flush()
    assert Journal(file).read() == [record(1), record(2)]


def test_a_journal_that_is_mostly_over_says_so_and_after_a_rewrite_no_longer() -> None:
    journal = Journal(MadeUpDisk())
    assert not journal.is_mostly_over()
    for number in range(journals.REWRITE_BYTES_MIN // 1000 + 1):
        journal.append(record(number, "x" * 1000))
    journal.flush()
    assert journal.is_mostly_over()

    journal.rewrite([record(1)])

    assert not journal.is_mostly_over()


def test_a_journal_of_much_that_is_of_use_is_not_written_anew_all_the_time() -> None:
    journal = Journal(MadeUpDisk())
    needed = [record(number, "x" * 1000) for number in range(2 * journals.REWRITE_BYTES_MIN // 1000)]
    journal.rewrite(needed)
    for one in needed:
        journal.append(one)
    journal.flush()

    assert not journal.is_mostly_over()


def test_a_journal_is_closed_to_others_and_no_link_leads_it_elsewhere(path: Path, tmp_path: Path) -> None:
    file = DiskFile(str(path))
    journal = Journal(file)
    journal.append(record(1))
    journal.rewrite([])
    os.close(file._fd)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600

    (tmp_path / "link").symlink_to(path)
    with pytest.raises(OSError, match="Too many levels"):
        DiskFile(str(tmp_path / "link"))
