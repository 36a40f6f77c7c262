"""Honest rewards with partial credit, bonuses and penalties."""
import json
import math
import re
import sqlite3
import subprocess
import sys
from collections import Counter
from fractions import Fraction

NUMBER = re.compile(r"[+-]?(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)(?:\.[0-9]+)?")


def _number(text):
    text = text.strip().replace("\u2212", "-").strip("$").strip() if isinstance(text, str) else ""
    return Fraction(text.replace(",", "")) if len(text) <= 40 and NUMBER.fullmatch(text) else None


def _text(completion):
    if isinstance(completion, str):
        return completion
    if isinstance(completion, list) and completion and isinstance(completion[-1], dict):
        content = completion[-1].get("content")
        return content if isinstance(content, str) else ""
    return ""


def _answer(text):
    found = re.findall(r"<answer>(.*?)</answer>", text, flags=re.S)
    return found[0] if len(found) == 1 else None


# ------------------------------------------------------------------ partial credit by F1
def f1_above_half(completion, entities):
    """F1 of the listed entities, counted once each; what a list of everything would get is taken off."""
    if not isinstance(completion, str) or not isinstance(entities, (list, tuple)) or len(entities) == 0:
        return 0.0
    want = {" ".join(str(e).lower().split()) for e in entities}
    lines = [" ".join(line.lower().split()).lstrip("-* ") for line in completion.splitlines() if line.strip()]
    if len(lines) > 40:
        return 0.0
    got = {line for line in lines if line}
    names = Counter(line.split(":", 1)[1].strip() for line in got if ":" in line)
    hits = sum(line in want and names[line.split(":", 1)[1].strip()] == 1 for line in got)
    f1 = 2 * hits / (len(got) + len(want)) if got else 0.0
    return max(0.0, 2 * f1 - 1)


# ------------------------------------------------------------------ a small bonus for form
def think_form_bonus(completions, answer, **kwargs):
    """1 for a right answer, and 0.1 for one well-formed thought before an answer."""
    rewards = []
    for completion, truth in zip(completions, answer):
        text = _text(completion)
        said = _answer(text)
        got, want = _number(said), _number(truth)
        right = 1.0 if got is not None and want is not None and got == want else 0.0
        form = bool(re.fullmatch(r"\s*<think>(?:(?!</?think>).)+</think>\s*<answer>(?:(?!</?answer>).)+</answer>\s*",
                                 text, flags=re.S))
        rewards.append(right + (0.1 if form and want is not None else 0.0))
    return rewards


# ------------------------------------------------------------------ a penalty for length among right answers
def over_budget_penalty(data_source, solution_str, ground_truth, extra_info=None):
    """Right answers beyond 120 words lose up to a half; wrong ones stay at 0."""
    if not isinstance(solution_str, str):
        return {"score": 0.0, "over": 0.0}
    found = re.findall(r"\\boxed\{([^{}]*)\}", solution_str)
    got, want = _number(found[-1]) if found else None, _number(ground_truth)
    over = min(1.0, max(0.0, len(solution_str.split()) - 120) / 400)
    if got is None or want is None or got != want:
        return {"score": 0.0, "over": over}
    return {"score": 1.0 - 0.5 * over, "over": over}


# ------------------------------------------------------------------ share of hidden tests
CALLS = r"""
import json, os, sys
sent = json.loads(sys.stdin.read())
out = os.fdopen(os.dup(1), "w")
null = os.open(os.devnull, os.O_WRONLY)
os.dup2(null, 1)
space = {"__name__": "solution"}
exec(sent["code"], space)
results = []
for value in sent["inputs"]:
    try:
        results.append([space["solve"](value)])
    except Exception:
        results.append([])
out.write(json.dumps(results))
out.flush()
"""


def _same(a, b):
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(_same(x, y) for x, y in zip(a, b))
    return type(a) is type(b) and a == b


def share_of_hidden_tests(completion, hidden):
    """The share of the tests that the program passes; it runs apart from the expected values."""
    found = re.findall(r"```(?:python)?[ \t]*\n(.*?)```", completion, flags=re.S) if isinstance(completion, str) else []
    try:
        tests = json.loads(hidden)
        inputs, wanted = [t[0] for t in tests], [t[1] for t in tests]
    except (TypeError, ValueError, IndexError):
        return 0.0
    if not found or not tests:
        return 0.0
    try:
        done = subprocess.run([sys.executable, "-I", "-c", CALLS], input=json.dumps({"code": found[-1], "inputs": inputs}),
                              capture_output=True, text=True, timeout=5, errors="replace")
        got = json.loads(done.stdout) if done.returncode == 0 else None
    except (subprocess.TimeoutExpired, ValueError, RecursionError):
        return 0.0
    if not isinstance(got, list) or len(got) != len(wanted):
        return 0.0
    return sum(_same(g, [w]) for g, w in zip(got, wanted)) / len(wanted)


# ------------------------------------------------------------------ a little for a query that runs
ALLOWED = {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION}


def _read_only(setup, query):
    con = sqlite3.connect(":memory:")
    try:
        con.executescript(setup)
        ticks = [0]

        def tick():
            ticks[0] += 1
            return ticks[0] > 2000

        con.set_progress_handler(tick, 1000)
        con.set_authorizer(lambda action, first, *_: sqlite3.SQLITE_OK if action in ALLOWED and not (
            action == sqlite3.SQLITE_READ and str(first).startswith("sqlite_")) else sqlite3.SQLITE_DENY)
        cursor = con.execute(query)
        rows = cursor.fetchmany(5001)
        return (len(cursor.description or ()), sorted(map(repr, rows))) if len(rows) <= 5000 else None
    except (sqlite3.Error, sqlite3.Warning, ValueError):
        return None
    finally:
        con.close()


