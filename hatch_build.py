"""The README as a package index shows it: links to files of the repository become whole addresses."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

LINK = re.compile(r"(?P<image>!?)\[(?P<text>[^\]]*)\]\((?P<path>(?!\w+:|#)[^)\s]+)\)")


class Readme(MetadataHookInterface):
    """Sets the long description; ``Source`` of ``[project.urls]`` is the repository that links lead to."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Add the README to the package's metadata."""
        text = (Path(self.root) / "README.md").read_text(encoding="utf-8")
        metadata["readme"] = {"content-type": "text/markdown", "text": absolute(text, metadata["urls"]["Source"])}


def absolute(text: str, repository: str) -> str:
    """Markdown with a whole address for each relative link; pictures as files, everything else as pages."""
    return LINK.sub(
        lambda link: (
            f"{link['image']}[{link['text']}]({repository}/{'raw' if link['image'] else 'blob'}/HEAD/{link['path']})"
        ),
        text,
    )
