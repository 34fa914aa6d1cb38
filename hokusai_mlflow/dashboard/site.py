"""The pages as files, for servers that pages cannot be mounted into."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from hokusai_mlflow.dashboard import rendering
from hokusai_mlflow.dashboard.addresses import attempt_page, slug
from hokusai_mlflow.dashboard.data import written
from hokusai_mlflow.dashboard.pages import (
    analytics,
    attempt,
    contributors,
    model,
    overview,
    rewards,
    troubleshooting,
)
from hokusai_mlflow.dashboard.views import Site, View
from hokusai_mlflow.errors import InputError
from hokusai_mlflow.history import Listing, Page
from hokusai_mlflow.history import attempts as attempts_
from hokusai_mlflow.history import contributors as contributors_
from hokusai_mlflow.history import improvements as improvements_
from hokusai_mlflow.history import models as models_
from hokusai_mlflow.history.listing import MOST_ROWS

ROWS = 100
"""Rows that a table of a file shows; its JSON and CSV have all."""
MARK = ".hokusai-site"


def build(site: Site, folder: Path, *, reports: int = 500) -> int:
    """Write all pages, with their data, into a folder; any web server can serve it.

    Parameters
    ----------
    site : Site
        Where pages read from.
    folder : Path
        New, empty, or an earlier build.
    reports : int, default 500
        Pages of single attempts, the newest; older ones are in the tables and their files.

    Returns
    -------
    int
        How many files were written.

    Raises
    ------
    InputError
        When the folder has other files in it.
    """
    _prepare(folder)
    newest = [one.id for one in _every(lambda asked: attempts_.read(site.history, asked), reports)]
    made = replace(site, static=True, pages=frozenset(attempt_page(one) for one in newest))
    count = 0
    for view in _views(made, newest):
        _write(folder / view.at / "index.html", rendering.page(view, made).encode())
        count += 1
    for path, content in _files(made):
        _write(folder / path, content)
        count += 1
    for name, (_, content) in rendering.assets().items():
        _write(folder / "static" / name, content)
        count += 1
    return count


def _prepare(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    mark = folder / MARK
    if not mark.exists() and any(folder.iterdir()):
        raise InputError(
            f"{folder} has files that are no earlier build; choose a new or an empty folder"
        )
    mark.touch()


def _views(site: Site, newest: list[str]) -> Iterator[View]:
    history, listing = site.history, Listing(size=ROWS)
    yield overview.models_page(site, listing)
    yield overview.attempts_page(site, listing)
    yield rewards.page(site, listing)
    yield contributors.everybody(site, listing)
    yield analytics.page(site, analytics.Asked())
    yield troubleshooting.page(site)
    for name in models_.names(history):
        yield model.page(site, name, listing)
    for account in contributors_.names(history):
        yield contributors.somebody(site, account, listing)
    for one in newest:
        yield attempt.page(site, one)


def _files(site: Site) -> Iterator[tuple[str, bytes]]:
    history = site.history
    tables: dict[str, Any] = {
        "api/models": models_.read,
        "api/attempts": attempts_.read,
        "api/improvements": improvements_.read,
        "api/contributors": contributors_.read,
    }
    for address, read in tables.items():
        yield from _table(address, lambda asked, read=read: read(history, asked))
    for name in models_.names(history):
        yield from _table(
            f"api/models/{slug(name)}/attempts",
            lambda asked, name=name: attempts_.read(history, asked, model=name),
        )
    for account in contributors_.names(history):
        yield from _table(
            f"api/contributors/{slug(account)}/contributions",
            lambda asked, account=account: contributors_.contributed(
                history, asked, account=account
            ),
        )
    for page in sorted(site.pages or ()):
        one = page.split("/")[1]
        yield from _table(
            f"api/attempts/{one}/contributions",
            lambda asked, one=one: contributors_.contributed(history, asked, attempt=one),
        )


def _table(address: str, read: Any) -> Iterator[tuple[str, bytes]]:
    rows = [one.to_dict() for one in _every(read)]
    if rows:
        told = {"items": rows, "total": len(rows)}
        yield f"{address}.json", json.dumps(told, ensure_ascii=False).encode()
        yield f"{address}.csv", "".join(written(iter(rows))).encode()


def _every(read: Any, most: int | None = None) -> Iterator[Any]:
    number, given = 1, 0
    while True:
        page: Page[Any] = read(Listing(page=number, size=MOST_ROWS))
        for one in page:
            if given == most:
                return
            given += 1
            yield one
        if number >= page.pages:
            return
        number += 1


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
