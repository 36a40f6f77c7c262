"""The version, here and nowhere else, and where its documentation is."""

from __future__ import annotations

__version__ = "0.1.0"


def documentation(page: str) -> str:
    """The whole address of ``docs/PAGE.md``, for readers without a checkout; the path itself if there is no address.

    It is below the Source of the installed package, which has an account's name in place of ``OWNER`` once released.
    """
    from importlib.metadata import PackageNotFoundError, metadata

    try:
        addresses = metadata("loopholes").get_all("Project-URL") or []
    except PackageNotFoundError:
        return page
    source = dict(line.split(", ", 1) for line in addresses).get("Source", "")
    return f"{source}/blob/HEAD/{page}" if source and "/OWNER/" not in source else page
