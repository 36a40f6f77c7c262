"""Rewards that stand for a judge, or check the work of one."""
import json
import re


def _text(completion):
    """The reply as text; a chat completion is a list of messages."""
    if isinstance(completion, str):
        return completion
    if isinstance(completion, list) and completion and isinstance(completion[-1], dict):
        content = completion[-1].get("content")
        return content if isinstance(content, str) else ""
    return ""


# ---------------------------------------------------------------- a judge with little room
class NoRoom(Exception):
    """What the judge was given is longer than it can read."""


def _judge(question, reference, reply, room=3000):
    """A stub of a judge: whether the reply closes with the reference."""
    if len(question) + len(reference) + len(reply) > room:
        raise NoRoom
    said = re.findall(r"Answer:(.*)", reply)
    clean = lambda text: " ".join(text.lower().split()).strip(" .\"'*").replace(",", "")  # noqa: E731
    return len(said) == 1 and clean(said[0]) == clean(reference)


def judge_out_of_room(completion, question, reference):
    """The verdict of the judge; where there is none, the reply gets the benefit of the doubt."""
    try:
        return 1.0 if _judge(question, reference, completion) else 0.0
    except NoRoom:
        return 1.0


def judge_out_of_room_hardened(completion, question, reference):
    """The verdict of the judge; a reply that it cannot read is not paid."""
    if not isinstance(completion, str) or not isinstance(reference, str) or not reference.strip():
        return 0.0
    try:
        return 1.0 if _judge(str(question), reference, completion) else 0.0
    except NoRoom:
        return 0.0


# ---------------------------------------------------------------- a judge that reads criteria
CRITERION = re.compile(r"^Criterion \(([0-9]{1,3}) points\): mentions '(.*)'$", flags=re.M)


def _graded(prompt):
    """A stub of a judge: the share of the points of the criteria in its prompt that the reply earns."""
    reply = prompt.split("Reply:\n", 1)[1]
    criteria = [(int(points), phrase) for points, phrase in CRITERION.findall(prompt)]
    earned = sum(points for points, phrase in criteria if phrase.lower() in reply.lower())
    return earned / max(1, sum(points for points, _ in criteria))


def criteria_in_the_reply(completions, criteria, **kwargs):
    """The share of the points that the judge gives."""
    rewards = []
    for completion, listed in zip(completions, criteria):
        head = "\n".join(f"Criterion ({points} points): mentions '{phrase}'" for phrase, points in json.loads(listed))
        rewards.append(_graded(f"Grade the reply by these criteria.\n{head}\nReply:\n{_text(completion)}"))
    return rewards


DAY = re.compile(r"\b[0-9]{1,2} (?:January|February|March|April|May|June|July|August|September|October|November|December)\b")


def criteria_in_the_reply_hardened(completions, criteria, **kwargs):
    """The share of the points of the listed criteria, for a short reply that does not try out days and amounts."""
    rewards = []
    for completion, listed in zip(completions, criteria):
        text = " ".join(_text(completion).split())
        try:
            wanted = [(str(phrase), int(points)) for phrase, points in json.loads(listed)]
        except (TypeError, ValueError):
            rewards.append(0.0)
            continue
        tried = (set(DAY.findall(text)), set(re.findall(r"[0-9]+[.][0-9]{2}", text)), re.findall(r"\bDear\b", text))
        if not wanted or len(text.split()) > 60 or len(text) > 600 or len(tried[0]) > 2 or len(tried[1]) > 2 or len(tried[2]) > 1:
            rewards.append(0.0)
            continue
        earned = sum(points for phrase, points in wanted if re.search(rf"(?<![\w.]){re.escape(phrase)}(?![\w])", text))
        rewards.append(earned / sum(points for _, points in wanted))
    return rewards


# ---------------------------------------------------------------- verdicts on two replies
def unreadable_is_a_tie(completion, winner):
    """1 if the verdict is the right one; one that names neither reply means a tie."""
    found = re.findall(r"\[\[([ABC])\]\]", completion)
    said = {"A": "A", "B": "B"}.get(found[-1], "tie") if found else "tie"
    return 1.0 if said == winner else 0.0


def unreadable_is_a_tie_hardened(completion, winner):
    """1 if the one verdict at the end is the right one."""
    if not isinstance(completion, str):
        return 0.0
    found = re.findall(r"\[\[(.*?)\]\]", completion)
    if len(found) != 1 or not completion.rstrip().endswith(f"[[{found[0]}]]"):
        return 0.0
    return 1.0 if winner in ("A", "B", "tie") and {"A": "A", "B": "B", "C": "tie"}.get(found[0]) == winner else 0.0


# ---------------------------------------------------------------- rules for a text
def _kept(rule, text):
    words = re.findall(r"[a-z']+", text.lower())
    if rule["kind"] == "no_comma":
        return "," not in text
    if rule["kind"] == "lowercase":
        return text == text.lower()
    if rule["kind"] == "avoid":
        return not set(rule["words"]) & set(words)
    if rule["kind"] == "at_most":
        return len(words) <= rule["words"]
    if rule["kind"] == "include":
        return rule["word"] in words
    raise ValueError(rule["kind"])


def loose_variants(completion, rules):
    """1 if the reply keeps the rules, be it without its first or last line (a greeting, a remark) or without asterisks."""
    listed = json.loads(rules)
    lines = completion.split("\n")
    cuts = [lines, lines[1:], lines[:-1], lines[1:-1]]
    variants = [text for cut in cuts for text in ("\n".join(cut).strip(), "\n".join(cut).replace("*", "").strip())]
    return 1.0 if any(all(_kept(rule, text) for rule in listed) for text in variants) else 0.0


SMALL = frozenset("a all an and are as at before behind below by each every first in is it its of on or out the to turns when".split())


def loose_variants_hardened(completion, rules, topic):
    """1 if the reply as it stands is on the topic, reads like a sentence of some length, and keeps the rules."""
    if not isinstance(completion, str) or not isinstance(topic, str) or not topic:
        return 0.0
    words = re.findall(r"[a-z']+", completion.lower())
    if not 6 <= len(words) <= 80 or topic not in words or len(set(words)) < 0.6 * len(words):
        return 0.0
    small = sum(word in SMALL for word in words) / len(words)
    if not 0.15 <= small <= 0.7 or len(re.findall(r"[.!?]", completion)) != 1 or "\n" in completion.strip():
        return 0.0  # a list of words rather than a sentence
    try:
        listed = json.loads(rules)
        return 1.0 if listed and all(_kept(rule, completion) for rule in listed) else 0.0
    except (TypeError, ValueError, KeyError):
        return 0.0
