"""Every reader of data refuses what it cannot use: at once, in words, and never killed."""

import bz2
import gzip
import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner
from worlds import board, write_files

from hokusai_mlflow import files
from hokusai_mlflow.cli import app
from hokusai_mlflow.contributions import read_dataset
from hokusai_mlflow.errors import HokusaiError, InputError
from hokusai_mlflow.inputs import read_inputs
from hokusai_mlflow.metrics import metric
from hokusai_mlflow.ratings import Ratings
from hokusai_mlflow.settings import Settings
from hokusai_mlflow.streaming import compare_parquet

HEAD = "square,x,y,colour\n"
ROW = "a,1,2,0\n"


def parquet(**columns):
    plain = {"square": ["a", "b"], "x": [1.0, 2.0], "y": [1.0, 2.0], "colour": [0, 1]}
    return lambda path: pq.write_table(pa.table(plain | columns), path)


def cut_short(path):
    board(200, "a", 1).to_parquet(path)
    path.write_bytes(path.read_bytes()[:1_000])


def damaged(path):
    board(2_000, "a", 1).to_parquet(path)
    whole = path.read_bytes()
    path.write_bytes(whole[:400] + bytes(4_000) + whole[4_400:])


def twice(path):
    names = ["square", "x", "x", "y", "colour"]
    arrays = [pa.array(one) for one in (["a"], [1.0], [1.0], [1.0], [0])]
    pq.write_table(pa.table(arrays, names=names), path)


def loop(path):
    path.symlink_to(path)


def spelt_out(path):
    """A text of 100 000 letters that a small file names 200 000 times: 20 GB."""
    once = pa.DictionaryArray.from_arrays(pa.array(np.zeros(200_000, np.int32)), ["a" * 100_000])
    zeros = np.zeros(200_000)
    whole = {"square": once, "x": zeros, "y": zeros, "colour": zeros}
    pq.write_table(pa.table(whole), path, store_schema=False)


def many_rows(path):
    """Ten million equal rows in a few kilobytes."""
    zeros = pa.array(np.zeros(1_000_000))
    names = ("square", "x", "y", "colour")
    with pq.ParquetWriter(path, pa.schema([(name, pa.float64()) for name in names])) as writer:
        for _ in range(10):
            writer.write_table(pa.table(dict.fromkeys(names, zeros)))


def text(content, encoding="utf-8"):
    return lambda path: path.write_bytes(content.encode(encoding))


