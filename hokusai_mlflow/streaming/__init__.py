"""Comparisons of data larger than memory: Parquet and Arrow, in threads or as Prefect tasks."""

from hokusai_mlflow.streaming.compare import compare_parquet, partial_parquet

__all__ = ["compare_parquet", "partial_parquet"]
