"""Where examples come from: Parquet files and Arrow datasets, a batch at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hokusai_mlflow.errors import InputError, MissingInput, UnknownName, did_you_mean

if TYPE_CHECKING:
    import pyarrow as pa
    from pyarrow.dataset import Dataset, Fragment

Source = Any
"""Path of a file or directory, paths of several files, or a `pyarrow.dataset.Dataset`."""

BUFFER = 2**20


@dataclass(frozen=True)
class Batch:
    """Consecutive rows of one file.

    Attributes
    ----------
    rows : pyarrow.RecordBatch
        The columns that were asked for.
    file : str
        Where they come from.
    first : int
        Position of the first of them in the file, from 0.
    """

    rows: pa.RecordBatch
    file: str
    first: int


def open_dataset(source: Source, columns: Sequence[str]) -> Dataset:
    """The dataset at `source`, with those columns.

    Raises
    ------
    MissingInput
        When there is no such file.
    InputError
        When it is no Parquet or Arrow data; `UnknownName` when it lacks a column.
    """
    import pyarrow as pa  # noqa: PLC0415
    import pyarrow.dataset as pads  # noqa: PLC0415

    if isinstance(source, pads.Dataset):
        dataset = source
        if getattr(dataset, "_scan_options", None):
            raise InputError(
                "expected a dataset without a filter, whose files are read as they are; "
                "write the filtered rows first"
            )
    else:
        paths = [source] if isinstance(source, (str, PathLike)) else list(source)
        for path in paths:
            if not Path(path).exists():
                raise MissingInput(f"{path}: expected a Parquet file or a directory, found nothing")
            if not (Path(path).is_file() or Path(path).is_dir()):
                raise MissingInput(f"{path}: expected a Parquet file or a directory, found neither")
        given = [str(path) for path in paths]
        try:
            dataset = pads.dataset(given[0] if len(given) == 1 else given, format="parquet")
        except (pa.ArrowException, OSError) as error:
            raise InputError(f"{', '.join(given)}: expected Parquet data: {error}") from error
    for column in columns:
        if column not in dataset.schema.names:
            raise UnknownName(
                f"no column {column!r} in the data{did_you_mean(column, dataset.schema.names)}"
            )
    return dataset


def read(dataset: Dataset, columns: Sequence[str], batch_rows: int) -> Iterator[Batch]:
    """All rows of a dataset, in order and in bounded memory.

    Raises
    ------
    InputError
        When a file is damaged.
    """
    return read_fragments(dataset.get_fragments(), dataset.schema, columns, batch_rows)


def read_fragments(
    fragments: Iterable[Fragment], schema: pa.Schema, columns: Sequence[str], batch_rows: int
) -> Iterator[Batch]:
    """All rows of some fragments of a dataset with that schema, as `read`."""
    import pyarrow as pa  # noqa: PLC0415

    for fragment in fragments:
        file = getattr(fragment, "path", "") or "data in memory"
        try:
            yield from _read(schema, fragment, file, columns, batch_rows)
        except (pa.ArrowException, OSError) as error:
            raise InputError(f"{file}: cannot be read: {error}") from error


def split(dataset: Dataset, rows: int) -> list[list[Fragment]]:
    """Fragments in lists of about so many rows, by whole row groups of Parquet files."""
    import pyarrow.dataset as pads  # noqa: PLC0415

    parts: list[list[Fragment]] = []
    room = 0
    for fragment in dataset.get_fragments():
        parquet = isinstance(fragment, pads.ParquetFileFragment)
        for piece in fragment.split_by_row_group() if parquet else [fragment]:
            # Of a part of a file `count_rows` tells the whole file's.
            size = sum(g.num_rows for g in piece.row_groups) if parquet else piece.count_rows()
            if not parts or room < size:
                parts.append([])
                room = rows
            parts[-1].append(piece)
            room -= size
    return parts


def _read(
    schema: pa.Schema, fragment: Fragment, file: str, columns: Sequence[str], batch_rows: int
) -> Iterator[Batch]:
    import pyarrow.dataset as pads  # noqa: PLC0415

    plain = isinstance(fragment, pads.ParquetFileFragment) and {*columns} <= {
        *fragment.physical_schema.names
    }
    if plain:
        yield from _read_parquet(schema, fragment, file, columns, batch_rows)
        return
    # Other formats, and columns that a file's folder names.
    first = 0
    scanner = fragment.scanner(
        schema=schema, columns=list(columns), batch_size=batch_rows, batch_readahead=4
    )
    for rows in scanner.to_batches():
        if rows.num_rows:
            yield Batch(rows, file, first)
        first += rows.num_rows


def _read_parquet(
    schema: pa.Schema, fragment: Any, file: str, columns: Sequence[str], batch_rows: int
) -> Iterator[Batch]:
    # The scanner keeps whole row groups, many at a time: gigabytes for a large file. Files read
    # column by column through small buffers need a few batches only.
    import pyarrow as pa  # noqa: PLC0415
    import pyarrow.parquet as pq  # noqa: PLC0415

    strings = [
        column
        for column in columns
        if pa.types.is_string(kind := schema.field(column).type) or pa.types.is_large_string(kind)
    ]
    with (
        fragment.filesystem.open_input_file(fragment.path) as stream,
        pq.ParquetFile(
            stream, pre_buffer=False, buffer_size=BUFFER, read_dictionary=strings
        ) as parquet,
    ):
        for group in fragment.row_groups:
            first = sum(parquet.metadata.row_group(at).num_rows for at in range(group.id))
            for rows in parquet.iter_batches(batch_rows, row_groups=[group.id], columns=columns):
                # Columns come as the file orders them.
                yield Batch(rows.select(columns), file, first)
                first += rows.num_rows
