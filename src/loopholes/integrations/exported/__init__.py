"""Files that ``loopholes export`` copies unchanged: the part of an exported package that its framework runs.

Each finds the game in the folder beside it and imports :mod:`loopholes.integrations.scoring` and ``packing``, nothing
else of this package.
"""
