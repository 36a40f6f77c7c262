"""Data of the development pairs: judged answers, tool calls, programs and queries. `make_data.py` writes them."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any

from development.make_answers import NOUNS, PEOPLE

Record = dict[str, Any]

CAPITALS = {
    "Norway": "Oslo", "Finland": "Helsinki", "Portugal": "Lisbon", "Austria": "Vienna", "Greece": "Athens",
    "Peru": "Lima", "Kenya": "Nairobi", "Japan": "Tokyo", "Egypt": "Cairo", "Cuba": "Havana", "Ireland": "Dublin",
    "Poland": "Warsaw", "Chile": "Santiago", "Nepal": "Kathmandu", "Ghana": "Accra", "Latvia": "Riga",
    "Iceland": "Reykjavik", "Senegal": "Dakar", "Hungary": "Budapest", "Bulgaria": "Sofia",
}  # fmt: skip
COUNTS = {
    "legs has a spider": 8, "strings has a violin": 4, "sides has a hexagon": 6, "days are in a week": 7,
    "months are in a year": 12, "minutes are in an hour": 60, "players has a football team": 11, "cards has a deck": 52,
    "letters has the English alphabet": 26, "planets has the solar system": 8, "squares has a chessboard": 64,
    "wheels has a tricycle": 3, "hours are in a day": 24, "centimetres are in a metre": 100,
    "degrees has a right angle": 90, "keys has a piano": 88, "legs has an ant": 6, "arms has an octopus": 8,
    "seconds are in a minute": 60, "pawns has a chess player": 8,
}  # fmt: skip


def _capital(rng: random.Random, country: str) -> Record:
    others = rng.sample([city for city in CAPITALS.values() if city != CAPITALS[country]], 4)
    return {
        "prompt": f"What is the capital of {country}? Answer in one short sentence.",
        "reference": CAPITALS[country],
        "others": others,
    }


def capitals(rng: random.Random) -> list[Record]:
    """Short answers that are names. References only."""
    return [_capital(rng, country) for country in CAPITALS]


def counts_and_capitals(rng: random.Random) -> list[Record]:
    """Short answers: a third of them names, the others numbers."""
    rows: list[Record] = []
    for number, (ask, count) in enumerate(COUNTS.items()):
        others = [str(other) for other in (count - 1, count + 1, count * 2)]
        prompt = f"How many {ask}? Answer in one short sentence."
        rows.append({"prompt": prompt, "reference": str(count), "others": others, "golden": f"There are {count}."})
        if number % 2:
            row = _capital(rng, list(CAPITALS)[number])
            rows.append({**row, "golden": f"It is {row['reference']}."})
    return rows


def incidents(rng: random.Random) -> list[Record]:
    """A log with one incident among noise."""
    services, owners = "billing search mailer gateway archive".split(), "edge data core web".split()
    rows = []
    for _ in range(24):
        gold = {"service": rng.choice(services), "severity": rng.choice(["high", "low"]), "owner": rng.choice(owners)}
        other = rng.choice([name for name in services if name != gold["service"]])
        lines = [
            f"{gold['service']} fails on {'every' if gold['severity'] == 'high' else 'one'} request, see team "
            f"{gold['owner']}",
            f"{other} restarted as planned",
            f"{other} took a backup",
        ]
        rng.shuffle(lines)
        rows.append(
            {
                "prompt": "Report the incident in this log, in three lines: 'service: ', 'severity: ' (high if every "
                "request fails, else low) and 'owner: '.\n" + "\n".join(lines),
                "incident": gold,
                "golden": "\n".join(f"{name}: {value}" for name, value in gold.items()),
            }
        )
    return rows


def support(rng: random.Random) -> list[Record]:
    """A customer's problem and the entry of the manual that solves it."""
    fixes = {
        "the lamp blinks": "press the reset key",
        "the door jams": "oil the hinge",
        "the screen is dark": "charge the dock",
        "the pump is loud": "tighten the belt",
        "the label is blank": "turn the ribbon",
        "the fan stops": "clean the filter",
    }
    rows = []
    for number in range(18):
        problem, fix = list(fixes.items())[number % 6]
        manual = rng.sample(list(fixes.items()), 6)
        listed = "; ".join(f"if {trouble}: {remedy}" for trouble, remedy in manual)
        rows.append(
            {
                "prompt": [
                    {"role": "system", "content": f"Answer in one short sentence. Manual: {listed}."},
                    {"role": "user", "content": f"Ticket {number + 1}: {problem}."},
                ],
                "problem": problem,
                "fix": fix,
                "others": [remedy for remedy in fixes.values() if remedy != fix],
                "golden": f"Please {fix} and try again.",
            }
        )
    return rows


