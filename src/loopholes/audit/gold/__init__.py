"""The gold-aware tier: checks that start from the right answer, which no attack of the panel may see.

They ask two questions. Are near misses paid like the right answer (``near``, judged by ``near_findings``)? These either
mention it (``mentions``), or are proved wrong (``mutants``, from ``wrong_numbers``, ``wrong_dates``, ``wrong_puzzles``,
``wrong_texts``, ``wrong_lists``, ``wrong_records`` and ``code_variants``), or have its words without its sentences
(``long_texts``, from ``keywords``). And is the right answer refused when it is written differently (``ways``,
``equivalents``, ``refused``)?
"""
