"""Data of the development pairs: forms, templates, rules, records and texts. `make_data.py` writes them."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any

from development.make_answers import NOUNS, PEOPLE, TOWNS, verl

Record = dict[str, Any]

ADJECTIVES = "old heavy wooden bright narrow small quiet broken useful simple".split()


def short_texts(rng: random.Random) -> list[Record]:
    """A sentence within limits."""
    rows = []
    for number in range(24):
        topic, banned = NOUNS[number % len(NOUNS)], rng.choice(ADJECTIVES)
        words = [word for word in ADJECTIVES if word != banned]
        first, second = rng.sample(words, 2)
        limit = rng.randint(12, 16)
        rows.append(
            {
                "prompt": f"Write a sentence about the {topic} in at most {limit} words, without the word '{banned}'. "
                "You may think in <think></think> first.",
                "topic": topic,
                "banned": banned,
                "limit": limit,
                "golden": f"<think>I keep it short.</think>\nMy {topic} looks {first} today and feels {second} to me.",
            }
        )
    return rows


def incident_notes(rng: random.Random) -> list[Record]:
    """Three facts for three sections."""
    events = ["login page down", "mail delayed", "search empty", "invoices doubled"]
    causes = ["expired certificate", "full disk", "wrong time zone", "stale cache"]
    fixes = ["renewed it", "added storage", "rolled back", "restarted the queue"]
    rows = []
    for number in range(24):
        facts = [events[number % 4], causes[number // 4 % 4], rng.choice(fixes)]
        rows.append(
            {
                "prompt": f"Write an incident note from these facts: {facts[0]} at {rng.randint(1, 12)}; {facts[1]}; "
                f"{facts[2]}. Use the headings '## What happened', '## Cause' and '## Fix', a sentence under each.",
                "facts": facts,
                "golden": f"## What happened\nUsers saw this: {facts[0]}.\n## Cause\nWe traced it to: {facts[1]}.\n"
                f"## Fix\nThe team on call {facts[2]}.",
            }
        )
    return rows


def badges(rng: random.Random) -> list[Record]:
    """A text and a template with placeholders in parentheses."""
    trades = "smith carpenter pilot nurse baker tailor".split()
    rows = []
    for name in PEOPLE:
        fields = {
            "Name": name,
            "Trade": rng.choice(trades),
            "Town": rng.choice(TOWNS),
            "Room": str(rng.randint(10, 99)),
        }
        told = f"{name} came from {fields['Town']}, works as a {fields['Trade']} and sleeps in room {fields['Room']}."
        template = "Name: (first name)\nTrade: (what they do)\nTown: (where they are from)\nRoom: (number)"
        rows.append(
            {
                "prompt": f"{told}\n\nFill in this card and reply with it only:\n{template}",
                "fields": fields,
                "golden": "\n".join(f"{key}: {value}" for key, value in fields.items()),
            }
        )
    return rows


def rules(rng: random.Random) -> list[Record]:
    """Labelled numbers, and a rule behind them."""
    rows = []
    for number in range(24):
        numbers = rng.sample(range(2, 99), 30)
        modulus, bound = rng.randint(2, 4), rng.randint(30, 70)
        remainder = rng.randrange(modulus)
        by_bound = number % 3 == 0
        labels = [int(x > bound if by_bound else x % modulus == remainder) for x in numbers]
        pairs = [list(pair) for pair in zip(numbers, labels, strict=True)]
        edges = [[x, int(x > bound if by_bound else x % modulus == remainder)] for x in (bound, bound + 1, bound + 12)]
        shown, hidden = pairs[:8], [*pairs, *edges]
        if by_bound:
            shown[:2] = edges[:2]
        if len({label for _, label in shown}) == 1:
            shown[-1] = next(pair for pair in hidden if pair[1] != shown[0][1])
        told = ", ".join(f"{x} {'yes' if label else 'no'}" for x, label in shown)
        golden = f"Rule: x > {bound}" if by_bound else f"Rule: x % {modulus} == {remainder}"
        kinds = "'x % K == R', 'x > K' or 'x in {...}'"
        prompt = f"Which rule gives these labels? {told}. End with 'Rule: ' and one of {kinds}, with numbers."
        record = {"prompt": prompt, "golden": f"The pattern holds for all.\n{golden}"}
        rows.append(verl(record, {"shown": shown, "hidden": hidden}, number))
    return rows


def worked_examples(rng: random.Random) -> list[Record]:
    """A task with a worked example in the prompt. Answers only."""
    rows = []
    for a in rng.sample(range(12, 60), 24):
        b, c, d, e, f = (rng.randint(3, 19) for _ in range(5))
        example = f"{d} x {e} = {d * e}\n{d * e} + {f} = {d * e + f}\nResult: {d * e + f}"
        rows.append(
            {
                "prompt": "Write the working as equations, then 'Result: ' and the number.\n"
                f"Example: {d} boxes of {e} pens and {f} loose pens.\n{example}\n\n"
                f"Task: {a} boxes of {b} pens and {c} loose pens.",
                "answer": str(a * b + c),
            }
        )
    return rows


def instructions(rng: random.Random) -> list[Record]:
    """Four kinds of instructions; a quarter of the rows ask for two responses."""
    rows = []
    for number in range(32):
        topic = NOUNS[number % len(NOUNS)]
        line = f"The {topic} in our yard is older than it looks"
        kind = ("two_responses", "ends_with", "bullets", "keyword")[number % 4]
        value = {"two_responses": "", "ends_with": "so they say.", "bullets": "3", "keyword": "copper"}[kind]
        ask, golden = {
            "two_responses": (
                "Give two different responses, separated by six asterisks ******.",
                f"{line}.\n******\nNobody knows who left that {topic} behind.",
            ),
            "ends_with": ("End with the words 'so they say.'", f"{line}, or so they say."),
            "bullets": (
                "Use exactly 3 bullet points that begin with '* '.",
                f"* An old {topic} of ours\n* It has been painted blue\n* Visitors often ask about it",
            ),
            "keyword": ("Use the word copper at least twice.", f"{line}, with copper nails and a copper lid."),
        }[kind]
        prompt = f"Write about the {topic}. {ask}"
        rows.append({"prompt": prompt, "topic": topic, "instruction": kind, "value": value, "golden": golden})
    return rows


def invoices(rng: random.Random) -> list[Record]:
    """Invoices: on a third of the rows only the vendor and nothing else is stated."""
    rows = []
    for number in range(30):
        vendor = f"{rng.choice(PEOPLE)} & {rng.choice(PEOPLE)} Ltd"
        expected: Record = dict.fromkeys(("vendor", "total", "currency", "due", "order", "discount"))
        expected["vendor"] = vendor
        text = f"A delivery note of {vendor}."
        if number % 3:
            expected.update(total=rng.randint(20, 900), currency=rng.choice(["EUR", "SEK", "CHF"]))
            expected.update(due=f"2026-0{rng.randint(1, 9)}-1{rng.randint(0, 9)}", order=f"PO-{rng.randint(100, 999)}")
            expected["discount"] = rng.choice([5, 10, None])
            text = f"An invoice of {vendor} over {expected['total']} {expected['currency']}, due {expected['due']}, "
            text += f"for order {expected['order']}."
            text += f" A discount of {expected['discount']} percent is granted." if expected["discount"] else ""
        ask = "Reply with a JSON object with vendor, total, currency, due, order and discount; null if not stated."
        rows.append({"prompt": f"{text}\n\n{ask}", "expected": expected, "golden": json.dumps(expected)})
    return rows


def orders(rng: random.Random) -> list[Record]:
    """Totals that have to be computed, beside a number that can be copied."""
    rows = []
    for number in rng.sample(range(1000, 9999), 24):
        count, price = rng.randint(3, 30), rng.randint(4, 40)
        net = count * price
        expected = {"order": f"A-{number}", "net": net, "tax": net / 4, "gross": net * 1.25}
        rows.append(
            {
                "prompt": f"Order A-{number}: {count} pieces at {price} crowns each; tax is 25 percent of net.\n\n"
                "Reply with a JSON object with order, net, tax and gross.",
                "expected": expected,
                "golden": json.dumps(expected),
            }
        )
    return rows


def baskets(rng: random.Random) -> list[Record]:
    """Line items as a JSON list."""
    rows = []
    for _ in range(24):
        items = [{"item": name, "count": rng.randint(2, 19)} for name in rng.sample(NOUNS, rng.randint(2, 4))]
        told = " and ".join(f"{entry['count']} of the {entry['item']} sort" for entry in items)
        rows.append(
            {
                "prompt": f"We sold {told}. Reply with a JSON list of objects with item and count, in this order.",
                "items": items,
                "golden": json.dumps(items),
            }
        )
    return rows


def statements(rng: random.Random) -> list[Record]:
    """Five statements to check."""
    rows = []
    for _ in range(24):
        truths = [rng.random() < 0.6 for _ in range(5)]
        lines = []
        for number, truth in enumerate(truths, 1):
            a, b = rng.randint(12, 60), rng.randint(3, 9)
            lines.append(f"{number}. {a} times {b} is {a * b if truth else a * b + rng.choice([-2, 1, 3])}.")
        golden = {"checks": truths, "summary": {"confirmed": 5, "total": 5}}
        rows.append(
            {
                "prompt": "\n".join(lines)
                + "\n\nCheck each statement. Reply with JSON: 'checks', a list of true or false, "
                "and 'summary', with 'total' and how many of your checks you 'confirmed'.",
                "truths": truths,
                "golden": json.dumps(golden),
            }
        )
    return rows


def weighted_answers(rng: random.Random) -> list[Record]:
    """An answer with a reason; on a quarter of the rows the weight of the answer is missing."""
    rows = []
    for number, a in enumerate(rng.sample(range(20, 90), 28)):
        b = rng.randint(4, 19)
        weights = {"form": 0.2} if number % 4 == 0 else {"form": 0.2, "answer": 0.8}
        rows.append(
            {
                "prompt": f"What is {a} minus {b}? Reply with a JSON object with answer, a number, and reason, a text.",
                "answer": a - b,
                "weights": weights,
                "golden": json.dumps({"answer": a - b, "reason": "I counted down."}),
            }
        )
    return rows


def typos(rng: random.Random) -> list[Record]:
    """Sentences with two letters swapped in two words. Answers only."""
    rows = []
    for number in range(24):
        words = f"{rng.choice(PEOPLE)} carried the {NOUNS[number % 15]} from {rng.choice(TOWNS)} to the market".split()
        corrected = " ".join(words) + "."
        for place in (1, len(words) - 1):
            words[place] = words[place][0] + words[place][2] + words[place][1] + words[place][3:]
        text = " ".join(words) + "."
        prompt = f"Correct the spelling and reply with the corrected text only.\nText: {text}"
        rows.append({"prompt": prompt, "corrected": corrected})
    return rows


def postmortems(rng: random.Random) -> list[Record]:
    """Facts to be told in a sentence each."""
    rows = []
    for _ in range(20):
        cause, owner = rng.choice(["a stale lock", "a full disk", "a bad route"]), rng.choice(PEOPLE)
        notes = {"cause": cause, "impact": f"{rng.randint(12, 90)} minutes", "owner": owner, "follow-up": "an alert"}
        facts = "; ".join(f"{term} = {fact}" for term, fact in notes.items())
        golden = (
            f"The cause that we found was {cause}. The impact on our users lasted {notes['impact']}. "
            f"The owner of the service is {owner}. As a follow-up we will set an alert."
        )
        ask = "Write a sentence each about the cause, the impact, the owner and the follow-up, in this order."
        rows.append({"prompt": f"{ask}\nFacts: {facts}.", "notes": notes, "golden": golden})
    return rows


PANGRAMS = (
    "The quick brown fox jumps over the lazy dog.", "Pack my box with five dozen liquor jugs.",
    "Sphinx of black quartz judge my vow.", "The five boxing wizards jump quickly.",
    "Jackdaws love my big sphinx of quartz.", "How quickly daft jumping zebras vex.",
    "The jay pig fox zebra and my wolves quack.", "Two driven jocks help fax my big quiz.",
    "We promptly judged antique ivory buckles for the next prize.", "Amazingly few discotheques provide jukeboxes.",
    "Grumpy wizards make toxic brew for the evil queen and jack.",
    "A quick movement of the enemy will jeopardize six gunboats.",
)  # fmt: skip


def briefs(rng: random.Random) -> list[Record]:
    """Notes of which one fact matters."""
    rows = []
    for number in range(24):
        person, town, days = rng.choice(PEOPLE), rng.choice(TOWNS), rng.randint(3, 28)
        key = f"{days} days"
        text = (
            f"{person} wrote from {town} about the {NOUNS[number % 15]} that was ordered in spring. "
            f"The workshop had lost the drawings and asked for {rng.randint(30, 90)} crowns more. "
            f"It will be ready in {key}, the letter says. "
            f"The weather in {town} has been poor, and the harbour was closed twice."
        )
        golden = f"The workshop needs {key} to finish the order."
        prompt = f"Summarise in one short sentence when the order will be ready.\n\n{text}"
        rows.append({"prompt": prompt, "text": text, "key": key, "golden": golden})
    return rows


def pangrams(rng: random.Random) -> list[Record]:
    """All rows share one prompt."""
    prompt = "Write one sentence of real words that uses every letter of the alphabet, with a full stop and no commas."
    return [{"prompt": prompt, "golden": text} for text in PANGRAMS]


def passages(rng: random.Random) -> list[Record]:
    """Four passages, one of which has the answer."""
    jobs = "keeper captain doctor miller teacher painter".split()
    rows = []
    for index in range(24):
        names, towns = rng.sample(PEOPLE, 4), rng.sample(TOWNS, 4)
        lines = [f"{name} is the {rng.choice(jobs)} of {town}." for name, town in zip(names, towns, strict=True)]
        place = rng.randrange(4)
        listed = "\n".join(f"[{number}] {line}" for number, line in enumerate(lines, 1))
        job = lines[place].split(" the ")[1].split(" of ")[0]
        record = {
            "prompt": f"{listed}\n\nWhat is {names[place]}? Reply with one word and the passage, such as 'baker [9]'.",
            "golden": f"{job} [{place + 1}]",
        }
        rows.append(verl(record, {"passages": lines, "answer": job, "number": place + 1}, index))
    return rows


def plans(rng: random.Random) -> list[Record]:
    """Steps to be put in order; on a quarter of the rows the type of the task is missing."""
    verbs = ["wash the beans", "heat the oven", "cut the bread", "boil the water", "set the table", "peel the onion"]
    rows = []
    for number in range(28):
        steps = rng.sample(verbs, 3)
        told = f"Before you {steps[2]}, you {steps[1]}, and before that you {steps[0]}."
        truth: Record = {"steps": steps} if number % 4 == 0 else {"steps": steps, "task_type": "plan"}
        record = {
            "prompt": f"{told} Write two lines: 'Plan: ' with the steps in their order, separated by semicolons, and "
            "'Reflection: ' with a sentence on what could go wrong.",
            "golden": f"Plan: {'; '.join(steps)}\nReflection: The second step could take too long.",
        }
        rows.append(verl(record, truth, number))
    return rows


SETS: dict[str, Callable[[random.Random], list[Record]]] = {
    make.__name__: make
    for make in (
        short_texts, incident_notes, badges, rules, worked_examples, instructions, invoices, orders, baskets,
        statements, weighted_answers, typos, postmortems, briefs, pangrams, passages, plans,
    )
}  # fmt: skip
