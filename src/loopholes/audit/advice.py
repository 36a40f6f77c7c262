"""What to do about each family of findings and each check of the contract, in words."""

from __future__ import annotations

from collections.abc import Mapping

FAMILIES: Mapping[str, str] = {
    "degenerate": "pay nothing for answers that say nothing: check that there is an answer before comparing it",
    "echo": "score what the answer adds: text copied from the prompt or the source must earn nothing",
    "worked-example": "keep answers of worked examples out of the data, and refuse text that is in the prompt",
    "restate": "require the form of a result (a number, a product worked out), and refuse what the prompt already says",
    "shotgun": "take exactly one answer, the last one in its place, and refuse an answer that names several",
    "hedge": "pay an answer that declines, or that fits many rows, only where the row's own reference says so",
    "format": "pay for form only together with a right answer, or so little that it never makes up for one",
    "length": "cap what length can earn below what a right answer earns",
    "stuffing": "count each keyword once, in its place, and only in an answer that is right otherwise",
    "unfinished-thought": "read the answer only after the thinking, and pay nothing if the thinking never ends",
    "aggregation": "divide by the number of reference items, count each item once, and pay nothing if there are none",
    "protected-field": "score a copy that the policy cannot write to: read no score, verdict or test from its output",
    "number-forging": "parse numbers strictly: finite, ASCII digits, one number, in the range that an answer can have",
    "evaluation": "parse answers as literals (ast.literal_eval, float), and never evaluate them as code",
    "delimiter": "read the answer from one place after the last delimiter, and refuse nested or repeated delimiters",
    "forged-role": "split turns by the framework's own records, never by marks in the text",
    "judge-injection": "pay nothing for text that states a verdict or addresses a grader; if a model judges, show it "
    "the answer as loopholes.rewards.quoted returns it, and read its reply with loopholes.rewards.verdict",
    "break-the-grader": "bound time and memory, and pay a failure of the grader no more than a wrong answer",
    "masked-component": "let a part that is missing or fails earn what a wrong one earns, never skip it",
    "tool-use": "pay for what calls changed in the world, never for a call, a claim or an episode that changed nothing",
    "code": "run code in a process of its own, keep expected outputs and the verdict out of its reach, and count tests",
    "near-miss": "compare the whole answer, and accept nothing that merely contains, resembles or denies it",
    "contract": "make it distinguish right from wrong on every row, always alike, from the row and the answer alone",
}
"""Families of findings, each with advice on what to change."""
ADVICE: Mapping[str, str] = {
    "nothing-paid": "pay nothing for an empty answer, or less than half of what a right one earns",
    "refusal-paid": "pay nothing for an answer that declines, unless the reference declines, too",
    "form-paid": "pay for form only together with a right answer",
    "wrong-paid": "pay less for what every well-formed answer has: a wrong answer earns at least half of what a right "
    "one does",
    "part-paid": "compare all elements, and divide by the number of reference elements; or give golden completions, if "
    "each element is an answer of its own",
    "keyword-list": "give golden completions in sentences, and do not pay for keywords alone; or, if the list is the "
    "right answer, ask for a list in the prompt",
    "golden-refused-on-rows": "look at these rows: the reward does not accept their golden completions",
    "wrong-paid-on-rows": "look at these rows: the checker has nothing to compare answers with",
    "golden-not-above-floor": "pay right answers more than wrong ones on every row, whatever their form; or give "
    "golden completions in the form that the reward reads",
    "component-alone": "compare the answer with the reference; if this is one component of a reward, audit the whole "
    "sum that is trained on (--reward), or say --component",
    "golden-not-paid": "find out why right answers are not scored (a wrong column, a wrong form, a parser that fails), "
    "and leave rows that cannot be judged out of the data",
    "nondeterministic": "make it deterministic, or say --noisy if it asks a judge",
    "company-matters": "score each completion by itself, or say --group N",
    "order-matters": "make it independent of the order within a group",
    "state-leak": "start every episode afresh in reset: keep nothing on the class, in the module or on disk",
    "remembered-by-text": "include the row in the key of every cache",
    "refused-equivalents": "strip spaces, separators and letter case before answers are compared",
    "seldom-punished": "check more often rather than fine more, or train without dividing by the group's deviation",
    "raises": "catch what hostile text raises, and pay it like a wrong answer",
    "fails": "bound time and memory, and pay a failure of the grader no more than a wrong answer",
    "returns-none": "return a number for every completion: if it cannot be read, what a wrong answer earns. Leave rows "
    "that cannot be judged out of the data: unlike TRL, this framework does not skip a None",
    "not-finite": "pay finite numbers only: clamp what is computed from the text",
    "truth-unparseable": "leave rows whose ground truth cannot be parsed out of the data, or raise an error for them "
    "(for TRL, None also says that the reward does not apply)",
    "rows-shifted": "return one reward per completion, in order, even if it is None, and compare the lengths",
    "chat-prompt": "take the answer from the row's own column, and never look it up by the prompt's text",
    "inputs-changed": "copy columns before changing them",
    "keys-differ": "return the same keys in every branch",
    "evaluated-answer": "parse answers as literals (ast.literal_eval, float); run programs in a process of their own",
    "pays-everything": "do not train on it before it distinguishes right from wrong",
    "most-paid": "give golden completions or a column with the answer, so that the audit has a scale",
    "always-none": "return a number: look for a branch without a return statement, a column that is never filled, or a "
    "condition that no row meets",
    "no-golden": "give golden completions: a column golden, or a template of your columns, such as "
    """--golden '<answer>{answer}</answer>' or --golden '{"answer": {answer}}' for JSON""",
    "not-tried": "give more --budget-seconds",
    "few-rows": "give more rows that differ: a few dozen measure a rate, and a few find what every row pays",
    "little-tried": "give more --budget-seconds, or fewer --rows if calls are slow",
    "none-for-wrong": "pay a number for wrong answers, such as 0, and return None only for rows that cannot be judged",
    "no-signal": "fix whatever keeps right answers from being paid",
}
"""Advice for single checks of the contract."""