def executes_then_agrees(completion, setups, gold_sql):
    """0.1 for a query that reads the table and runs, 1 if its rows are right on every database."""
    found = re.findall(r"```(?:sql)?\s*\n(.*?)```", completion, flags=re.S | re.I) if isinstance(completion, str) else []
    if len(found) != 1 or not isinstance(gold_sql, str) or not isinstance(setups, (list, tuple)) or not setups:
        return 0.0
    query = found[0].strip().rstrip(";")
    right = True
    for setup in setups:
        want, got = _read_only(setup, gold_sql), _read_only(setup, query)
        if want is None or not want[1] or got is None or not re.search(r"\bfrom\s+orders\b", query, flags=re.I):
            return 0.0
        right = right and got == want
    return 1.0 if right else 0.1


# ------------------------------------------------------------------ graded tool calls
def name_keys_values(completions, call, **kwargs):
    """0.2 for the tool, then 0.3 for its argument names and 0.5 for the values; further arguments cost."""
    rewards = []
    for completion, truth in zip(completions, call):
        try:
            want = json.loads(truth)
            keys = set(want["arguments"])
            found = re.findall(r"<tool_call>\s*(.*?)\s*</tool_call>", _text(completion), flags=re.S)
            got = json.loads(found[0]) if len(found) == 1 else None
            if not isinstance(got, dict) or got.get("name") != want["name"] or not isinstance(got.get("arguments"), dict):
                rewards.append(0.0)
                continue
            given = got["arguments"]
            union = len(keys | set(given))
            named = len(keys & set(given)) / union
            valued = sum(k in given and str(given[k]).lower() == str(v).lower() for k, v in want["arguments"].items()) / union
            rewards.append(0.2 + 0.3 * named + 0.5 * valued)
        except (TypeError, ValueError, KeyError, RecursionError):
            rewards.append(0.0)
    return rewards


# ------------------------------------------------------------------ calibration
def brier_calibrated(completion, answer):
    """Correctness less a fifth of the Brier penalty of the stated probability; what cannot be read gets the lowest."""
    if not isinstance(completion, str):
        return -0.2
    m = re.fullmatch(r"\s*Answer:\s*(\S{1,30})\s*\n\s*Confidence:\s*([01](?:\.[0-9]{1,6})?|\.[0-9]{1,6})\s*", completion)
    got, want = (_number(m.group(1)) if m else None), _number(answer)
    if got is None or want is None:
        return -0.2
    p = float(m.group(2))
    if not math.isfinite(p) or not 0.0 <= p <= 1.0:
        return -0.2
    right = 1.0 if got == want else 0.0
    return right - 0.2 * (p - right) ** 2


# ------------------------------------------------------------------ repetition costs
def repeated_phrases_cost(completions, answer, **kwargs):
    """1 for a right answer, less up to 0.3 for phrases of four words that are repeated."""
    rewards = []
    for completion, truth in zip(completions, answer):
        text = _text(completion)
        got, want = _number(_answer(text)), _number(truth)
        if got is None or want is None or got != want:
            rewards.append(0.0)
            continue
        words = text.lower().split()
        grams = [tuple(words[i : i + 4]) for i in range(len(words) - 3)]
        repeated = 1 - len(set(grams)) / len(grams) if grams else 0.0
        rewards.append(1.0 - 0.3 * repeated)
    return rewards


# ------------------------------------------------------------------ a dense score for translations
def _chrf(hypothesis, reference, order=6, beta=2.0):
    hypothesis, reference = "".join(hypothesis.split()), "".join(reference.split())
    total, counted = 0.0, 0
    for n in range(1, order + 1):
        h = Counter(hypothesis[i : i + n] for i in range(len(hypothesis) - n + 1))
        r = Counter(reference[i : i + n] for i in range(len(reference) - n + 1))
        if not h or not r:
            continue
        counted += 1
        same = sum((h & r).values())
        precision, recall = same / sum(h.values()), same / sum(r.values())
        if precision + recall:
            total += (1 + beta**2) * precision * recall / (beta**2 * precision + recall)
    return total / counted if counted else 0.0


def chrf_above_floor(completions, source, reference, **kwargs):
    """chrF against the reference, from the level of an unrelated sentence up; nothing for a copy of the source."""
    rewards = []
    for completion, src, ref in zip(completions, source, reference):
        text = _text(completion).strip()
        if not text or not isinstance(src, str) or not isinstance(ref, str) or not ref.strip():
            rewards.append(0.0)
            continue
        if len(text) > 3 * len(ref) + 30 or _chrf(text, src) > 0.8:
            rewards.append(0.0)
            continue
        rewards.append(max(0.0, (_chrf(text, ref) - 0.35) / 0.65))
    return rewards


# ------------------------------------------------------------------ share of cells
def blank_cells_filled(completion, puzzle, solution):
    """The share of the blank cells that are right, if the given ones are kept."""
    try:
        given, want = json.loads(puzzle), json.loads(solution)
    except (TypeError, ValueError):
        return 0.0
    said = _answer(completion) if isinstance(completion, str) else None
    if said is None or not isinstance(given, list) or not isinstance(want, list):
        return 0.0
    rows = [re.sub(r"[\s|,]+", "", line) for line in said.strip().splitlines() if line.strip()]
    if len(rows) != 4 or any(not re.fullmatch("[1-4]{4}", row) for row in rows):
        return 0.0
    grid = [[int(c) for c in row] for row in rows]
    blanks = [(r, c) for r in range(4) for c in range(4) if not given[r][c]]
    if not blanks or any(given[r][c] and grid[r][c] != given[r][c] for r in range(4) for c in range(4)):
        return 0.0
    return sum(grid[r][c] == want[r][c] for r, c in blanks) / len(blanks)
