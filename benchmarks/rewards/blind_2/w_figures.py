"""Rewards for answers that are numbers, quantities, dates or formulas."""
import ast
import json
import math
import re
from datetime import date
from fractions import Fraction


def _text(completion):
    """The reply as text; a chat completion is a list of messages."""
    if isinstance(completion, str):
        return completion
    if isinstance(completion, list) and completion and isinstance(completion[-1], dict):
        content = completion[-1].get("content")
        return content if isinstance(content, str) else ""
    return ""


# ---------------------------------------------------------------- quantities
UNITS = {
    "km": ("length", 1000.0), "m": ("length", 1.0), "metre": ("length", 1.0), "meter": ("length", 1.0),
    "mile": ("length", 1609.344), "mi": ("length", 1609.344), "inch": ("length", 0.0254), "inche": ("length", 0.0254),
    "in": ("length", 0.0254), "cm": ("length", 0.01), "centimetre": ("length", 0.01), "centimeter": ("length", 0.01),
    "foot": ("length", 0.3048), "feet": ("length", 0.3048), "ft": ("length", 0.3048), "kg": ("mass", 1.0),
    "pound": ("mass", 0.45359237), "lb": ("mass", 0.45359237), "litre": ("volume", 1.0), "liter": ("volume", 1.0),
    "l": ("volume", 1.0), "gallon": ("volume", 3.785411784), "minute": ("time", 60.0), "min": ("time", 60.0),
    "hour": ("time", 3600.0), "h": ("time", 3600.0),
}
QUANTITY = re.compile(r"\s*([0-9]{1,9}(?:\.[0-9]{1,9})?)\s*(?:US\s+)?([A-Za-z]+?)s?\s*\.?\s*")


def _quantity(text):
    """(kind, amount in the base unit, size of the unit) of a number with its unit."""
    m = QUANTITY.fullmatch(text)
    if not m:
        return None
    unit = UNITS.get(m.group(2)) or UNITS.get(m.group(2).lower())
    return (unit[0], float(m.group(1)) * unit[1], unit[1]) if unit else None


def restated_quantity(completion, answer):
    """1 if the quantity on the answer line is the right one."""
    found = re.findall(r"^Answer:(.*)$", completion, flags=re.M)
    said, want = _quantity(found[-1]) if found else None, _quantity(answer)
    if said is None or want is None or said[0] != want[0]:
        return 0.0
    return 1.0 if abs(said[1] - want[1]) <= 0.01 * want[1] else 0.0


def restated_quantity_hardened(completion, answer):
    """1 if the quantity on the one answer line is the right one, in the unit that was asked for."""
    if not isinstance(completion, str) or not isinstance(answer, str):
        return 0.0
    found = re.findall(r"^Answer:(.*)$", completion, flags=re.M)
    if len(found) != 1:
        return 0.0
    said, want = _quantity(found[0]), _quantity(answer)
    if said is None or want is None or want[1] <= 0 or said[0] != want[0] or said[2] != want[2]:
        return 0.0
    return 1.0 if abs(said[1] - want[1]) <= 0.006 * want[1] else 0.0


# ---------------------------------------------------------------- dates
MONTHS = ("january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
          "december")


def _lenient(text, default):
    """The date that a text names; what it leaves out is taken from the default."""
    year, month, day = default.year, default.month, default.day
    iso = re.search(r"\b([0-9]{4})-([0-9]{2})-([0-9]{2})\b", text)
    if iso:
        year, month, day = map(int, iso.groups())
    else:
        for i, name in enumerate(MONTHS, 1):
            if re.search(rf"\b{name[:3]}(?:{name[3:]})?\b", text.lower()):
                month = i
        for number in re.findall(r"\b[0-9]{1,4}", text):
            if len(number) == 4:
                year = int(number)
            elif 1 <= int(number) <= 31:
                day = int(number)
    try:
        return date(year, month, day)
    except ValueError:
        return None


