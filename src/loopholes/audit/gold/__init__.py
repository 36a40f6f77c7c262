"""The gold-aware tier: what starts from the right answer, which no attack of the panel may see.

Near misses of the right answer that are paid like it (``near``, with ``mutants`` and ``code_variants`` that are proved
to be wrong), and the same answer written otherwise that is refused (``equivalents``, ``refused``).
"""
