"""Rows in one flat pass: each distinct prefix is one node, and every row has the states that it has alone."""

from __future__ import annotations

import random

import pytest
import torch

from loopholes.policies.prefix_tree import lay_out, obstacle, tree_states
from support.checkpoints import make_model

torch.set_num_threads(1)
ROWS = [
    (5,),
    (5, 6, 7),
    (5, 6, 7),
    (5, 6, 8, 9),
    (5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16),
    (20, 21),
    (20, 22),
    (30,),
]


def long_rows(seed: int) -> list[tuple[int, ...]]:
    """Rows of very unequal length, several of which begin alike, over the sizes of more than one bucket."""
    draw = random.Random(seed)
    stems = [tuple(draw.choices(range(3, 300), k=draw.choice([1, 7, 40, 90]))) for _ in range(3)]
    rows = [stem + tuple(draw.choices(range(3, 6), k=draw.choice([0, 1, 3, 30]))) for stem in stems for _ in range(5)]
    return [*rows, *stems]


@pytest.mark.parametrize("family", ["qwen3", "llama"])
@pytest.mark.parametrize("rows", [ROWS, long_rows(0), long_rows(1)])
def test_a_row_of_a_tree_has_the_states_that_it_has_alone(family: str, rows: list[tuple[int, ...]]) -> None:
    model = make_model(family).eval()
    with torch.no_grad():
        tree = lay_out(rows, model)
        states = tree_states(model, tree)
        for row in rows:
            alone = model.base_model(torch.tensor([row])).last_hidden_state[0]
            torch.testing.assert_close(states[torch.from_numpy(tree.path(row))], alone, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("rows", [ROWS, long_rows(0)])
def test_each_distinct_prefix_is_one_node(rows: list[tuple[int, ...]]) -> None:
    tree = lay_out(rows, make_model("qwen3"))
    prefixes = {row[:end] for row in rows for end in range(1, len(row) + 1)}
    assert len(tree.tokens) == len(tree.positions) == len(prefixes)
    for row in rows:
        nodes = torch.from_numpy(tree.path(row))
        assert tuple(tree.tokens[nodes].tolist()) == row
        assert tree.positions[nodes].tolist() == list(range(len(row)))


def test_the_attention_of_a_model_is_put_back_even_if_the_pass_fails() -> None:
    model = make_model("llama")
    tree = lay_out([(5, 400)], model)  # a token that the model does not have
    with pytest.raises(IndexError):
        tree_states(model, tree)
    assert model.config._attn_implementation == "sdpa"


def test_what_is_not_plain_is_named() -> None:
    model = make_model("llama").train()
    assert obstacle(model) is None
    assert obstacle(torch.nn.DataParallel(model)) == "is a DataParallel and not a plain one or one with LoRA"
    model.config._attn_implementation = "eager"
    assert obstacle(model) == "attends by 'eager'"
    model.config._attn_implementation = "sdpa"
    model.activation_checkpointing_enable()
    assert obstacle(model) == "uses gradient checkpointing"
    model.activation_checkpointing_disable()
    model.config.attention_dropout = 0.1
    assert obstacle(model) == "uses dropout"
    assert obstacle(model.eval()) is None
    model.config.rope_parameters["rope_type"] = "dynamic"
    assert obstacle(model) == "has positions that depend on the length of the batch"
    model.config.sliding_window = 16
    assert obstacle(model) == "has layers that do not attend to everything before"
    model.config.model_type = "mamba"
    assert obstacle(model) == "is of the family mamba"
