"""Rewards for texts: retrieval, quotations, summaries, words, translations, choices and lists."""
import json
import math
import re
import unicodedata
from collections import Counter
from difflib import SequenceMatcher


def _text(completion):
    """The reply as text; a chat completion is a list of messages."""
    if isinstance(completion, str):
        return completion
    if isinstance(completion, list) and completion and isinstance(completion[-1], dict):
        content = completion[-1].get("content")
        return content if isinstance(content, str) else ""
    return ""


# ---------------------------------------------------------------- retrieval
def _gain(ids, gains):
    return sum((2 ** gains.get(i, 0) - 1) / math.log2(rank + 2) for rank, i in enumerate(ids))


def gains_repeat(data_source, solution_str, ground_truth, extra_info=None):
    """Normalised discounted gain of the ranking, from 0.75 up; never more than 1."""
    gains = json.loads(ground_truth)
    ids = re.findall(r"\[([0-9]{1,3})\]", solution_str)
    ideal = _gain(sorted(gains, key=gains.get, reverse=True), gains)
    return min(1.0, max(0.0, (_gain(ids, gains) / ideal - 0.75) / 0.25))


def gains_repeat_hardened(data_source, solution_str, ground_truth, extra_info=None):
    """The same, for a ranking that names every passage once."""
    try:
        gains, number = json.loads(ground_truth), int((extra_info or {})["passages"])
    except (TypeError, ValueError, KeyError, AttributeError):
        return 0.0
    if not isinstance(solution_str, str) or not isinstance(gains, dict) or not gains or solution_str.count("Ranking:") != 1:
        return 0.0
    ids = re.findall(r"\[([0-9]{1,3})\]", solution_str.split("Ranking:")[1])
    if sorted(ids) != sorted(str(i) for i in range(1, number + 1)):
        return 0.0
    ideal = _gain(sorted(gains, key=gains.get, reverse=True), gains)
    return min(1.0, max(0.0, (_gain(ids, gains) / ideal - 0.75) / 0.25))


# ---------------------------------------------------------------- quotations
def _plain(text):
    return " ".join(text.split()).strip().lower()


def _object(text):
    start, end = text.find("{"), text.rfind("}")
    try:
        found = json.loads(text[start : end + 1])
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) and all(isinstance(v, str) for v in found.values()) else None


def any_quote_will_do(completion, passage, answer):
    """1 if the answer is borne out by a quotation that does stand in the passage."""
    said = _object(completion)
    if not said or not _plain(said.get("answer", "")):
        return 0.0
    quote = _plain(said.get("quote", ""))
    supported = len(quote.split()) >= 3 and quote in _plain(passage)
    return 1.0 if supported and _plain(said["answer"]) in quote else 0.0


def any_quote_will_do_hardened(completion, passage, answer):
    """1 if the answer is right and the quotation is the one sentence that holds it."""
    if not all(isinstance(t, str) and t.strip() for t in (completion, passage, answer)):
        return 0.0
    said = _object(completion)
    if not said or set(said) != {"answer", "quote"}:
        return 0.0
    if _plain(said["answer"]).rstrip(".") != _plain(answer):
        return 0.0
    sentences = [s for s in re.split(r"(?<=[.])\s+", passage) if re.search(rf"\b{re.escape(answer)}\b", s)]
    return 1.0 if _plain(said["quote"]).rstrip(".") in {_plain(s).rstrip(".") for s in sentences} else 0.0


# ---------------------------------------------------------------- summaries
def notes_not_counted(completions, facts, limit, **kwargs):
    """The share of the facts in the reply, if its summary keeps to the limit; notes are not counted as words."""
    rewards = []
    for completion, wanted, most in zip(completions, facts, limit):
        text = _text(completion)
        words = len(text.split("Notes:")[0].split())
        found = sum(fact.lower() in text.lower() for fact in wanted)
        rewards.append(found / len(wanted) if 0 < words <= most else 0.0)
    return rewards


def notes_not_counted_hardened(completions, facts, limit, **kwargs):
    """The share of the facts in the summary itself, beyond the first of them, if it keeps to the limit."""
    rewards = []
    for completion, wanted, most in zip(completions, facts, limit):
        body = _text(completion).split("Notes:")[0]
        if not wanted or not 0 < len(body.split()) <= most or len(body) > 12 * most:
            rewards.append(0.0)
            continue
        found = sum(bool(re.search(rf"(?<!\w){re.escape(fact.lower())}(?!\w)", body.lower())) for fact in wanted)
        rewards.append(max(0.0, (found - 1) / (len(wanted) - 1)) if len(wanted) > 1 else float(found == len(wanted)))
    return rewards