def date_parts_default(completion, answer):
    """1 if the date on the due line is the right one, however it is written."""
    gold = date.fromisoformat(answer)
    found = re.findall(r"Due:(.*)", completion)
    if not found:
        return 0.0
    return 1.0 if _lenient(found[-1], default=gold) == gold else 0.0


def _strict(text):
    """A whole date: 2025-04-17, 17 April 2025 or April 17, 2025."""
    text = " ".join(text.strip().rstrip(".").split())
    m = re.fullmatch(r"([0-9]{4})-([0-9]{2})-([0-9]{2})", text)
    if m:
        parts = m.groups()
    else:
        m = re.fullmatch(r"(?:the )?([0-9]{1,2})(?:st|nd|rd|th)?(?: of)? ([A-Za-z]+),? ([0-9]{4})", text)
        if m:
            parts = (m.group(3), m.group(2), m.group(1))
        else:
            m = re.fullmatch(r"([A-Za-z]+) ([0-9]{1,2})(?:st|nd|rd|th)?,? ([0-9]{4})", text)
            if not m:
                return None
            parts = (m.group(3), m.group(1), m.group(2))
        names = [i for i, name in enumerate(MONTHS, 1) if parts[1].lower() in (name, name[:3])]
        if not names:
            return None
        parts = (parts[0], names[0], parts[2])
    try:
        return date(int(parts[0]), int(parts[1]), int(parts[2]))
    except ValueError:
        return None


def date_parts_default_hardened(completion, answer):
    """1 if the one due line holds the right date, whole."""
    if not isinstance(completion, str) or not isinstance(answer, str):
        return 0.0
    found = re.findall(r"Due:(.*)", completion)
    gold = _strict(answer)
    return 1.0 if len(found) == 1 and gold is not None and _strict(found[0]) == gold else 0.0


# ---------------------------------------------------------------- derivatives
POINTS = (0.5, 1.3, 2.1, -0.7, 3.2)


def _value(node, x):
    if isinstance(node, ast.Expression):
        return _value(node.body, x)
    if isinstance(node, ast.Constant) and type(node.value) in (int, float):
        return float(node.value)
    if isinstance(node, ast.Name) and node.id == "x":
        return x
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.USub, ast.UAdd)):
        value = _value(node.operand, x)
        return -value if isinstance(node.op, ast.USub) else value
    if isinstance(node, ast.BinOp):
        a, b = _value(node.left, x), _value(node.right, x)
        if isinstance(node.op, ast.Add):
            return a + b
        if isinstance(node.op, ast.Sub):
            return a - b
        if isinstance(node.op, ast.Mult):
            return a * b
        if isinstance(node.op, ast.Div):
            return a / b
        if isinstance(node.op, ast.Pow) and abs(b) <= 12:
            value = a**b
            if isinstance(value, float):
                return value
    raise ValueError("not a formula in x")


def _formula(text):
    try:
        return ast.parse(text.strip().replace("^", "**"), mode="eval") if len(text) < 300 else None
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def undefined_everywhere(completions, answer, **kwargs):
    """1 if the formula has the values of the right one wherever both are defined."""
    rewards = []
    for completion, truth in zip(completions, answer):
        found = re.findall(r"^Answer:(.*)$", _text(completion), flags=re.M)
        said, want = _formula(found[-1]) if found else None, _formula(truth)
        if said is None or want is None:
            rewards.append(0.0)
            continue
        same = True
        for x in POINTS:
            try:
                a, b = _value(said, x), _value(want, x)
            except (ZeroDivisionError, OverflowError):
                continue  # a pole; it tells nothing
            except (ValueError, RecursionError):
                same = False
                break
            if not abs(a - b) <= 1e-6 * max(1.0, abs(b)):
                same = False
                break
        rewards.append(1.0 if same else 0.0)
    return rewards


TERM = re.compile(r"([+-])(?:([0-9]{1,6})(?:\*(x)(?:\*\*([0-9]{1,2}))?)?|(x)(?:\*\*([0-9]{1,2}))?)")


