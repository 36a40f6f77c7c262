"""verl 0.9's reward loop: how it calls ``compute_score``, and what its managers do with the score.

As in ``verl/experimental/reward_loop``, a call scores one sample, and all arguments are keywords; ``reward_kwargs``
override the framework's own. Calls are never on the main thread, so ``signal.alarm`` fails (except under the manager
``remote``, which has processes of its own). The result is a number, or a dict whose ``score`` counts. The default
trainer drops a completion whose function raises, or returns something that a tensor cannot hold, and continues. (The
tests compare this with verl's own managers.)

``verl:DATA_SOURCE`` is verl's own scorer for that data source, ``default_compute_score``, without Ray.

verl calls a custom reward function with ``data_source`` and ``extra_info``, and fails if it does not accept them. Its
own scorers, such as GSM8K's, do not. Here, keywords that a signature does not accept are left out, with a note.
"""

from __future__ import annotations

import ast
import asyncio
import importlib
import inspect
import math
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.machinery import PathFinder
from types import ModuleType
from typing import Any

from loopholes.audit.frameworks.base import (
    COMMON,
    LARGEST,
    NO_REWARD,
    Library,
    Paid,
    Part,
    Rejected,
    Row,
    Shape,
    background_loop,
    copied,
    file_of,
    function,
    held,
    number,
    parameters,
    raised,
)
from loopholes.audit.frameworks.tokens import Tokens
from loopholes.errors import UsageError

np = Library("numpy")
NAME = "verl"
PACKAGE = "verl"
EXTRA = None  # calling such a reward does not need the library
REQUIREMENTS: Mapping[str, Sequence[str]] = {
    "verl": ("verl~=0.9.0 --no-deps", "numpy", "packaging", "sympy", "pylatexenc")
}
PREFIXES = ("verl",)
OPTIONS = {
    **COMMON,
    "manager": "The reward manager: naive (default), remote, gdpo, dapo or rate_limited.",
    "reward_kwargs": "A JSON object of further keywords of every call.",
    "overlong_buffer": "For dapo: length is penalised in this many tokens before the longest completion.",
    "penalty_factor": "For dapo: the penalty of the longest completion; default: 1.",
    "timeout": "For rate_limited: seconds per call; default: 300.",
}
KEYWORDS = ("data_source", "solution_str", "ground_truth", "extra_info")
"""Keywords that verl passes to compute_score, in addition to ``reward_kwargs``."""
VERL = "0.9"
MANAGERS = {
    "naive": "a completion whose function raises is left out of its group",
    "remote": "a completion whose function raises is left out of its group; async functions are not accepted",
    "gdpo": "a completion whose function raises is left out of its group; the combination of several rewards within "
    "a group is not modelled",
    "dapo": "long completions are penalised as overlong_buffer_cfg says",
    "rate_limited": "exceptions and timeouts pay 0.0 (timeouts where the audit's own limit of a call is longer); "
    "waiting for a rate is not modelled",
}
"""What each reward manager does in addition to calling the function."""


