"""A framework that is not installed is one sentence that says how to install it."""

from __future__ import annotations

import importlib
import sys

import pytest

from loopholes.audit.frameworks import FRAMEWORKS
from loopholes.cli import _explain

# private _explain: what every command says of an import that fails, without a command


@pytest.mark.parametrize("framework", ["verifiers", "openenv"])
def test_a_framework_that_is_missing_is_named_with_its_extra(
    framework: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, framework, None)  # as if it were not there
    for name in [one for one in sys.modules if one.startswith((f"{framework}.", FRAMEWORKS[framework]))]:
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(ModuleNotFoundError) as missing:
        importlib.import_module(FRAMEWORKS[framework])
    assert _explain(missing.value) == 2
    said = " ".join(capsys.readouterr().err.split())
    assert f"needs {framework}, which is not installed: pip install 'loopholes[{framework}]'" in said