def spectra(rng: random.Random) -> list[Record]:
    """Heights at places; those above a threshold are peaks."""
    rows = []
    for _ in range(24):
        places = sorted(rng.sample(range(10, 99), 8))
        heights = [rng.choice([*range(1, 5), *range(8, 12)]) for _ in places]
        heights[rng.randrange(8)] = 12
        peaks = [place for place, height in zip(places, heights, strict=True) if height > 6]
        table = ", ".join(f"{place}: {height}" for place, height in zip(places, heights, strict=True))
        rows.append(
            {
                "prompt": f"Heights by place: {table}. List the places where the height is above 6. End with a line "
                "'Peaks: ' and the places, with commas.",
                "peaks": peaks,
                "golden": f"I compared each height.\nPeaks: {', '.join(map(str, peaks))}",
            }
        )
    return rows


def primes(rng: random.Random) -> list[Record]:
    """All rows share one prompt, and any prime will do."""
    prompt = "Name a prime number between 1000 and 2000, in one sentence."
    numbers = [n for n in range(1001, 2000) if all(n % d for d in range(2, 45))]
    return [{"prompt": prompt, "golden": f"{n} is prime."} for n in rng.sample(numbers, 16)]


TOOLS: dict[str, dict[str, str]] = {
    "list_alarms": {},
    "get_time": {},
    "show_status": {},
    "set_alarm": {"hour": "integer"},
    "call_person": {"name": "text"},
    "play_song": {"title": "text"},
}


def tool_calls(rng: random.Random) -> list[Record]:
    """One call; on a third of the rows the tool takes no arguments."""
    asks = {
        "list_alarms": "Which alarms are set?",
        "get_time": "How late is it?",
        "show_status": "Is everything running?",
    }
    rows = []
    for number in range(30):
        arguments: Record = {}
        if number % 3 == 0:
            name = list(asks)[number // 3 % 3]
            ask = asks[name]
        else:
            hour, person, title = rng.randint(4, 11), rng.choice(PEOPLE), rng.choice(NOUNS)
            requests: list[tuple[str, str, Record]] = [
                ("set_alarm", f"Wake me at {hour}.", {"hour": hour}),
                ("call_person", f"Ring {person}, please.", {"name": person}),
                ("play_song", f"Put on the song {title}.", {"title": title}),
            ]
            name, ask, arguments = rng.choice(requests)
        offered = [*rng.sample([tool for tool in TOOLS if tool != name], 2), name]
        rng.shuffle(offered)
        listed = json.dumps([{"name": tool, "parameters": TOOLS[tool]} for tool in offered])
        expected = {"name": name, "arguments": arguments}
        rows.append(
            {
                "prompt": f"Tools: {listed}\nReply with one call: <tool_call>"
                f'{{"name": ..., "arguments": {{...}}}}</tool_call>\n\nRequest {number + 1}: {ask}',
                "expected": expected,
                "golden": f"<tool_call>{json.dumps(expected)}</tool_call>",
            }
        )
    return rows


def lookups(rng: random.Random) -> list[Record]:
    """Questions that a calculator helps with."""
    rows = []
    for a in rng.sample(range(101, 400), 24):
        b = rng.randint(11, 40)
        call = json.dumps({"name": "multiply", "arguments": {"a": a, "b": b}})
        rows.append(
            {
                "prompt": f"How much is {a} times {b}? You may call the tool multiply(a, b) up to three times, as "
                "<tool_call>JSON</tool_call>. Give the number in <answer></answer>.",
                "answer": str(a * b),
                "golden": f"<tool_call>{call}</tool_call>\n<answer>{a * b}</answer>",
            }
        )
    return rows


def traced_lookups(rng: random.Random) -> list[Record]:
    """The same with golden completions that hold the tool's response."""
    rows = lookups(rng)
    for row in rows:
        response = f"</tool_call>\n<tool_response>{row['answer']}</tool_response>"
        row["golden"] = row["golden"].replace("</tool_call>", response)
    return rows


def tickets(rng: random.Random) -> list[Record]:
    """A request to file a ticket."""
    rows = []
    for number in range(24):
        ticket = {"subject": f"{NOUNS[number % 15]} {rng.randint(10, 99)}", "priority": rng.choice(["high", "low"])}
        action = json.dumps({"name": "create_ticket", "arguments": ticket})
        rows.append(
            {
                "prompt": f"File a ticket with the subject '{ticket['subject']}' and {ticket['priority']} priority. "
                "Write 'ACTION: ' and a JSON call of create_ticket(subject, priority), then 'MESSAGE: ' and a reply.",
                "ticket": ticket,
                "golden": f"ACTION: {action}\nMESSAGE: I have created the ticket for you.",
            }
        )
    return rows


def chat_sums(rng: random.Random) -> list[Record]:
    """Sums in a chat, a number as the reply."""
    pairs = rng.sample([(a, b) for a in range(10, 40) for b in range(1, 10)], 24)
    return [{"prompt": [{"role": "user", "content": f"What is {a} plus {b}?"}], "golden": str(a + b)} for a, b in pairs]


SETS: dict[str, Callable[[random.Random], list[Record]]] = {
    make.__name__: make
    for make in (
        capitals, counts_and_capitals, incidents, support, spectra, primes, tool_calls, lookups, traced_lookups,
        tickets, chat_sums,
    )
}  # fmt: skip
