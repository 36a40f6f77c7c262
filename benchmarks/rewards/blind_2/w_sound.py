"""Shaped rewards: partial credit, small bonuses and penalties."""
import json
import math
import re
import subprocess
import sys
from collections import Counter
from datetime import date


def _text(completion):
    """The reply as text; a chat completion is a list of messages."""
    if isinstance(completion, str):
        return completion
    if isinstance(completion, list) and completion and isinstance(completion[-1], dict):
        content = completion[-1].get("content")
        return content if isinstance(content, str) else ""
    return ""


def _refuse(token):
    raise ValueError(token)


def _single(pairs):
    if len(dict(pairs)) != len(pairs):
        raise ValueError("a key stands twice")
    return dict(pairs)


def _strict_json(text):
    text = re.sub(r"\A\s*```(?:json)?\s*(.*?)\s*```\s*\Z", r"\1", text, flags=re.S)
    try:
        return json.loads(text, parse_constant=_refuse, object_pairs_hook=_single)
    except (ValueError, RecursionError):
        return None


def _whole(text):
    text = text.strip().replace(",", "")
    return int(text) if re.fullmatch(r"-?[0-9]{1,12}", text) else None


# ---------------------------------------------------------------- a walk through a maze
STEPS = {"U": (-1, 0), "D": (1, 0), "L": (0, -1), "R": (0, 1)}


def _distances(grid, goal):
    seen, front = {goal: 0}, [goal]
    for r, c in front:
        for dr, dc in STEPS.values():
            cell = (r + dr, c + dc)
            if 0 <= cell[0] < len(grid) and 0 <= cell[1] < len(grid[0]) and grid[cell[0]][cell[1]] == "." and cell not in seen:
                seen[cell] = seen[r, c] + 1
                front.append(cell)
    return seen


def legal_steps(completion, maze):
    """1 for a legal walk that ends at the goal; one that stops short gets up to 0.2, by the way it has gone."""
    if not isinstance(completion, str) or not isinstance(maze, str):
        return 0.0
    grid = maze.split("/")
    found = re.findall(r"^Path:[ ]*([UDLR]{1,60})[ ]*$", completion, flags=re.M)
    if len(found) != 1 or completion.count("Path:") != 1:
        return 0.0
    goal = (len(grid) - 1, len(grid[0]) - 1)
    away = _distances(grid, goal)
    cell = (0, 0)
    for step in found[0]:
        cell = (cell[0] + STEPS[step][0], cell[1] + STEPS[step][1])
        if cell not in away:
            return 0.0
    if cell == goal:
        return 1.0
    return 0.2 * max(0.0, 1 - away[cell] / away[0, 0])


# ---------------------------------------------------------------- an answer and its proof
def answer_then_quote(completion, passage, answer):
    """0.8 for the right answer, and 0.2 more for the sentence that shows it."""
    if not all(isinstance(t, str) and t.strip() for t in (completion, passage, answer)):
        return 0.0
    said = _strict_json(completion)
    plain = lambda text: " ".join(text.split()).lower().rstrip(".")  # noqa: E731
    if not isinstance(said, dict) or not isinstance(said.get("answer"), str) or plain(said["answer"]) != plain(answer):
        return 0.0
    sentences = [s for s in re.split(r"(?<=[.])\s+", passage) if re.search(rf"\b{re.escape(answer)}\b", s)]
    quote = said.get("quote")
    return 1.0 if isinstance(quote, str) and plain(quote) in {plain(s) for s in sentences} else 0.8


# ---------------------------------------------------------------- a figure, and a little for its form
def form_and_figure(data_source, solution_str, ground_truth, extra_info=None):
    """0.9 for the right figure and 0.1 for the form."""
    if not isinstance(solution_str, str) or not isinstance(ground_truth, str):
        return {"score": 0.0, "form": 0.0}
    boxes = re.findall(r"\\boxed\{([^{}]*)\}", solution_str)
    one = len(boxes) == 1 and solution_str.count("\\boxed") == 1
    form = 1.0 if one and re.fullmatch(r"Working:[^\n]*\w[^\n]*\n\\boxed\{[^{}]+\}\s*", solution_str) else 0.0
    want = _whole(ground_truth)
    right = 1.0 if one and want is not None and _whole(boxes[0]) == want else 0.0
    return {"score": 0.9 * right + 0.1 * form, "form": form}


