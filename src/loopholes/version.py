"""The version, here and nowhere else, and where its documentation is."""

from __future__ import annotations

from pathlib import Path

__version__ = "0.1.0"


def documentation(page: str) -> str:
    """Where a reader of this installation finds ``docs/PAGE.md#SECTION``: a web address if there is one, else a file.

    The address is below the Source of the installed package, which names an account in place of ``OWNER`` once it is
    released. The file is the wheel's copy or the checkout's, relative to the working directory if it is below that.
    """
    from importlib.metadata import PackageNotFoundError, metadata

    try:
        addresses = metadata("loopholes").get_all("Project-URL") or []
    except PackageNotFoundError:
        addresses = []
    source = dict(line.split(", ", 1) for line in addresses).get("Source", "")
    if source and "/OWNER/" not in source:
        return f"{source}/blob/HEAD/{page}"
    package = Path(__file__).resolve().parent
    folder = package if (package / "docs").is_dir() else package.parents[1]
    file, here = folder / page, Path.cwd()
    return str(file.relative_to(here) if file.is_relative_to(here) else file)
