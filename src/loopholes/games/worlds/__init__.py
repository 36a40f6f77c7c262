"""The mini worlds: small generated worlds in which a policy of a million parameters can play the four games.

A world makes specifications from a generator (`problem`, `question`, `request`, `article`) and says what a
competent answer to each looks like. Games turn specifications into tasks; the pretraining mixture turns them into
examples. Nothing here depends on channels or exploits. ``english/`` is the same for models that know the language.
"""