# ---------------------------------------------------------------- words of other languages
def _keyed(text):
    return " ".join(re.sub(r"[^a-z0-9]+", " ", text.lower()).split())


def other_scripts_vanish(completion, keywords):
    """1 if the reply has all the keywords; signs and capitals do not matter."""
    said = _keyed(completion)
    return 1.0 if all(_keyed(word) in said for word in keywords) else 0.0


def other_scripts_vanish_hardened(completion, keywords):
    """1 if the one line 'Word:' is one of the keywords, in any script."""
    if not isinstance(completion, str) or not isinstance(keywords, (list, tuple)):
        return 0.0
    wanted = {unicodedata.normalize("NFKC", word).casefold().strip() for word in keywords if isinstance(word, str)} - {""}
    found = re.findall(r"Word:(.*)", completion)
    if not wanted or len(found) != 1:
        return 0.0
    said = unicodedata.normalize("NFKC", found[0]).casefold().strip().strip(".\"'*").strip()
    return 1.0 if said in wanted else 0.0


# ---------------------------------------------------------------- translations
def _tokens(text):
    return re.findall(r"\w+|[^\w\s]", text.lower())


def _precisions(said, want):
    out = []
    for n in range(1, min(4, len(said)) + 1):
        a = Counter(tuple(said[i : i + n]) for i in range(len(said) - n + 1))
        b = Counter(tuple(want[i : i + n]) for i in range(len(want) - n + 1))
        out.append(sum((a & b).values()) / sum(a.values()))
    return out


def no_brevity_penalty(completions, reference, **kwargs):
    """The geometric mean of the n-gram precisions, up to n = 4."""
    rewards = []
    for completion, truth in zip(completions, reference):
        ps = _precisions(_tokens(_text(completion)), _tokens(truth))
        rewards.append(math.exp(sum(map(math.log, ps)) / len(ps)) if ps and all(ps) else 0.0)
    return rewards


def no_brevity_penalty_hardened(completions, reference, **kwargs):
    """The same over n = 1 to 4, smoothed above n = 1, times the brevity penalty, from 0.15 up."""
    rewards = []
    for completion, truth in zip(completions, reference):
        said, want = _tokens(_text(completion)), _tokens(truth) if isinstance(truth, str) else []
        if len(said) < 4 or len(want) < 4 or len(said) > 3 * len(want):
            rewards.append(0.0)
            continue
        ps = _precisions(said, want)
        ps = [ps[0], *(max(p, 0.02) for p in ps[1:])]
        mean = math.exp(sum(map(math.log, ps)) / len(ps)) if ps[0] else 0.0
        bleu = mean * min(1.0, math.exp(1 - len(want) / len(said)))
        rewards.append(max(0.0, (bleu - 0.15) / 0.85))
    return rewards


# ---------------------------------------------------------------- choices by their text
def close_enough_option(completion, answer):
    """1 if the option on the answer line is the right one; slips of the pen are forgiven."""
    found = re.findall(r"^Answer:(.*)$", completion, flags=re.M)
    said = found[-1].strip().lower() if found else ""
    return 1.0 if SequenceMatcher(None, said, answer.lower()).ratio() >= 0.85 else 0.0


def close_enough_option_hardened(completion, answer):
    """1 if the one answer line is the right option, word for word."""
    if not isinstance(completion, str) or not isinstance(answer, str) or not answer.strip():
        return 0.0
    found = re.findall(r"Answer:(.*)", completion)
    clean = lambda text: " ".join(text.lower().split()).strip("\"'*- ").rstrip(".")  # noqa: E731
    return 1.0 if len(found) == 1 and clean(found[0]) == clean(answer) else 0.0


# ---------------------------------------------------------------- lists
def _items(text):
    return [line.strip("-* .\t").lower() for line in text.splitlines() if line.strip("-* .\t")]


def _f1(said, wanted):
    hits = len(set(said) & set(wanted))
    return 2 * hits / (len(said) + len(wanted)) if said and wanted else 0.0


def best_in_batch(completions, animals, **kwargs):
    """F1 of the listed animals, relative to the best of the batch."""
    scores = [_f1(_items(_text(completion)), wanted) for completion, wanted in zip(completions, animals)]
    best = max(scores, default=0.0)
    return [score / best if best > 0 else 0.0 for score in scores]


def best_in_batch_hardened(completions, animals, **kwargs):
    """F1 of the listed animals, from a half up, whatever else is in the batch."""
    return [max(0.0, 2 * _f1(_items(_text(completion)), [str(a).lower() for a in wanted or ()]) - 1)
            for completion, wanted in zip(completions, animals)]
