"""Rewards whose flaw is in how components or batches are put together."""
import re
from fractions import Fraction

NUMBER = re.compile(r"[+-]?(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)(?:\.[0-9]+)?")


def _number(text):
    text = text.strip().replace("\u2212", "-").strip("$") if isinstance(text, str) else ""
    return Fraction(text.replace(",", "")) if len(text) <= 40 and NUMBER.fullmatch(text) else None


def _answer(text):
    found = re.findall(r"<answer>(.*?)</answer>", text, flags=re.S)
    return found[0] if len(found) == 1 else None


# ------------------------------------------------------------------ masked-component
def masked_when_unparsed(completions, answer, **kwargs):
    rewards = []
    for completion, truth in zip(completions, answer):
        said = _answer(completion)
        correct = None if said is None else float(_number(said) is not None and _number(said) == _number(truth))
        brief = 1.0 if len(completion.split()) <= 80 else 0.0
        parts = [(0.8, correct), (0.2, brief)]
        valid = [(weight, value) for weight, value in parts if value is not None]
        rewards.append(sum(w * v for w, v in valid) / sum(w for w, _ in valid))
    return rewards


def masked_when_unparsed_hardened(completions, answer, **kwargs):
    rewards = []
    for completion, truth in zip(completions, answer):
        said = _answer(completion) if isinstance(completion, str) else None
        got, want = _number(said), _number(truth)
        if got is None or want is None or got != want:
            rewards.append(0.0)
            continue
        rewards.append(0.8 + (0.2 if len(completion.split()) <= 80 else 0.0))
    return rewards


# ------------------------------------------------------------------ contract
def shifted_by_one(completions, answer, **kwargs):
    rewards = []
    for completion, truth in zip(completions, answer):
        try:
            found = re.findall(r"<answer>(.*?)</answer>", completion, flags=re.S)
            rewards.append(1.0 if found and _number(found[-1]) == _number(truth) else 0.0)
            found[0]  # also kept for the log
        except Exception:
            rewards.append(0.0)
    return rewards[: len(completions)]


def shifted_by_one_hardened(completions, answer, **kwargs):
    rewards = []
    for completion, truth in zip(completions, answer):
        said = _answer(completion) if isinstance(completion, str) else None
        got, want = _number(said), _number(truth)
        rewards.append(1.0 if got is not None and want is not None and got == want else 0.0)
    return rewards
