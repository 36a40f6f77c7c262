"""Small rewards with loopholes that were reported in public, for the study of what an audit foretells.

One module per game, each a game over an existing mini world, so that the mini policies can do the task. A vulnerable
channel rebuilds the logic of a reported loophole in a few lines of its own, the secure channel is its hardened twin,
and the measurement looks at the answer alone and at neither. Whether a policy finds the loophole is left to training.
"""
