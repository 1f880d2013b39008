"""``captwin cache``: what is kept that can be made again, and less of it."""

from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from captwin.hw.support.cache_folder import cache_folder
from captwin.hw.support.cache_limits import Entry, entries, limits, prune
from captwin.scripts.terminal.output import JsonFlag, Row, file, show


def cache(
    prune_it: Annotated[
        bool, typer.Option("--prune", help="Remove what is over the limits, the least recently used first.")
    ] = False,
    limit: Annotated[
        float | None,
        typer.Option("--limit", min=0, help="GB that --prune leaves [default: the limit]."),
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Show what Captwin and its tools keep so as not to make it again; or remove some of it.

    --prune --limit 0 removes all of it but downloaded data; what is removed is made again when it is needed.
    """
    root = cache_folder()
    size_limit, age_limit = limits()
    gone: list[Entry] = []
    if prune_it:
        gone = prune(root, size_limit if limit is None else limit * 1e9, in_use_s=0.0)
    elif limit is not None:
        raise typer.BadParameter("is of use with --prune only", param_hint="--limit")
    known = entries(root)
    rows = [file("folder", "folder", root)]
    kinds: dict[str, Any] = {}
    for kind in sorted({entry.kind for entry in known}):
        own = [entry for entry in known if entry.kind == kind]
        size, used = sum(entry.size for entry in own), max(entry.used for entry in own)
        when = datetime.fromtimestamp(used, UTC).strftime("%Y-%m-%d")
        kinds[kind] = {"entries": len(own), "bytes": size, "last_used": when}
        text = f"{len(own):,} {'entry' if len(own) == 1 else 'entries'}, {_megabytes(size)}, last used {when}"
        rows.append(Row("", None, kind, text))
    total = sum(entry.size for entry in known)
    rows += [
        Row("kinds", kinds, "", ""),
        Row("bytes", total, "all", _megabytes(total)),
        Row("limit_bytes", size_limit, "limit", f"{_megabytes(size_limit)} (CAPTWIN_CACHE_GB)"),
        Row("limit_days", age_limit / 86_400, "unused for", f"{age_limit / 86_400:g} days (CAPTWIN_CACHE_DAYS)"),
    ]
    if prune_it:
        freed = sum(entry.size for entry in gone)
        removed = {"entries": len(gone), "bytes": freed}
        rows.append(Row("removed", removed, "removed", f"{len(gone):,} entries, {_megabytes(freed)}"))
    show(rows, "Cache", as_json)


def _megabytes(size: float) -> str:
    return f"{size / 1e6:,.1f} MB"
