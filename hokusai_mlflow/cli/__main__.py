"""`python -m hokusai_mlflow.cli`: the same as `hokusai`."""

from hokusai_mlflow.cli import main

main()