# ---------------------------------------------------------------- shorter thoughts among right answers
def shorter_when_right(data_source, solution_str, ground_truth, extra_info=None):
    """1 for a right answer, less up to 0.3 for a long reply; 0 for a wrong one, whatever its length."""
    if not isinstance(solution_str, str) or not isinstance(ground_truth, str) or solution_str.count("</think>") != 1:
        return 0.0
    after = solution_str.split("</think>")[1]
    boxes = re.findall(r"\\boxed\{([^{}]*)\}", after)
    want = _whole(ground_truth)
    if want is None or len(boxes) != 1 or after.count("\\boxed") != 1 or _whole(boxes[0]) != want:
        return 0.0
    return 1.0 - 0.3 * min(1.0, max(0, len(solution_str) - 400) / 3000)


# ---------------------------------------------------------------- an order
def tau_of_full_order(completion, answer):
    """The square of Kendall's tau for an order of all the letters; 0 if it is not positive."""
    if not isinstance(completion, str) or not isinstance(answer, str):
        return 0.0
    want = [letter.strip() for letter in answer.split(",")]
    found = re.findall(r"Order:(.*)", completion)
    said = re.split(r"\s*[,>]\s*", found[0].strip().rstrip(".")) if len(found) == 1 else []
    if len(want) < 2 or sorted(said) != sorted(want) or len(set(want)) != len(want):
        return 0.0
    rank = {letter: i for i, letter in enumerate(want)}
    pairs = [(i, j) for i in range(len(said)) for j in range(i + 1, len(said))]
    tau = sum(1 if rank[said[i]] < rank[said[j]] else -1 for i, j in pairs) / len(pairs)
    return max(0.0, tau) ** 2


# ---------------------------------------------------------------- bounds
def winkler_interval(completion, answer):
    """An interval score from 0 to 1: width costs, and leaving the value outside costs twenty times the miss."""
    if not isinstance(completion, str) or type(answer) not in (int, float) or answer == 0:
        return 0.0
    bounds = _strict_json(completion)
    if not isinstance(bounds, dict) or set(bounds) != {"low", "high"}:
        return 0.0
    low, high = bounds["low"], bounds["high"]
    if not all(type(b) in (int, float) and abs(b) < 1e15 for b in (low, high)) or low > high:
        return 0.0
    miss = max(0.0, low - answer, answer - high)
    return max(0.0, 1 - (high - low + 20 * miss) / (0.4 * abs(answer)))


# ---------------------------------------------------------------- shares of cases
APART = r"""
import json, os, sys
sent = json.loads(sys.stdin.read())
out = os.fdopen(os.dup(1), "w")
os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
space = {"__name__": "solution"}
exec(sent["code"], space)
results = []
for value in sent["inputs"]:
    try:
        results.append([space[sent["name"]](value)])
    except Exception:
        results.append([])
out.write(json.dumps(results))
out.flush()
"""


def _passed(code, name, tests):
    """How many of the tests a function passes; its process does not know what they expect."""
    try:
        done = subprocess.run([sys.executable, "-I", "-c", APART], capture_output=True, text=True, timeout=5, errors="replace",
                              input=json.dumps({"code": code, "name": name, "inputs": [t[0] for t in tests]}))
        got = json.loads(done.stdout) if done.returncode == 0 else []
    except (subprocess.TimeoutExpired, ValueError, RecursionError):
        return 0
    if not isinstance(got, list) or len(got) != len(tests):
        return 0
    return sum(g == [w] and type(g[0]) is type(w) for g, (_, w) in zip(got, tests))


