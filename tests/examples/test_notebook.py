"""The notebook runs from top to bottom, and shows what it says."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.exhaustive
@pytest.mark.timeout(600)
# Jupyter's own: sockets that its client leaves open, and folders that it will move.
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::DeprecationWarning")
def test_the_notebook_runs_and_shows_reports(tmp_path, monkeypatch):
    """About a minute: Prefect's temporary server and two runs of the digits example."""
    import nbclient
    import nbformat

    for name in ("examples/digits", "examples/notebook", "flows"):
        shutil.copytree(ROOT / name, tmp_path / name)
    made = tmp_path / "examples" / "digits"
    subprocess.run([sys.executable, "make_data.py"], cwd=made, check=True, capture_output=True)
    for variable in [v for v in os.environ if v.startswith(("HOKUSAI_", "MLFLOW_", "PREFECT_"))]:
        monkeypatch.delenv(variable)
    monkeypatch.setenv("PREFECT_HOME", str(tmp_path / "prefect"))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    folder = tmp_path / "examples" / "notebook"
    notebook = nbformat.read(folder / "digits.ipynb", as_version=4)
    assert not any(cell.get("outputs") for cell in notebook.cells), "committed without outputs"
    nbclient.NotebookClient(
        notebook, timeout=400, kernel_name="python3", resources={"metadata": {"path": str(folder)}}
    ).execute()
    shown = [
        output["data"]["text/html"]
        for cell in notebook.cells
        for output in cell.get("outputs", ())
        if "text/html" in output.get("data", {})
    ]
    printed = "".join(
        output.get("text", "") for cell in notebook.cells for output in cell.get("outputs", ())
    )
    assert sum("hk-report" in one for one in shown) == 2
    assert any("hokusai-comparisons" in one for one in shown)
    assert re.search(r"DeltaOnes Earned: \d+\.\d+", printed)
    assert (folder / ".hokusai" / "ledger.db").is_file()
