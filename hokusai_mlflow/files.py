"""Whether a file can be read as a table at all, and fits into memory, before it is read.

A file that is too large is refused with its size and the limit; a process that the system kills can
say nothing. The limit is half of the memory that this machine (or its container) has, or
`HOKUSAI_DATA_LIMIT`, in bytes or as ``2GiB``.
"""

from __future__ import annotations

import csv
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ByteSize, TypeAdapter, ValidationError

from hokusai_mlflow.errors import InputError, MissingInput

if TYPE_CHECKING:
    import pyarrow.parquet as pq

LIMIT = "HOKUSAI_DATA_LIMIT"
SUFFIXES = (".csv", ".parquet")
CELL, ROW = 32, 400
"""Bytes of memory for a value and for a row while a table is read and its rows are hashed."""
_SAMPLE = 2**20
# A cell may be as long as pandas reads it; the csv module stops at 128 KiB by itself.
csv.field_size_limit(2**31 - 1)
_KINDS = {
    b"\x1f\x8b": "gzip-compressed; decompress it first",
    b"PK\x03\x04": "a zip archive or a spreadsheet; save it as CSV (UTF-8, comma)",
    b"\xff\xfe": "UTF-16 text; save it as UTF-8",
    b"\xfe\xff": "UTF-16 text; save it as UTF-8",
    b"PAR1": "a Parquet file; name it .parquet",
    b"\x28\xb5\x2f\xfd": "zstd-compressed; decompress it first",
    b"BZh": "bzip2-compressed; decompress it first",
}


def data_limit() -> int:
    """Most memory, in bytes, that reading one table may need.

    Raises
    ------
    InputError
        When `HOKUSAI_DATA_LIMIT` is no size.
    """
    given = os.environ.get(LIMIT)
    if given is None:
        return _memory() // 2
    try:
        return int(TypeAdapter(ByteSize).validate_python(given))
    except ValidationError:
        raise InputError(f"{LIMIT}={given!r}: expected a size such as 500MB or 2GiB") from None


def require_table(path: Path, *, where: str = "") -> str:
    """The ending of a file that may be a table: ``.csv`` or ``.parquet``.

    Parameters
    ----------
    path : Path
        The file.
    where : str
        Begins the messages, with its colon.

    Raises
    ------
    MissingInput
        There is no such file, or it is none.
    InputError
        It is of another kind than its name says, or too large for this machine's memory.
    """
    wanted = "expected a .csv or .parquet file"
    try:
        path.resolve(strict=True)
    except (OSError, RuntimeError) as problem:
        loop = path.is_symlink() and not isinstance(problem, FileNotFoundError)
        what = "is a symbolic link that leads back to itself" if loop else "does not exist"
        if path.is_symlink() and not loop:
            what = "is a symbolic link to something that does not exist"
        raise MissingInput(f"{where}{path} {what}; {wanted}") from None
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "is no regular file"
        raise MissingInput(f"{where}{path} {what}; {wanted}")
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        packed = (
            " (decompress it first)" if suffix in (".gz", ".bz2", ".zip", ".zst", ".xz") else ""
        )
        raise InputError(f"{where}{path} ends in {suffix!r}; expected .csv or .parquet{packed}")
    try:
        with path.open("rb") as stream:
            start = stream.read(8)
    except OSError as problem:
        raise MissingInput(f"{where}{path} cannot be read: {problem}") from problem
    for magic, told in _KINDS.items():
        if start.startswith(magic) and not (magic == b"PAR1" and suffix == ".parquet"):
            raise InputError(f"{where}{path} is {told}")
    if suffix == ".csv":
        require_room(csv_memory(path), f"{where}{path}")
    return suffix


def require_room(needed: int, what: str) -> None:
    """Refuse what would need more memory than the limit.

    Parameters
    ----------
    needed : int
        Bytes.
    what : str
        Begins the message.

    Raises
    ------
    InputError
        Names both sizes, and what to do.
    """
    limit = data_limit()
    if needed > limit:
        raise InputError(
            f"{what} would need {told(needed)} of memory or more, the limit is {told(limit)}: "
            f"bring it in parts, or set {LIMIT} (half of this machine's memory by default)"
        )


def csv_memory(path: Path) -> int:
    """Memory that reading a CSV file takes, in bytes, judged by its first MiB."""
    size = path.stat().st_size
    with path.open("rb") as stream:
        sample = stream.read(_SAMPLE)
    if not sample:
        return 0
    values, rows = sample.count(b",") + sample.count(b"\n"), sample.count(b"\n")
    scale = size / len(sample)
    return size + round(scale * (values * CELL + rows * ROW))


