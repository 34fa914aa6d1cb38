"""Break the contracts on purpose, one place at a time, and see that the tests find every break.

Every mutant replaces one text that occurs exactly once in one source. All are compiled first, by
one compiler; then the forge tests, compiled once, run on the bytecode of each until one of them
fails. Left out are gas, which any change of the bytecode moves, and the flips of every single bit,
which take long: that what is signed is all that is signed shows in the digests.

    python tests/contracts/mutants.py [name ...]
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from mutations import MUTANTS, Mutant

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
CONTRACTS = ROOT / "hokusai_mlflow" / "contracts"
PLACE = HERE / ".forge" / "mutants"
FEW = {
    "FOUNDRY_CONFIG": "tests/contracts/foundry.toml",
    "FOUNDRY_FUZZ_RUNS": "100",
    "FOUNDRY_INVARIANT_RUNS": "8",
}


def main(names: list[str]) -> int:
    """Run the mutants with these names, or all; the number of those that survived."""
    chosen = [mutant for mutant in MUTANTS if not names or mutant.name in names]
    shutil.rmtree(PLACE, ignore_errors=True)
    unchanged = written(PLACE / "unchanged", None)
    folders = [written(PLACE / str(number), mutant) for number, mutant in enumerate(chosen)]
    subprocess.run(["node", CONTRACTS / "compile.mjs", unchanged, *folders], check=True)
    if is_caught(unchanged):
        print("the tests fail on the contracts as they are", file=sys.stderr)
        return 1
    survivors = 0
    for mutant, folder in zip(chosen, folders, strict=True):
        caught = is_caught(folder)
        print(f"{'caught  ' if caught else 'SURVIVED'}  {mutant.name}", flush=True)
        survivors += not caught
    print(f"{len(chosen) - survivors} of {len(chosen)} mutants caught")
    return survivors


def written(folder: Path, mutant: Mutant | None) -> Path:
    """A folder with the sources of a mutant, or with the unchanged ones."""
    folder.mkdir(parents=True)
    for source in CONTRACTS.glob("*.sol"):
        shutil.copy(source, folder)
    if mutant is not None:
        changed = folder / mutant.source
        text = changed.read_text(encoding="utf-8")
        if text.count(mutant.before) != 1:
            raise SystemExit(f"{mutant.name}: its text occurs {text.count(mutant.before)} times")
        changed.write_text(text.replace(mutant.before, mutant.after), encoding="utf-8")
    return folder


def is_caught(folder: Path) -> bool:
    """Whether a test fails on what was compiled in a folder."""
    artifacts = str((folder / "artifacts").relative_to(ROOT))
    leave_out = ["--no-match-contract", "GasTest", "--no-match-test", "everyFlippedBit"]
    tested = subprocess.run(
        [HERE / "node_modules" / ".bin" / "forge", "test", "--fail-fast", *leave_out],
        cwd=ROOT,
        env=os.environ | FEW | {"HOKUSAI_ARTIFACTS": artifacts},
        capture_output=True,
        text=True,
        check=False,
    )
    if tested.returncode and "[FAIL" not in tested.stdout:
        raise SystemExit(f"forge did not run:\n{tested.stdout}{tested.stderr}")
    return tested.returncode != 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
