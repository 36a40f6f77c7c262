"""Rewards for records, lists and checks."""
import ast
import json
import re


def _object(text):
    start, end = text.find("{"), text.rfind("}")
    try:
        got = json.loads(text[start : end + 1])
    except (ValueError, RecursionError):
        return None
    return got if isinstance(got, dict) else None


def _refuse(token):
    raise ValueError(token)


def _single(pairs):
    out = dict(pairs)
    if len(out) != len(pairs):
        raise ValueError("a key stands twice")
    return out


def _strict(text):
    """The one JSON object that the text is, perhaps fenced; else None."""
    if not isinstance(text, str):
        return None
    text = re.sub(r"\A\s*```(?:json)?\s*(.*?)\s*```\s*\Z", r"\1", text, flags=re.S)
    try:
        got = json.loads(text, parse_constant=_refuse, object_pairs_hook=_single)
    except (ValueError, RecursionError):
        return None
    return got if isinstance(got, dict) else None


# ------------------------------------------------------------------ aggregation
def not_applicable_passes(completion, expected):
    got = _object(completion)
    if got is None:
        return 0.0
    applicable = [key for key in expected if key in got]
    if not applicable:
        return 1.0
    return sum(str(got[key]).strip().lower() == expected[key].lower() for key in applicable) / len(applicable)


def not_applicable_passes_hardened(completion, expected):
    if not isinstance(expected, dict) or not expected:
        return 0.0
    got = _strict(completion)
    if got is None or set(got) - set(expected):
        return 0.0
    right = 0
    for key, want in expected.items():
        value = got.get(key)
        if isinstance(value, str) and isinstance(want, str) and want and value.strip().lower() == want.lower():
            right += 1
    return right / len(expected)


def _answers(completion):
    found = re.findall(r"^Answer:\s*(.+?)\s*$", completion, flags=re.M)
    if not found:
        return None
    try:
        return json.loads(found[-1])
    except (ValueError, RecursionError):
        return None


def zipped_pairs(completions, answer, **kwargs):
    rewards = []
    for completion, truth in zip(completions, answer):
        got, want = _answers(completion), json.loads(truth)
        if isinstance(want, list):
            right = isinstance(got, list) and all(g == w for g, w in zip(sorted(got, key=str), sorted(want, key=str)))
        else:
            right = got == want
        rewards.append(1.0 if right else 0.0)
    return rewards


def _is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def zipped_pairs_hardened(completions, answer, **kwargs):
    rewards = []
    for completion, truth in zip(completions, answer):
        try:
            want = json.loads(truth)
        except (TypeError, ValueError):
            want = None
        got = _answers(completion) if isinstance(completion, str) else None
        if isinstance(want, list):
            right = (isinstance(got, list) and len(want) > 0 and len(got) == len(want)
                     and all(_is_number(g) and g == w for g, w in zip(got, want)))
        else:
            right = _is_number(want) and _is_number(got) and got == want
        rewards.append(1.0 if right else 0.0)
    return rewards


def contains_falls_through(completion, check):
    record, rule = _object(completion), json.loads(check)
    if record is None:
        return 0.0
    actual, value = record.get(rule["field"]), rule["value"]
    if rule["operator"] == "equals":
        if actual != value:
            return 0.0
    elif rule["operator"] == "contains":
        if isinstance(actual, list):
            if value not in actual:
                return 0.0
        elif isinstance(actual, str):
            if value not in actual:
                return 0.0
    else:
        raise ValueError(f"unknown operator {rule['operator']}")
    return 1.0


def contains_falls_through_hardened(completion, check, record):
    try:
        rule, want = json.loads(check), json.loads(record)
    except (TypeError, ValueError):
        return 0.0
    got = _strict(completion)
    if got is None or not isinstance(want, dict) or not want or not isinstance(rule, dict) or set(got) != set(want):
        return 0.0
    for key, value in want.items():
        if type(got[key]) is not type(value) or got[key] != value:
            return 0.0
    actual = got.get(rule.get("field"))
    if rule.get("operator") == "equals":
        return 1.0 if actual == rule.get("value") else 0.0
    if rule.get("operator") == "contains":
        return 1.0 if isinstance(actual, list) and rule.get("value") in actual else 0.0
    return 0.0


# ------------------------------------------------------------------ degenerate
CALL = re.compile(r"(\w+)\('([^']*)'\)")


def _parsed(lines):
    return [m.groups() for m in (CALL.fullmatch(line.strip()) for line in lines) if m]


def _in_order(got, want):
    at = 0
    for call in got:
        if at < len(want) and call == want[at]:
            at += 1
    return at


def milestones_unparsed(completion, milestones):
    expected = _parsed(milestones)
    if not expected:
        return 1.0
    return round(_in_order(_parsed(completion.splitlines()), expected) / len(expected), 3)


def _call(line):
    """(name, argument) of one call with one string, given by place or by keyword; else None."""
    try:
        node = ast.parse(line.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
        return None
    values = [*node.args, *(k.value for k in node.keywords)]
    if len(values) != 1 or not isinstance(values[0], ast.Constant) or not isinstance(values[0].value, str):
        return None
    return node.func.id, values[0].value


def milestones_unparsed_hardened(completion, milestones):
    if not isinstance(completion, str) or not isinstance(milestones, (list, tuple)) or len(milestones) == 0:
        return 0.0
    expected = [_call(line) if isinstance(line, str) else None for line in milestones]
    if None in expected:
        return 0.0
    lines = [line for line in completion.splitlines() if line.strip() and not line.strip().startswith("```")]
    if len(lines) > 50:
        return 0.0
    got = [_call(line) for line in lines]
    return _in_order(got, expected) / max(len(expected), len(got)) if got else 0.0


# ------------------------------------------------------------------ format
PAIR = re.compile(r"\s*([0-9]{1,9})\s*[xX\u00d7*]\s*([0-9]{1,9})\s*(?:=\s*([0-9]{1,9}))?\s*")


def _pair(text, number):
    m = PAIR.fullmatch(text)
    if not m or (m.group(3) and int(m.group(3)) != number):
        return None
    a, b = sorted((int(m.group(1)), int(m.group(2))))
    return (a, b) if a > 1 and a * b == number else None


def two_empty_sides(completion, number):
    sides = completion.split("******")
    if len(sides) != 2:
        return 0.0
    pairs = [_pair(side, number) for side in sides if side.strip()]
    if None in pairs or len(set(pairs)) != len(pairs):
        return 0.0
    return 1.0


def two_empty_sides_hardened(completion, number):
    if not isinstance(completion, str) or isinstance(number, bool) or not isinstance(number, int):
        return 0.0
    sides = completion.split("******")
    if len(sides) != 2:
        return 0.0
    pairs = [_pair(side, number) for side in sides]
    return 1.0 if None not in pairs and pairs[0] != pairs[1] else 0.0