def cases_gained(completion, function, broken, hidden):
    """The share of the hidden cases that the repair wins, of those that the broken module fails."""
    if not isinstance(completion, str):
        return 0.0
    found = re.findall(r"```(?:python)?[ \t]*\n(.*?)```", completion, flags=re.S)
    try:
        tests = json.loads(hidden)
    except (TypeError, ValueError):
        return 0.0
    if not found or not tests:
        return 0.0
    after = _passed(found[-1], function, tests)
    if after == 0:
        return 0.0
    before = _passed(broken, function, tests)
    return max(0.0, (after - before) / (len(tests) - before)) if before < len(tests) else 0.0


# ---------------------------------------------------------------- stages of a call
def staged_call(completions, calls, **kwargs):
    """0.2 for the right tool, 0.2 more for its argument names, and 1 for the whole call; NO CALL is right or wrong."""
    rewards = []
    for completion, truth in zip(completions, calls):
        text = _text(completion).strip()
        try:
            wanted = json.loads(truth)
        except (TypeError, ValueError):
            rewards.append(0.0)
            continue
        bodies = re.findall(r"<call>(.*?)</call>", text, flags=re.S)
        if not wanted:
            rewards.append(1.0 if wanted == [] and text.rstrip(".") == "NO CALL" else 0.0)
            continue
        said = _strict_json(bodies[0]) if text.count("<call>") == len(bodies) == 1 else None
        want = wanted[0]
        if not isinstance(said, dict) or set(said) != {"name", "arguments"} or said["name"] != want["name"]:
            rewards.append(0.0)
            continue
        given = said["arguments"]
        if not isinstance(given, dict) or set(given) != set(want["arguments"]):
            rewards.append(0.2)
            continue
        whole = all(type(given[k]) is type(v) and given[k] == v for k, v in want["arguments"].items())
        rewards.append(1.0 if whole else 0.4)
    return rewards


# ---------------------------------------------------------------- a translation
def _grams(text, n):
    tokens = re.findall(r"\w+|[^\w\s]", text.lower())
    return Counter(tuple(tokens[i : i + n]) for i in range(len(tokens) - n + 1))


def bleu_above_floor(completions, reference, **kwargs):
    """A smoothed sentence BLEU with its brevity penalty, from 0.2 up."""
    rewards = []
    for completion, truth in zip(completions, reference):
        text = _text(completion)
        said, want = sum(_grams(text, 1).values()), sum(_grams(str(truth), 1).values())
        if said < 4 or want < 4 or len(text) > 400:
            rewards.append(0.0)
            continue
        logs = []
        for n in range(1, 5):
            a, b = _grams(text, n), _grams(str(truth), n)
            same, total = sum((a & b).values()), sum(a.values())
            logs.append(math.log(max(same, 0.1) / max(1, total)))
        bleu = math.exp(sum(logs) / 4) * min(1.0, math.exp(1 - want / said))
        rewards.append(max(0.0, (bleu - 0.2) / 0.8))
    return rewards


# ---------------------------------------------------------------- a date
def a_day_off(completion, answer):
    """1 for the right date, and 0.3 for its neighbours, as where the first day was counted."""
    if not isinstance(completion, str) or not isinstance(answer, str):
        return 0.0
    found = re.findall(r"Due:(.*)", completion)
    names = "January February March April May June July August September October November December".split()
    if len(found) != 1:
        return 0.0
    text = found[0].strip().rstrip(".")
    m = re.fullmatch(r"([0-9]{1,2}) ([A-Z][a-z]+) ([0-9]{4})", text)
    try:
        if m:
            said = date(int(m.group(3)), names.index(m.group(2)) + 1, int(m.group(1)))
        else:
            said = date.fromisoformat(text)
        off = abs((said - date.fromisoformat(answer)).days)
    except ValueError:
        return 0.0
    return 1.0 if off == 0 else 0.3 if off == 1 else 0.0
