"""A judge behind an endpoint: each question in words, and once more if the answer is unclear.

Models are asked at temperature 0 and for a short answer; one that refuses either setting by name (reasoning models do)
is asked again without it. A question that the endpoint declines, or answers with something other than a chat
completion, gets no verdict.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from loopholes.endpoints import JUDGE, Ask, Endpoint, EndpointClient, Unanswered
from loopholes.judges.asking import Reading
from loopholes.judges.wording import CONTROL, Question, verdict_of, wording
from loopholes.records import Verdict, message


class EndpointReader:
    """Reads questions at an endpoint; ``tokens`` limits an answer; for the others see :class:`EndpointClient`."""

    def __init__(self, endpoint: Endpoint, *, concurrency: int, timeout: float, retries: int, tokens: int) -> None:
        self._client = EndpointClient(endpoint, JUDGE, concurrency=concurrency, timeout=timeout, retries=retries)
        self._endpoint = endpoint
        self._options = {"temperature": 0, "max_tokens": tokens}
        self._tokens = tokens

    @property
    def identity(self) -> tuple[str, ...]:
        """Address, model, longest answer."""
        return "endpoint", *self._endpoint, str(self._tokens)

    def read(self, questions: Sequence[Question]) -> Iterator[Reading]:
        """See :class:`loopholes.judges.Reader`."""
        for number, answer in self._client.ask_all(questions, self._verdict, CONTROL):
            if not isinstance(answer, Unanswered):
                yield Reading(number, *answer)

    async def _verdict(self, ask: Ask, question: Question) -> tuple[Verdict | None, str]:
        """The verdict (None if the judge was unclear twice) and the judge's answer."""
        broken = None
        for again in (False, True):
            try:
                reply = await ask([message("user", wording(question, again=again))], self._options)
            except ValueError as error:
                broken = error
                continue
            said = reply.text or ""
            if (verdict := verdict_of(said)) is not None:
                return verdict, said
            broken = None
        if broken is not None:
            raise Unanswered(f"its reply is not a chat completion ({broken})")
        return None, self._client.without_key(said)
