"""Rewards that run programs, each in a process of its own with a limit of time."""
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

LIMIT = 5.0


def _code(text):
    found = re.findall(r"```(?:python)?[ \t]*\n(.*?)```", text, flags=re.S)
    return found[-1] if found else None


def _run(arguments, given="", folder=None):
    try:
        return subprocess.run([sys.executable, "-I", *arguments], input=given, capture_output=True, text=True, timeout=LIMIT,
                              errors="replace", cwd=folder)
    except subprocess.TimeoutExpired:
        return None


# ---------------------------------------------------------------- calls of a function
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


def _results(code, name, inputs):
    """What the function gives for the inputs, by a process that knows nothing else; None if it fails."""
    done = _run(["-c", APART], json.dumps({"code": code, "name": name, "inputs": inputs}))
    if done is None or done.returncode != 0:
        return None
    try:
        got = json.loads(done.stdout)
    except (ValueError, RecursionError):
        return None
    return got if isinstance(got, list) and len(got) == len(inputs) else None


def _same(a, b):
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(_same(x, y) for x, y in zip(a, b))
    if type(a) is float and type(b) is float:
        return abs(a - b) <= 1e-9 * max(1.0, abs(b))
    return type(a) is type(b) and a == b


TOGETHER = r"""
import json, sys
sent = json.loads(sys.stdin.read())
space = {"__name__": "solution"}
exec(sent["reference"], space)
exec(sent["code"], space)
solve, reference = space["solve"], space["reference"]
print(json.dumps(all(solve(list(xs)) == reference(list(xs)) for xs in sent["inputs"])))
"""


def reference_in_scope(completion, reference, inputs):
    """1 if the function of the reply agrees with the reference on the inputs."""
    code = _code(completion)
    if code is None:
        return 0.0
    done = _run(["-c", TOGETHER], json.dumps({"reference": reference, "code": code, "inputs": json.loads(inputs)}))
    return 1.0 if done is not None and done.returncode == 0 and done.stdout.strip() == "true" else 0.0


def reference_in_scope_hardened(completion, reference, inputs):
    """The same, where the function and the reference run in two processes, one after the other."""
    if not isinstance(completion, str) or not isinstance(reference, str):
        return 0.0
    code = _code(completion)
    try:
        values = json.loads(inputs)
    except (TypeError, ValueError):
        return 0.0
    if code is None or not isinstance(values, list) or not values:
        return 0.0
    got = _results(code, "solve", values)
    if got is None or not all(got):
        return 0.0
    want = _results(reference, "reference", values)
    return 1.0 if want is not None and all(want) and _same(got, want) else 0.0


# ---------------------------------------------------------------- repairs
def doctests_can_go(completion):
    """1 if the doctests of the returned module pass."""
    code = _code(completion)
    if code is None:
        return 0.0
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "module.py").write_text(code, errors="replace")
        done = _run(["-m", "doctest", "module.py"], folder=folder)
    return 1.0 if done is not None and done.returncode == 0 else 0.0


def doctests_can_go_hardened(completion, function, hidden):
    """1 if the repaired function gives the right values on calls that the module does not show."""
    if not isinstance(completion, str):
        return 0.0
    code = _code(completion)
    try:
        tests = json.loads(hidden)
        values, want = [test[0] for test in tests], [[test[1]] for test in tests]
    except (TypeError, ValueError, IndexError):
        return 0.0
    if code is None or not tests:
        return 0.0
    got = _results(code, function, values)
    return 1.0 if got is not None and _same(got, want) else 0.0