class VerlReward:
    """One ``compute_score`` under a reward manager. ``together``: all completions are awaited at the same time."""

    batched = False

    def __init__(self, part: Part, options: Mapping[str, Any]) -> None:
        self._part = part
        self._source = part.name if part.source == NAME else None
        self._call = default_scorer() if self._source is not None else function(part, registered=False)
        self.together = inspect.iscoroutinefunction(self._call)
        self._kwargs = dict(options.get("reward_kwargs") or {})
        self._left_out = _not_taken(self._call, part)
        self._manager = str(options.get("manager") or "naive")
        if self._manager not in MANAGERS:
            raise UsageError(f"there is no reward manager {self._manager!r}; choose from: {', '.join(MANAGERS)}")
        if self._manager == "remote" and self.together:
            raise Rejected(f"{part.label} is async, which the remote manager does not accept")
        self._tokens = Tokens(options.get("tokenizer"))
        self._overlong = _Overlong.of(options) if self._manager == "dapo" else None
        self._timeout = float(options.get("timeout") or 300) if self._manager == "rate_limited" else None
        self._threads = ThreadPoolExecutor(1, thread_name_prefix="asyncio")
        self._loop = background_loop(self, "AsyncIO Thread: default") if self.together else None
        self.notes = [f"reward manager {self._manager}: {MANAGERS[self._manager]}", self._tokens.note]
        if self._left_out:
            self.notes.append(
                f"{part.label} does not accept {', '.join(self._left_out)}: left out here, where verl's call of a "
                "custom reward function would fail"
            )
        if self._manager != "remote" and not self.together:
            self.notes.append("calls are made one at a time, where verl makes them from several threads at once")

    def __call__(self, rows: Sequence[Row], texts: Sequence[str]) -> list[Paid]:
        if self._loop is not None:
            return asyncio.run_coroutine_threadsafe(self._pay_all(rows, texts), self._loop).result()
        if self._manager == "remote":
            return [*map(self._pay, rows, texts)]
        if self._timeout is None:
            return self._threads.submit(lambda: [*map(self._pay, rows, texts)]).result()
        return [self._pay_in_time(row, text) for row, text in zip(rows, texts, strict=True)]

    def _pay(self, row: Row, text: str) -> Paid:
        try:
            return self._read(self._call(**self._keywords(row, text)), text)
        except Rejected:
            raise
        except Exception as error:
            return self._failed(error)

    def _pay_in_time(self, row: Row, text: str) -> Paid:
        """A late function continues in its thread, and its result is ignored."""
        future = self._threads.submit(self._pay, row, text)
        try:
            return future.result(self._timeout)
        except TimeoutError:
            self._threads = ThreadPoolExecutor(1, thread_name_prefix="asyncio")
            return self._late()

    async def _pay_all(self, rows: Sequence[Row], texts: Sequence[str]) -> list[Paid]:
        return await asyncio.gather(*map(self._pay_async, rows, texts))

    async def _pay_async(self, row: Row, text: str) -> Paid:
        keywords = self._keywords(row, text)
        try:
            result = await asyncio.wait_for(self._call(**keywords), self._timeout)
        except TimeoutError as error:
            return self._failed(error) if self._timeout is None else self._late()
        except Exception as error:
            return self._failed(error)
        return self._read(result, text)

    def _keywords(self, row: Row, text: str) -> dict[str, Any]:
        """The keywords of a call that the function accepts.

        Each call gets copies, since verl sends each sample to another process.
        """
        columns = row.columns
        makers: dict[str, Callable[[], Any]] = {
            "data_source": lambda: np.str_(
                self._source or (columns["data_source"] if "data_source" in columns else _missing("data_source"))
            ),
            "solution_str": lambda: text,
            "ground_truth": lambda: copied(_ground_truth(columns)),
            "extra_info": lambda: self._extra_info(row),
        }
        return {name: make() for name, make in makers.items() if name not in self._left_out} | self._kwargs

    def _extra_info(self, row: Row) -> dict[str, Any]:
        """The row's extra_info, with the manager's additions."""
        extra = copied(row.columns.get("extra_info") or {})
        if not isinstance(extra, dict):
            raise Rejected(f"row {row.number}: extra_info is a {type(extra).__name__}, not a record")
        if self._manager in ("naive", "remote"):
            extra |= {"turn_scores": [], "tool_rewards": [], "num_turns": np.int64(2), "rollout_reward_scores": {}}
        elif self._manager == "rate_limited":
            extra |= {"turn_scores": [], "tool_rewards": []}
        elif self._manager == "gdpo":
            extra["experiment_name"] = "audit"
        return extra

    def _read(self, result: Any, text: str) -> Paid:
        keys: tuple[str, ...] = ("acc",)
        if isinstance(result, dict):
            if "score" not in result:
                return self._failed(KeyError("score"))
            keys = tuple(sorted(map(str, result)))
            result = result["score"]
        if inspect.iscoroutine(result):
            result.close()
            raise Rejected(f"verl does not recognise {self._part.label} as async, and its coroutine would be the score")
        if result is None:
            return Paid(None, NO_REWARD, keys=keys)
        try:
            value = number(result, self._part.label) or 0.0
        except OverflowError as error:
            return Paid(None, raised(error), keys=keys)
        if self._overlong is not None:
            result = self._overlong.add(result, value, self._tokens.count(text))
        if not _storable(result):
            return Paid(None, f"returned {_described(result)}, which verl's trainer cannot store", keys=keys)
        value = held(float(result))
        return Paid(value, "" if math.isfinite(value) else f"returned {value}", keys=keys)

    def _failed(self, error: Exception) -> Paid:
        return Paid(0.0 if self._manager == "rate_limited" else None, raised(error, [file_of(self._call)]))

    def _late(self) -> Paid:
        return Paid(0.0, f"took longer than {self._timeout:g} s")


def default_scorer() -> Callable[..., Any]:
    """verl's scorer for all data sources, imported without the rest of verl, which needs Ray and PyTorch."""
    for name in ("verl", "verl.utils"):
        if name not in sys.modules:
            path = getattr(sys.modules.get(name.rpartition(".")[0]), "__path__", None)
            spec = PathFinder.find_spec(name, path)
            if spec is None or spec.submodule_search_locations is None:
                raise UsageError("there is no verl here: install it, or leave --python out")
            package = sys.modules[name] = ModuleType(name)
            package.__path__ = [*spec.submodule_search_locations]
    scorer: Callable[..., Any] = importlib.import_module("verl.utils.reward_score").default_compute_score
    return scorer


