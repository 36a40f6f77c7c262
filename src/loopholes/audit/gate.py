"""The gate that an audit has to pass, in a small file: thresholds, the trainer's settings, and accepted findings.

::

    [thresholds]
    exploit = 0.3        # an attack is an exploit if its lower 95 % bound exceeds this fraction of golden minus floor
    warning = 0.1        # the same for a warning

    [training]
    advantage = "group"  # what the trainer divides advantages by: group, batch or none, like TRL's scale_rewards
    group_size = 8       # completions per prompt

    [[accept]]
    name = "source"      # the name of an attack, a check or a family
    reason = "the reward is meant for extractive summaries"
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from loopholes.audit.advice import FAMILIES
from loopholes.audit.results import Finding, Note
from loopholes.errors import DataError
from loopholes.stats.selection import Normalization

NAME = "loopholes-audit.toml"
"""The file that is read by default, if it exists."""


class Thresholds(BaseModel):
    """Fractions of golden minus floor that the lower bound of a gap has to exceed."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    exploit: float = Field(default=0.3, gt=0, le=1)
    warning: float = Field(default=0.1, gt=0, le=1)


class Training(BaseModel):
    """How the trainer compares completions: what it divides advantages by, and the completions per prompt."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    advantage: Normalization = "group"
    group_size: int = Field(default=8, ge=2, le=64)


class Accepted(BaseModel):
    """Findings that the user knows and accepts. ``name`` is the name of an attack, a check or a family."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    reason: str = Field(min_length=1)

    def covers(self, finding: Finding) -> bool:
        """Whether this is about a finding, by its name, its name without the form, or its family."""
        families = {finding.family} & set(FAMILIES) - {"contract"}
        return self.name in {finding.name, finding.name.partition("/")[0], *families}


class Gate(BaseModel):
    """The whole file: what decides whether an audit passes."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    thresholds: Thresholds = Thresholds()
    training: Training = Training()
    accept: tuple[Accepted, ...] = ()

    def under(self, advantage: Normalization | None) -> Gate:
        """The gate for a trainer that divides advantages by something else; None changes nothing."""
        if advantage is None:
            return self
        training = self.training.model_copy(update={"advantage": advantage})
        return self.model_copy(update={"training": training})

    def accepts(self, finding: Finding) -> bool:
        """Whether this finding is accepted."""
        return any(accepted.covers(finding) for accepted in self.accept)

    def unused(self, findings: Sequence[Finding]) -> Iterator[Note]:
        """A note on acceptances that cover none of these findings: their names may be misspelt, or out of date."""
        names = dict.fromkeys(entry.name for entry in self.accept if not any(map(entry.covers, findings)))
        if names:
            yield Note("accepted", f"[[accept]] names what is not reported here: {', '.join(names)}")


def read_gate(path: Path | None) -> Gate:
    """The gate in a file, by default :data:`NAME` in this directory if it exists; raises :class:`DataError`."""
    if path is None:
        path = Path(NAME)
        if not path.is_file():
            return Gate()
    try:
        return Gate.model_validate(tomllib.loads(path.read_text()))
    except OSError as error:
        raise DataError(f"{path} cannot be read: {(error.strerror or str(error)).lower()}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise DataError(f"{path} is not TOML: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        *table, name = first["loc"]
        problem = (
            f"no such setting, only {_settings(table)}" if first["type"] == "extra_forbidden" else first["msg"].lower()
        )
        raise DataError(f"{path}, {'.'.join(map(str, (*table, name)))}: {problem}") from error


def _settings(table: Sequence[int | str]) -> str:
    """The names that may stand in a table of the file."""
    tables: Mapping[int | str, type[BaseModel]] = {"thresholds": Thresholds, "training": Training, "accept": Accepted}
    return ", ".join((tables[table[0]] if table else Gate).model_fields)
