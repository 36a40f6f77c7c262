"""The worlds in English: generated tasks that an instruction-tuned language model can play as it is.

One file for each game: ``secrets`` (compliance), ``word_problems`` (self-grading), ``reports`` (proxy metric) and
``records`` (tampering). All of it is generated, so nothing can have been in any training data and nothing has a
licence; and the truth about an answer follows from how the task was generated, so no judge is needed.

Every sentence comes from a *wording* with slots for entities. Wordings belong to splits (:func:`wordings.of_split`):
no wording of a training task occurs in a test task. Entities are shared by all splits.
"""
