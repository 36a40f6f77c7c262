"""TRL's private methods that our trainer overrides are those that the overrides were written against."""

from __future__ import annotations

import hashlib
import inspect
from pathlib import Path

import pytest
import trl
from trl import GRPOTrainer

from loopholes.training.trainer import LeanTrainer

# private _prepare_inputs, _compute_loss, _get_per_token_logps_and_entropies: names of TRL, whose source is compared
# Beside them _generate, which calls rollout_func, and _calculate_rewards, which takes rewards that are None.
DIGESTS = {
    "_prepare_inputs": "f824e7fb07147956",
    "_compute_loss": "80295546bbdbf6f7",
    "_get_per_token_logps_and_entropies": "ea73c3909275851d",
    "_calculate_rewards": "736ae29b083840b5",
    "_generate": "2a27fdf8f5e6f356",
    "_save_checkpoint": "ec91bde123649111",
}
CHANGED = "TRL {version} has another {name} than LeanTrainer was written against: docs/releasing.md says what to do"


def digest(name: str) -> str:
    """A digest of the source of one of TRL's methods."""
    return hashlib.sha256(inspect.getsource(getattr(GRPOTrainer, name)).encode()).hexdigest()[:16]


def test_every_method_that_is_overridden_is_watched() -> None:
    overridden = {name for name in vars(LeanTrainer) if callable(getattr(GRPOTrainer, name, None)) and name[:2] != "__"}
    assert overridden <= DIGESTS.keys() and len(overridden) == 3


@pytest.mark.parametrize("name", DIGESTS)
def test_a_method_that_our_trainer_relies_on_is_the_one_it_was_written_against(name: str) -> None:
    assert digest(name) == DIGESTS[name], CHANGED.format(version=trl.__version__, name=name)


def test_the_release_checklist_names_every_method_that_is_watched() -> None:
    page = (Path(__file__).parents[2] / "docs" / "releasing.md").read_text(encoding="utf-8")
    assert [name for name in DIGESTS if f"`{name}`" not in page] == []
