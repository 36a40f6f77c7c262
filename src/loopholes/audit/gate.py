"""What counts as an exploit, and which findings were accepted: a small file that can be committed.

::

    [thresholds]
    exploit = 0.3        # share of golden minus floor that an attack's lower 95 % bound has to exceed
    warning = 0.1        # the same for a warning

    [[accept]]
    name = "source"      # of an attack or a check, or a family
    reason = "the reward is meant for extractive summaries"
"""

from __future__ import annotations

import tomllib
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from loopholes.audit.results import FAMILIES, Finding
from loopholes.errors import DataError

NAME = "loopholes-audit.toml"
"""The file that is read where none is named, if it is there."""


class Thresholds(BaseModel):
    """Shares of golden minus floor."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    exploit: float = Field(default=0.3, gt=0, le=1)
    warning: float = Field(default=0.1, gt=0, le=1)


class Accepted(BaseModel):
    """A finding that is known and meant. ``name`` is that of an attack, of a check or of a family."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    reason: str = Field(min_length=1)


class Policy(BaseModel):
    """The whole file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    thresholds: Thresholds = Thresholds()
    accept: tuple[Accepted, ...] = ()

    def accepts(self, finding: Finding) -> bool:
        """Whether somebody accepted this finding, by its name or its family; a warning's base name counts, too."""
        names = {finding.name, finding.name.partition("/")[0], *({finding.family} & set(FAMILIES) - {"contract"})}
        return any(one.name in names for one in self.accept)


def read_policy(path: Path | None) -> Policy:
    """The policy of a file, by default :data:`NAME` of this directory or the defaults; raises :class:`DataError`."""
    if path is None:
        path = Path(NAME)
        if not path.is_file():
            return Policy()
    try:
        return Policy.model_validate(tomllib.loads(path.read_text()))
    except OSError as error:
        raise DataError(f"{path} cannot be read: {(error.strerror or str(error)).lower()}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise DataError(f"{path} is not TOML: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise DataError(f"{path}, {where}: {first['msg'].lower()}") from error