LONG_ID = HEAD + "i" * 3_000_000 + ",1,2,0\n" + "".join(f"b{i},{i},2,1\n" for i in range(5_000))
LONG_LABEL = HEAD + f"a,1,2,{'l' * 3_000_000}\n" + "".join(f"b{i},{i},2,k\n" for i in range(5_000))
BAD = {
    "nothing there": ("csv", lambda path: None, "does not exist"),
    "a folder": ("csv", os.mkdir, "is a folder"),
    "a folder of Parquet": ("parquet", os.mkdir, "is a folder"),
    "a loop of links": ("csv", loop, "symbolic link that leads back to itself"),
    "a loop of links to Parquet": ("parquet", loop, "symbolic link that leads back to itself"),
    "a link to nothing": ("csv", lambda p: p.symlink_to(p.parent / "none"), "does not exist"),
    "a pipe": ("csv", os.mkfifo, "is no regular file"),
    "another ending": ("txt", text(HEAD + ROW), "expected .csv or .parquet"),
    "gz by name": ("csv.gz", text(""), "decompress it first"),
    "gz inside": ("csv", lambda p: p.write_bytes(gzip.compress(b"a,b")), "gzip-compressed"),
    "bz2 inside": ("csv", lambda p: p.write_bytes(bz2.compress(b"a,b")), "bzip2-compressed"),
    "a spreadsheet": ("csv", text("PK\x03\x04…"), "spreadsheet"),
    "Parquet called CSV": ("csv", parquet(), "name it .parquet"),
    "CSV called Parquet": ("parquet", text(HEAD + ROW), "not a valid .parquet file"),
    "empty CSV": ("csv", text(""), "is empty"),
    "empty Parquet": ("parquet", text(""), "not a valid .parquet file"),
    "no rows": ("csv", text(HEAD), "there are no rows"),
    "no rows in Parquet": (
        "parquet",
        board(3, "a", 1).iloc[:0].to_parquet,
        "there are no rows",
    ),
    "Latin-1": ("csv", text(HEAD + "é,1,2,0\n", "latin-1"), "not UTF-8 text"),
    "UTF-16": ("csv", text(HEAD + ROW, "utf-16"), "UTF-16 text; save it as UTF-8"),
    "truncated Parquet": ("parquet", cut_short, "not a valid .parquet file"),
    "damaged Parquet": ("parquet", damaged, "cannot be read|not a valid"),
    "a column twice": ("csv", text("square,x,x,y,colour\na,1,1,2,0\n"), r"twice: \['x'\]"),
    "a column twice in Parquet": ("parquet", twice, r"twice: \['x'\]"),
    "a row too long": ("csv", text(HEAD + "a,1,2,0,9\n"), "not a valid .csv file"),
    "cut off in its last row": ("csv", text(HEAD + ROW + "b,2,3"), "line 3 has 3 cell.*cut off"),
    "a column twice below a blank line": (
        "csv",
        text("\n\nsquare,x,x,colour\n"),
        r"twice: \['x'\]",
    ),
    "integers beyond 64 bits": (
        "csv",
        text(HEAD + ROW + "b,1,2,18446744073709551615\n"),
        "18446744073709551615 in row 2",
    ),
    "an open quote": ("csv", text(HEAD + '"a,1,2,0\n'), "not a valid .csv file"),
    "lists": ("parquet", parquet(x=[[1.0], [2.0, 3.0]]), "'x' holds lists"),
    "structs": ("parquet", parquet(x=[{"p": 1}, {"p": 2}]), "'x' holds lists or other"),
    "maps": (
        "parquet",
        parquet(x=pa.array([[("k", 1)], []], pa.map_(pa.string(), pa.int64()))),
        "'x' holds lists or other",
    ),
    "bytes": ("parquet", parquet(x=[b"1", b"2"]), "'x' holds a bytes"),
    "infinite": ("parquet", parquet(x=[1.0, float("inf")]), "'x' is infinite in 1 row"),
    "a NaN label": ("parquet", parquet(colour=[0.0, float("nan")]), "missing \\(NaN\\) in 1 row"),
    "an infinite label": ("parquet", parquet(colour=[0.0, float("inf")]), "infinite in row 2"),
    "labels that are lists": ("parquet", parquet(colour=[[0], [1]]), "mixes kinds"),
    "no label": ("csv", text("square,x,y\na,1,2\n"), "no column 'colour'"),
    "a huge id": ("csv", text(LONG_ID), "3,000,000 letters in row 1.*the limit is 2 GiB"),
    "a huge label": ("csv", text(LONG_LABEL), "3,000,000 letters in row 1.*the limit is 2 GiB"),
    "a text named often": ("parquet", spelt_out, "of memory or more, the limit is 2 GiB"),
    "ten million rows": ("parquet", many_rows, "of memory or more, the limit is 2 GiB"),
}


# Streams look at what a file holds, not at its name, and need no memory for all of it.
STREAMED = {"Parquet called CSV", "a text named often", "ten million rows"}


@pytest.fixture(params=BAD)
def bad(request, tmp_path, monkeypatch):
    """A bad file, and what is said of it."""
    monkeypatch.setenv(files.LIMIT, "2GiB")
    ending, write, message = BAD[request.param]
    path = tmp_path / f"{request.param}.{ending}"
    write(path)
    return path, message


