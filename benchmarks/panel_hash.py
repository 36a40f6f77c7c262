"""Which panel do published rates belong to? The hash of the audit's deciding code at a commit.

``python benchmarks/panel_hash.py COMMIT`` prints two hashes: over the bytes of all Python files of ``loopholes.audit``,
as rates up to commit a475688 name their panel, and over the code that decides a verdict, as
:func:`loopholes.audit.panel_hash.panel_hash` counts today. Where a file of rates names the first, the second is the
name of the same panel.
"""

from __future__ import annotations

import argparse
import hashlib
import subprocess
import tempfile
from pathlib import Path

from loopholes.audit.panel_hash import panel_hash

PACKAGE = "src/loopholes/audit"


def of_all_files(folder: Path) -> str:
    """SHA-256 over every Python file, in the order of their names."""
    digest = hashlib.sha256()
    for file in sorted(folder.rglob("*.py")):
        content = hashlib.sha256(file.read_bytes()).hexdigest()
        digest.update(f"{file.relative_to(folder).as_posix()} {content}\n".encode())
    return digest.hexdigest()


def main() -> None:
    """Print both hashes of the commit that was named."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("commit")
    commit = parser.parse_args().commit
    packed = subprocess.run(["git", "archive", commit, PACKAGE], check=True, capture_output=True).stdout
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["tar", "-x", "-C", folder], input=packed, check=True)
        sources = Path(folder) / PACKAGE
        print(f"all files       {of_all_files(sources)}")
        print(f"deciding code   {panel_hash(sources)}")


if __name__ == "__main__":
    main()