def require_once(columns: Sequence[str], what: str) -> None:
    """Refuse columns that appear twice: readers would rename, or take, either of them."""
    twice = sorted(name for name, count in Counter(columns).items() if count > 1)
    if twice:
        raise InputError(f"{what}columns appear twice: {twice}")


def require_parquet(path: Path, *, where: str = "") -> None:
    """Refuse a Parquet file that names a column twice, or is too large for this machine's memory.

    Raises
    ------
    InputError
        As `require_table`.
    ValueError, OSError
        From Arrow, when the file is damaged.
    """
    import pyarrow.parquet as pq  # noqa: PLC0415 - half a second that CSV does not need

    with pq.ParquetFile(path) as file:
        schema = file.schema_arrow
    require_once(schema.names, f"{where}{path}: ")
    # Texts stay as the file names them, once each, while they are only counted.
    texts = [field.name for field in schema if _is_text(field.type)]
    with pq.ParquetFile(path, read_dictionary=texts) as file:
        require_room(parquet_memory(file, data_limit()), f"{where}{path}")


def parquet_memory(file: pq.ParquetFile, most: int) -> int:
    """Memory that reading a Parquet file takes, in bytes, from its metadata.

    Texts that a file holds once and names often are counted as often as they are named; as soon as
    there are more than `most` bytes, counting ends.
    """
    about = file.metadata
    needed = int(about.num_rows) * ROW
    texts = set()
    for group in range(about.num_row_groups):
        for at in range(about.num_columns):
            column = about.row_group(group).column(at)
            needed += int(column.num_values * CELL + column.total_uncompressed_size)
            if column.physical_type in ("BYTE_ARRAY", "FIXED_LEN_BYTE_ARRAY"):
                texts.add(column.path_in_schema)
        if needed > most:
            return needed
    for name in sorted(texts.intersection(file.schema_arrow.names)):
        for batch in file.iter_batches(_ROWS_AT_ONCE, columns=[name]):
            # As Arrow's, as the table's, and as Python's while they are hashed.
            needed += 3 * _spelt(batch.column(0))
            if needed > most:
                return needed
    return needed


_ROWS_AT_ONCE = 65_536


def _is_text(kind: Any) -> bool:
    """Whether an Arrow type is one of texts or bytes, which a file may hold once and name often."""
    import pyarrow as pa  # noqa: PLC0415

    texts = (pa.types.is_string, pa.types.is_large_string, pa.types.is_binary)
    return any(one(kind) for one in texts)


def _spelt(column: Any) -> int:
    """Bytes of a column of texts, each counted as often as it occurs."""
    import pyarrow.compute as pc  # noqa: PLC0415 - half a second that CSV does not need

    if hasattr(column, "dictionary"):
        lengths = pc.binary_length(column.dictionary)
        return int(pc.sum(lengths.take(column.indices)).as_py() or 0)
    return int(column.nbytes)


def told(size: float) -> str:
    """A size in the unit that people use for it."""
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if size < 1024:
            return f"{size:,.0f} {unit}"
        size /= 1024
    return f"{size:,.1f} TiB"


def header_of(path: Path) -> list[str]:
    """The first line of a CSV file that is not blank, as columns."""
    return next((cells for _, cells in _records(path)), [])


def require_whole(path: Path, *, where: str = "") -> None:
    """Refuse a CSV file with a row shorter than its header, as the last one is when it is cut off.

    Readers would take the cells that are not there for missing values.
    """
    records = _records(path)
    _, header = next(records, (0, []))
    for line, cells in records:
        if len(cells) < len(header):
            raise InputError(
                f"{where}line {line} has {len(cells)} cell(s), expected {len(header)} as in the "
                "header; the file may be cut off: bring all of it, with an empty cell for a "
                "missing value"
            )


def _records(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Rows of a CSV file, each with the line that it begins in; blank lines are none, as in pandas.

    A quoted empty cell is a row, and how a missing value is written where there is one column.
    """
    with path.open(encoding="utf-8-sig", newline="") as stream:
        reader, line = csv.reader(stream), 1
        for cells in reader:
            if len(cells) > 1 or (cells and (not cells[0] or cells[0].strip(" \t"))):
                yield line, cells
            line = reader.line_num + 1


def _memory() -> int:
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for limit in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        try:
            held = Path(limit).read_text().strip()
        except OSError:
            continue
        if held.isdigit():
            total = min(total, int(held))
    return int(total)
