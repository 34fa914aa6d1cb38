"""What people read: one object, rendered to pages, notebooks, Markdown and terminals."""

from hokusai_mlflow.report.report import Report

__all__ = ["Report"]
