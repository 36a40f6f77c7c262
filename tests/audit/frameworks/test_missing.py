"""A framework that is not installed gives one sentence, which says how to install it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from loopholes.audit.frameworks import framework
from loopholes.audit.frameworks.base import Part
from loopholes.cli import _explain

# private _explain: the sentence of every command about a failed import, without a command


@pytest.mark.parametrize("name", ["verifiers", "openenv"])
def test_a_framework_that_is_missing_is_named_with_its_extra(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, name, None)  # as if it were not installed
    for module in [module for module in sys.modules if module.startswith(f"{name}.")]:
        monkeypatch.delitem(sys.modules, module)
    file = tmp_path / "rewards.py"
    file.write_text("class Sums: ...\n")
    with pytest.raises(ModuleNotFoundError) as missing:
        framework(name).build([Part(str(file), "Sums")], {})
    assert _explain(missing.value) == 2
    said = " ".join(capsys.readouterr().err.split())
    assert f"needs {name}, which is not installed: pip install 'loopholes[{name}]'" in said
