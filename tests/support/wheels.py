"""Small packages of our own as wheels in a folder, for installers that are kept off the network."""

from __future__ import annotations

import textwrap
import zipfile
from collections.abc import Mapping
from pathlib import Path


def wheel(folder: Path, name: str, files: Mapping[str, str], *, python: str = ">=3.11") -> Path:
    """Write version 1.0 of a distribution that holds these files; returns the wheel."""
    stem = name.replace("-", "_")
    info = f"{stem}-1.0.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\nRequires-Python: {python}\n"
    about = {
        f"{info}/METADATA": metadata,
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    contents = {**{file: textwrap.dedent(text) for file, text in files.items()}, **about}
    record = "".join(f"{file},,\n" for file in (*contents, f"{info}/RECORD"))
    path = folder / f"{stem}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as written:
        for file, text in {**contents, f"{info}/RECORD": record}.items():
            written.writestr(file, text)
    return path


REASONING_GYM = {
    "reasoning_gym/__init__.py": """
        import pathlib
        from types import SimpleNamespace
        from . import factory
        pathlib.Path.home().joinpath("left-behind").write_text("by an import")

        def create_dataset(name, **config):
            return factory.DATASETS[name](**config)
    """,
    "reasoning_gym/utils.py": """
        import re
        def extract_answer(completion, tag_name="answer"):
            found = re.findall(f"<{tag_name}>(.*?)</{tag_name}>", completion)
            return found[-1] if found else None
    """,
    "reasoning_gym/factory.py": """
        import decimal, subprocess, sys, time

        class Sums:
            def __init__(self, seed=0, most=50):
                self.seed, self.most = seed, most
            def __getitem__(self, place):
                left, right = 10 + (7 * place + self.seed) % self.most, 10 + (5 * place) % 37
                metadata = {"terms": (left, right), "exact": decimal.Decimal(left)}
                return {"question": f"{left} + {right} = ?", "answer": str(left + right), "metadata": metadata}
            def score_answer(self, answer, entry):
                assert isinstance(entry["metadata"]["exact"], decimal.Decimal)
                return float(answer is not None and answer == entry["answer"])

        class Anything(Sums):
            def score_answer(self, answer, entry):
                return 1.0

        class Unanswered(Sums):
            def __getitem__(self, place):
                return {**super().__getitem__(place), "answer": None}

        class Broken(Sums):
            def __getitem__(self, place):
                raise ValueError("no entry")

        class Hanging(Sums):
            def __getitem__(self, place):
                time.sleep(600)

        class Leaving(Sums):
            def score_answer(self, answer, entry):
                subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)", __file__])
                return super().score_answer(answer, entry)

        DATASETS = {"sums": Sums, "anything": Anything, "unanswered": Unanswered, "broken": Broken}
        DATASETS |= {"hanging": Hanging, "leaving": Leaving}
    """,
}
"""A package with the face of reasoning-gym: one sound data set, and others with a fault each."""
