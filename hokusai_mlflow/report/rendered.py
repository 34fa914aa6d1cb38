"""What every report can be rendered as, from one set of templates."""

from __future__ import annotations


class Rendered:
    """Renderings of what has the attributes that the templates read, such as `sections`."""

    def to_html(self, *, fragment: bool = False, style: bool = True) -> str:
        """A page that needs nothing else, or a part of one.

        Parameters
        ----------
        fragment : bool
            Only the ``<article>``.
        style : bool
            Whether a fragment brings its ``<style>`` along. Without it nothing is inline, as a
            strict content security policy wants; serve `stylesheet()` beside it.
        """
        from hokusai_mlflow.report.rendering import render_html  # noqa: PLC0415

        return render_html(self, fragment=fragment, style=style)

    def to_markdown(self, *, most: int | None = None) -> str:
        """For MLflow's model version page and for Prefect.

        Parameters
        ----------
        most : int, optional
            Letters that there is room for; sections are left out from the end until it fits.
        """
        from hokusai_mlflow.report.rendering import render_markdown  # noqa: PLC0415

        return render_markdown(self, most)

    def to_text(self) -> str:
        """For a terminal."""
        from hokusai_mlflow.report.rendering import render  # noqa: PLC0415

        return render("report.txt.j2", r=self)

    def _repr_html_(self) -> str:
        return self.to_html(fragment=True)