def test_every_reader_refuses_it(bad, tmp_path, monkeypatch):
    path, message = bad
    # The flow's reader of contributions.
    spec = write_files(
        tmp_path / "owner",
        contributors=[{"name": "east", "address": "0x" + "0" * 38 + "a1", "data": str(path)}],
    )
    with pytest.raises(InputError, match=message) as refused:
        read_inputs(spec, Settings(home=tmp_path / "home"))
    assert len(str(refused.value)) < 1_000
    # The command, with the same words.
    monkeypatch.setenv("HOKUSAI_HOME", str(tmp_path / "home"))
    made = CliRunner().invoke(app, ["check", str(path), "--spec", str(spec), "--json"])
    assert made.exit_code == 2
    assert '"readable"' in made.stdout
    # Ratings and streams have columns of their own, and refuse it for one reason or another.
    with pytest.raises(HokusaiError):
        Ratings.read(path)
    if path.name.partition(".")[0] in STREAMED:
        return
    with pytest.raises(HokusaiError):
        compare_parquet(
            path, target="colour", baseline="x", candidate="y", metrics=[metric("accuracy")]
        )


def test_labels_of_mixed_kinds_are_told():
    frame = board(40, "a", 1).assign(colour=[1, "two"] * 20)
    with pytest.raises(InputError, match="mixes kinds"):
        read_dataset(frame, name="given", target="colour", id="square")


def test_the_limit_is_the_environments_or_half_of_the_memory(monkeypatch):
    monkeypatch.setenv(files.LIMIT, "500MB")
    assert files.data_limit() == 500_000_000
    monkeypatch.setenv(files.LIMIT, "much")
    with pytest.raises(InputError, match=r"HOKUSAI_DATA_LIMIT='much': expected a size"):
        files.data_limit()
    monkeypatch.delenv(files.LIMIT)
    assert 0 < files.data_limit() <= os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2


MEASURE = """
import re, sys
from pathlib import Path
from hokusai_mlflow.contributions import read_dataset
from hokusai_mlflow.errors import InputError

def most():
    # Of this program; ru_maxrss would begin with what its parent had.
    return int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) * 1024

before = most()
try:
    read_dataset(Path(sys.argv[1]), name="given", target="y", id="id", unique=False)
except InputError as problem:
    print(problem)
print(most() - before)
"""


def measured(path, **environment):
    """What reading a file says, and how many bytes it takes at most."""
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, str(path)],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | environment,
    )
    *said, most = done.stdout.splitlines()
    return " ".join(said), int(most)


@pytest.mark.exhaustive
@pytest.mark.parametrize("kind", ["digits", "numbers", "texts"])
@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_what_reading_takes_is_not_much_more_than_is_told(tmp_path, kind, ending):
    random = np.random.default_rng(0)
    rows = 150_000
    frame = {
        "digits": lambda: pd.DataFrame(random.integers(0, 10, (rows, 30))),
        "numbers": lambda: pd.DataFrame(random.normal(size=(rows, 30))),
        "texts": lambda: pd.DataFrame({"t": [f"{'x' * 300} {at}" for at in range(rows)]}),
    }[kind]()
    frame.columns = [str(one) for one in frame.columns]
    frame["y"], frame["id"] = np.arange(rows) % 2, np.arange(rows)
    path = tmp_path / f"given.{ending}"
    if ending == "csv":
        frame.to_csv(path, index=False)
        told = files.csv_memory(path)
    else:
        frame.to_parquet(path)
        with pq.ParquetFile(path) as file:
            told = files.parquet_memory(file, 2**40)
    said, most = measured(path)
    assert not said
    assert most < 1.2 * told
    assert told < 8 * most


def test_a_large_file_is_refused_before_it_is_read(tmp_path):
    path = tmp_path / "large.csv"
    with path.open("wb") as stream:
        stream.write(b"id,x,z,y\n")
        for _ in range(200):
            stream.write(b"a,1,2,0\n" * 2**17)
    said, most = measured(path, **{files.LIMIT: "1GiB"})
    assert "the limit is 1 GiB: bring it in parts" in said
    assert most < 64 * 2**20