def members() -> list[str]:
    """The data sources that verl's scorer compares with, read from its source, since nothing else lists them.

    Some are prefixes, such as ``aime``.
    """
    tree = ast.parse(inspect.getsource(default_scorer()))
    tests = [node.test for node in ast.walk(tree) if isinstance(node, ast.If)]
    about = [test for test in tests if any(_is_name(node, "data_source") for node in ast.walk(test))]
    values = [node.value for test in about for node in ast.walk(test) if isinstance(node, ast.Constant)]
    return sorted({value for value in values if isinstance(value, str)})


def _is_name(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name


class _Overlong:
    """DAPO's penalty: zero up to the start of the buffer, then falling linearly without a limit."""

    def __init__(self, longest: int, buffer: int, factor: float) -> None:
        self._begins = longest - buffer
        self._buffer = buffer
        self._factor = factor

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> _Overlong | None:
        """The penalty by the options; None if it is off."""
        if options.get("overlong_buffer") is None:
            return None
        longest, buffer = int(options.get("max_completion_tokens") or 0), int(options["overlong_buffer"])
        if not 0 < buffer <= longest:
            raise UsageError("overlong_buffer lies between 1 and the longest completion")
        return cls(longest, buffer, float(options.get("penalty_factor", 1.0)))

    def add(self, result: Any, value: float, tokens: int) -> Any:
        """A score of this ``value``, minus the penalty for this length.

        In verl the penalty is a tensor, which makes more kinds of sums storable. Before the buffer it is the integer 0,
        whose only effect is that NumPy's booleans become integers.
        """
        beyond = tokens - self._begins
        if beyond < 0:
            return int(result) if isinstance(result, np.bool_) else result
        if not isinstance(result, float | np.generic) and not _storable(result):
            return result
        return held(value + min(-beyond / self._buffer * self._factor, 0.0))


def _storable(result: Any) -> bool:
    """Whether an element of a float32 tensor can be set to this result."""
    if isinstance(result, float):
        return not LARGEST < abs(result) < math.inf
    if isinstance(result, int | np.integer):
        return -(2**63) <= int(result) < 2**63
    return hasattr(result, "is_floating_point")  # a tensor


def _described(result: Any) -> str:
    """The type of a result, or the number itself if that is what is wrong."""
    if isinstance(result, int | float):
        return f"{result:g}" if isinstance(result, float) else "a whole number of more than 64 bits"
    return f"a {type(result).__module__}.{type(result).__name__}"


def _ground_truth(columns: Mapping[str, Any]) -> Any:
    """The ground truth from where verl reads it, or from a plain column."""
    section = columns.get("reward_model")
    if isinstance(section, Mapping) and "ground_truth" in section:
        return section["ground_truth"]
    return columns["ground_truth"] if "ground_truth" in columns else _missing("reward_model.ground_truth")


def _missing(name: str) -> Any:
    raise Rejected(f"the data has no column {name}, which verl passes to compute_score")


def _not_taken(call: Callable[..., Any], part: Part) -> list[str]:
    """verl's keywords that a function does not accept; raises :class:`Rejected` if solution_str is among them."""
    signature = parameters(call)
    if signature is None or any(each.kind is each.VAR_KEYWORD for each in signature.values()):
        return []
    taken = {name for name, each in signature.items() if each.kind in (each.POSITIONAL_OR_KEYWORD, each.KEYWORD_ONLY)}
    if "solution_str" not in taken:
        raise Rejected(f"{part.label} does not accept solution_str, in which verl passes the completion")
    return [name for name in KEYWORDS if name not in taken]


def recognises(shape: Shape) -> bool:
    """Whether it takes a completion and the ground truth by verl's names."""
    return {"solution_str", "ground_truth"} <= set(shape.parameters)


def build(parts: Sequence[Part], options: Mapping[str, Any]) -> VerlReward:
    """See :mod:`loopholes.audit.frameworks`.

    Options: ``manager``, ``reward_kwargs``, ``tokenizer``, for DAPO ``overlong_buffer``, ``penalty_factor`` and
    ``max_completion_tokens``, and for ``rate_limited`` ``timeout`` (seconds, 300).
    """
    if len(parts) != 1 or parts[0].weight != 1:
        raise UsageError("verl takes one compute_score, without a weight")
    return VerlReward(parts[0], options)
