"""The gold-aware tier: checks that start from the right answer, which no attack of the panel may see.

They ask whether near misses are paid like the right answer (``near``, with ``mutants`` and ``code_variants`` that are
proved wrong), and whether the right answer is refused when it is written differently (``ways``, ``equivalents``,
``refused``).
"""
