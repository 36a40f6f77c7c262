"""The reward of a game of Loopholes for verl: ``custom_reward_function.path=.../compute_score.py``.

The score is what the channel pays; ``task_score`` and ``exploit`` go to verl's logs beside it, NaN if unknown.
"""

from pathlib import Path

from loopholes.integrations.verl import ComputeScore

compute_score = ComputeScore(Path(__file__).parent / "game")
