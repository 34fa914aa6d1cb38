import os
import signal
import subprocess
import sys
import textwrap
import threading

import numpy as np
import pytest

from hokusai_mlflow.cache import Cache


@pytest.fixture
def cache(tmp_path):
    return Cache(tmp_path / "cache")


def _never():
    raise AssertionError("computed again")


def test_an_array_is_computed_once(cache, tmp_path):
    given = np.array([[1.5, np.nan], [-0.0, np.inf]])
    assert "key" not in cache
    np.testing.assert_array_equal(cache.array("key", lambda: given), given)
    assert "key" in cache
    kept = Cache(tmp_path / "cache").array("key", _never)
    assert kept.dtype == given.dtype
    assert kept.tobytes() == given.tobytes()


def test_a_folder_is_made_once(cache):
    def make(folder):
        folder.mkdir()
        (folder / "model.pkl").write_text("weights")

    place = cache.folder("key", make)
    assert (place / "model.pkl").read_text() == "weights"
    assert cache.folder("key", lambda folder: _never()) == place
    assert "key" in cache


def test_keys_do_not_meet(cache):
    cache.array("one", lambda: np.zeros(1))
    assert cache.array("two", lambda: np.ones(1)).tolist() == [1.0]


def test_a_failure_keeps_nothing_and_is_tried_again(cache):
    def fail(folder=None):
        if folder is not None:
            folder.mkdir()
            (folder / "half").write_text("half")
        raise ValueError("recipe")

    for attempt in (lambda: cache.array("key", fail), lambda: cache.folder("key", fail)):
        with pytest.raises(ValueError, match="recipe"):
            attempt()
    assert "key" not in cache
    assert list(cache.root.iterdir()) == []
    assert cache.array("key", lambda: np.ones(2)).tolist() == [1.0, 1.0]


def test_objects_are_not_unpickled(cache):
    with pytest.raises(ValueError, match="objects"):
        cache.array("key", lambda: np.array([object()]))
    assert "key" not in cache


@pytest.mark.parametrize("what", ["array", "folder"])
def test_a_process_that_is_killed_leaves_nothing_that_counts(cache, what):
    script = textwrap.dedent(
        """
        import os, signal, sys
        from pathlib import Path
        import numpy as np
        from hokusai_mlflow.cache import Cache

        def die():
            os.kill(os.getpid(), signal.SIGKILL)

        def half(folder):
            folder.mkdir()
            (folder / "half").write_text("half")
            die()

        cache = Cache(Path(sys.argv[1]))
        if sys.argv[2] == "folder":
            cache.folder("key", half)
        else:
            def half_written(handle, mode):
                os.write(handle, b'{"dtype": "<f8"')
                die()
            os.fdopen = half_written
            cache.array("key", lambda: np.zeros(1000))
        """
    )
    ran = subprocess.run(
        [sys.executable, "-c", script, str(cache.root), what], check=False, env=os.environ
    )
    assert ran.returncode == -signal.SIGKILL
    assert list(cache.root.iterdir()) != []
    assert "key" not in cache
    if what == "array":
        assert cache.array("key", lambda: np.zeros(1000)).shape == (1000,)
    else:
        assert list(cache.folder("key", lambda folder: folder.mkdir()).iterdir()) == []


@pytest.mark.parametrize("what", ["array", "folder"])
def test_several_at_once_get_the_same_whole_result(cache, what):
    barrier, results, problems = threading.Barrier(6), [], []

    def make(folder):
        folder.mkdir()
        barrier.wait(10)
        (folder / "model.pkl").write_text("weights" * 1000)

    def compute():
        barrier.wait(10)
        return np.arange(10_000.0)

    def ask():
        try:
            if what == "array":
                results.append(cache.array("key", compute).tobytes())
            else:
                results.append((cache.folder("key", make) / "model.pkl").read_text())
        except Exception as problem:
            problems.append(problem)

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    assert len(results) == 6
    assert len(set(results)) == 1
    assert len(list(cache.root.iterdir())) == 1