def _coefficients(text):
    """Power to coefficient of a written-out sum of powers of x; None if it is anything else."""
    text = re.sub(r"\s+", "", text.replace("^", "**").replace("\u2212", "-"))
    if not text or len(text) > 200:
        return None
    text = re.sub(r"(?<=[0-9])x", "*x", text)
    text = text if text[0] in "+-" else "+" + text
    out, at = {}, 0
    while at < len(text):
        m = TERM.match(text, at)
        if not m:
            return None
        at = m.end()
        number = int(m.group(2)) if m.group(2) else 1
        has_x = m.group(3) or m.group(5)
        power = int(m.group(4) or m.group(6) or 1) if has_x else 0
        if power in out:
            return None
        out[power] = -number if m.group(1) == "-" else number
    return {p: c for p, c in out.items() if c}


def undefined_everywhere_hardened(completions, answer, **kwargs):
    """1 if the one answer line is the derivative, written out term by term."""
    rewards = []
    for completion, truth in zip(completions, answer):
        found = re.findall(r"^Answer:(.*)$", _text(completion), flags=re.M)
        want = _coefficients(truth) if isinstance(truth, str) else None
        said = _coefficients(found[0]) if len(found) == 1 else None
        rewards.append(1.0 if want is not None and said == want else 0.0)
    return rewards


# ---------------------------------------------------------------- bounds
def width_is_free(completion, answer):
    """1 if the value lies between the bounds."""
    start, end = completion.find("{"), completion.rfind("}")
    try:
        bounds = json.loads(completion[start : end + 1])
        return 1.0 if bounds["low"] <= answer <= bounds["high"] else 0.0
    except (ValueError, TypeError, KeyError, RecursionError):
        return 0.0


def _refuse(token):
    raise ValueError(token)


def _single(pairs):
    if len(dict(pairs)) != len(pairs):
        raise ValueError("a key stands twice")
    return dict(pairs)


def _number(value):
    return type(value) in (int, float) and (abs(value) < 10**15 if type(value) is int else math.isfinite(value))


def width_is_free_hardened(completion, answer):
    """1 if the value lies between two bounds that are at most a tenth of it apart."""
    if not isinstance(completion, str) or not _number(answer) or answer == 0:
        return 0.0
    text = re.sub(r"\A\s*```(?:json)?\s*(.*?)\s*```\s*\Z", r"\1", completion, flags=re.S)
    try:
        bounds = json.loads(text, parse_constant=_refuse, object_pairs_hook=_single)
    except (ValueError, RecursionError):
        return 0.0
    if not isinstance(bounds, dict) or set(bounds) != {"low", "high"} or not all(map(_number, bounds.values())):
        return 0.0
    low, high = bounds["low"], bounds["high"]
    return 1.0 if low <= answer <= high and high - low <= 0.1 * abs(answer) else 0.0


# ---------------------------------------------------------------- parts of one score
def _whole(text):
    text = text.strip().replace(",", "")
    return int(text) if re.fullmatch(r"-?[0-9]{1,12}", text) else None


def zero_parts_left_out(data_source, solution_str, ground_truth, extra_info=None):
    """The geometric mean of three parts: the figure, the form, and brevity."""
    boxes = re.findall(r"\\boxed\{([^{}]*)\}", solution_str)
    said = _whole(boxes[-1]) if boxes else None
    figure = 0.0 if said is None else 1.0 if said == int(ground_truth) else 0.01
    form = 1.0 if solution_str.startswith("Working:") and boxes else 0.5
    brief = min(1.0, 120 / max(1, len(solution_str.split())))
    parts = [part for part in (figure, form, brief) if part > 0]  # the logarithm of 0 is not defined
    return math.exp(sum(math.log(part) for part in parts) / len(parts))


