"""Small rewards with loopholes that were reported in public, for the study of what an audit predicts.

One module per game, each a game over an existing mini world, so that the mini policies can do the task. A vulnerable
channel rebuilds the logic of a reported loophole in a few lines of its own, the secure channel is its hardened twin,
and the measurement looks only at the answer, at neither channel. Whether a policy finds the loophole is left to
training.
"""