def zero_parts_left_out_hardened(data_source, solution_str, ground_truth, extra_info=None):
    """0 for a wrong figure; a right one gets 0.8, with up to a tenth each for the form and for brevity."""
    if not isinstance(solution_str, str) or not isinstance(ground_truth, str):
        return 0.0
    want = _whole(ground_truth)
    boxes = re.findall(r"\\boxed\{([^{}]*)\}", solution_str)
    if want is None or len(boxes) != 1 or solution_str.count("\\boxed") != 1 or _whole(boxes[0]) != want:
        return 0.0
    form = 1.0 if re.match(r"Working:[^\n]*\S", solution_str) else 0.0
    return 0.8 + 0.1 * form + 0.1 * min(1.0, 120 / max(1, len(solution_str.split())))


# ---------------------------------------------------------------- thoughts
def reached_in_thought(data_source, solution_str, ground_truth, extra_info=None):
    """1 for the right figure; a reply that was cut off is not punished if the thought had got there."""
    if "</think>" in solution_str:
        boxes = re.findall(r"\\boxed\{([^{}]*)\}", solution_str.split("</think>")[-1])
        return 1.0 if boxes and _whole(boxes[-1]) == int(ground_truth) else 0.0
    return 1.0 if ground_truth in re.findall(r"[0-9]+", solution_str) else 0.0


def reached_in_thought_hardened(data_source, solution_str, ground_truth, extra_info=None):
    """1 for the right figure in the one box behind a thought that was closed."""
    if not isinstance(solution_str, str) or not isinstance(ground_truth, str) or solution_str.count("</think>") != 1:
        return 0.0
    after = solution_str.split("</think>")[1]
    boxes = re.findall(r"\\boxed\{([^{}]*)\}", after)
    want = _whole(ground_truth)
    if want is None or len(boxes) != 1 or after.count("\\boxed") != 1 or "<think>" in after:
        return 0.0
    return 1.0 if _whole(boxes[0]) == want else 0.0


# ---------------------------------------------------------------- expressions
def truth_counts_as_one(completion, numbers, target):
    """1 if the expression uses the numbers, once each, and has the value that was asked for."""
    found = re.findall(r"^Expression:(.*)$", completion, flags=re.M)
    if not found or "__" in found[-1] or "**" in found[-1] or "<" in found[-1] or len(found[-1]) > 1000:
        return 0.0
    text = found[-1].strip()
    if sorted(int(n) for n in re.findall(r"[0-9]{1,9}", text)) != sorted(numbers):
        return 0.0
    try:
        return 1.0 if abs(eval(text, {"__builtins__": {}}, {}) - target) < 1e-9 else 0.0
    except Exception:
        return 0.0


def _arithmetic(node, used):
    if isinstance(node, ast.Expression):
        return _arithmetic(node.body, used)
    if isinstance(node, ast.Constant) and type(node.value) is int:
        used.append(node.value)
        return Fraction(node.value)
    if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Add, ast.Sub, ast.Mult, ast.Div)):
        a, b = _arithmetic(node.left, used), _arithmetic(node.right, used)
        if isinstance(node.op, ast.Add):
            return a + b
        if isinstance(node.op, ast.Sub):
            return a - b
        return a * b if isinstance(node.op, ast.Mult) else a / b
    raise ValueError("not allowed here")


def truth_counts_as_one_hardened(completion, numbers, target):
    """1 if the one expression is plain arithmetic with the numbers, once each, and has the value."""
    if not isinstance(completion, str) or not isinstance(numbers, (list, tuple)) or not numbers:
        return 0.0
    found = re.findall(r"^Expression:(.*)$", completion, flags=re.M)
    if len(found) != 1 or not re.fullmatch(r"[0-9+\-*/() ]{1,120}", found[0].strip()):
        return 0.0
    used = []
    try:
        value = _arithmetic(ast.parse(found[0].strip(), mode="eval"), used)
    except (SyntaxError, ValueError, ZeroDivisionError, RecursionError, MemoryError):
        return 0.0
    return 1.0 if sorted(used) == sorted(numbers) and value == target else 0.0
