"""Asking a chat model behind an OpenAI-compatible endpoint, many questions at once.

Three things can go wrong, and they end differently. What passes (429, 5xx, timeouts, broken connections) is tried again
by the ``openai`` client: exponential waits with jitter, or as long as Retry-After says. That client gives up on a wait
of over two minutes; up to a quarter of an hour is waited here. An endpoint that stays down, asks for a longer wait, or
refuses the key or the model, stops the scoring with one sentence. A question that the endpoint declines (too long, a
content filter) or answers with something that is no chat completion has no verdict. Where it refuses or fails at a
text, or declines every one, a plain control question tells an endpoint that is broken from texts that it cannot take.

The user chose the endpoint, so the size of its responses is not limited, beyond the longest answer that is asked for.

Models are asked at temperature 0 and for a short answer; one that refuses either setting by name (reasoning models do)
is asked again without it.
"""

from __future__ import annotations

import asyncio
import json
import logging
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from email.utils import mktime_tz, parsedate_tz
from importlib.util import find_spec
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

from loopholes.errors import MissingExtra, ScoringError
from loopholes.judges.address import OWN, Endpoint, headers_for, key_for
from loopholes.judges.asking import Reading
from loopholes.judges.wording import CONTROL, Question, verdict_of, wording
from loopholes.records import Verdict

if TYPE_CHECKING:
    from openai import AsyncOpenAI

log = logging.getLogger(__name__)

DECLINED = (400, 413, 422)
PASSING = (408, 409, 429)  # and every status from 500 on
CLIENT_WAITS = 120.0  # seconds: the longest Retry-After that the client waits for; it gives up at once on a longer one
LONGEST_WAIT = 900.0  # seconds: the longest that is waited here; a run that would wait longer is stopped, to be resumed


class Unanswered(Exception):
    """This question has no answer, whatever the endpoint says to others."""


class Refused(Unanswered):
    """Nor has this one, but it may be the endpoint that is broken, and not the question."""


class EndpointReader:
    """Reads questions at an endpoint; ``tokens`` is the longest answer.

    ``timeout`` is how many seconds may pass without a sign of life. All tries of one question together have the time
    that as many timeouts and waits can take, so that a server which keeps a request open with blanks cannot hold a run.
    """

    def __init__(self, endpoint: Endpoint, *, concurrency: int, timeout: float, retries: int, tokens: int) -> None:
        if find_spec("openai") is None:
            raise MissingExtra("openai", "judge")
        self._endpoint = endpoint
        self._concurrency = concurrency
        self._timeout = timeout
        self._retries = retries
        self._deadline = (retries + 1) * (timeout + CLIENT_WAITS)
        self._tokens = tokens
        self._options: dict[str, Any] = {"temperature": 0, "max_tokens": tokens}
        self._key = key_for(endpoint.url)
        self._headers = headers_for(endpoint.url, self._key)
        self._told = False
        self._pausing = 0

    @property
    def identity(self) -> tuple[str, ...]:
        """Address, model, longest answer."""
        return "endpoint", *self._endpoint, str(self._tokens)

    def read(self, questions: Sequence[Question]) -> Iterator[Reading]:
        """See :class:`loopholes.judges.Reader`.

        The requests run in an event loop of their own thread: the caller may be in a notebook, which has a loop
        already, and Ctrl-C or a failure ends all of them at once.
        """
        from anyio.from_thread import start_blocking_portal  # comes with openai

        arrived: SimpleQueue[Reading | None] = SimpleQueue()
        with start_blocking_portal() as portal:
            work = portal.start_task_soon(self._read, questions, arrived.put)
            work.add_done_callback(lambda _: arrived.put(None))
            while (answer := arrived.get()) is not None:
                yield answer
            work.result()

    async def _read(self, questions: Sequence[Question], arrive: Callable[[Reading], None]) -> None:
        from openai import AsyncOpenAI

        waiting = iter(enumerate(questions))
        unanswered: list[Unanswered] = []
        try:
            asking = AsyncOpenAI(
                base_url=self._endpoint.url,
                api_key=self._key or "none",
                default_headers=self._headers,
                timeout=self._timeout,
                max_retries=self._retries,
            )
        except (ImportError, OSError, ValueError) as error:  # what the environment says of proxies and certificates
            raise ScoringError(f"the judge {self._name} cannot be asked: {error}") from None
        async with asking as client:

            async def work() -> None:
                for number, question in waiting:
                    try:
                        arrive(Reading(number, *await self._verdict(client, question)))
                    except Unanswered as reason:
                        if isinstance(reason, Refused):
                            await self._check(client)
                        unanswered.append(reason)

            try:
                async with asyncio.TaskGroup() as group:
                    for _ in range(min(self._concurrency, len(questions))):
                        group.create_task(work())
            except ExceptionGroup as failed:
                raise failed.exceptions[0] from None
            if len(unanswered) == len(questions):
                await self._check(client)
        self._tell(unanswered, len(questions))

    async def _check(self, client: AsyncOpenAI) -> None:
        try:
            await self._verdict(client, CONTROL)
        except Refused as reason:
            raise self._broken(str(reason)) from None
        except Unanswered as reason:
            raise ScoringError(
                f"the judge {self._name} answers nothing: {reason}; see that it is the right address and model"
            ) from None

    async def _verdict(self, client: AsyncOpenAI, question: Question) -> tuple[Verdict | None, str]:
        """The verdict, None if the answer was unclear twice, and the answer.

        Raises :class:`Unanswered`, :class:`ScoringError`.
        """
        broken = None
        for again in (False, True):
            try:
                said = await self._answer(client, wording(question, again=again))
            except ValueError as error:
                broken = error
                continue
            if (verdict := verdict_of(said)) is not None:
                return verdict, said
            broken = None
        if broken is not None:
            raise Unanswered(f"what it sends is no chat completion ({broken})")
        return None, self._without_key(said)

    async def _answer(self, client: AsyncOpenAI, prompt: str) -> str:
        """What the model says; raises ValueError where that is no chat completion."""
        import openai

        options = self._options
        try:
            body: str = (await self._send(client, prompt, options)).text
        except (openai.APITimeoutError, TimeoutError):
            problem = f"takes over {self._timeout:g} seconds to answer"
        except openai.APIConnectionError:
            problem = "cannot be reached"
        except openai.APIStatusError as error:
            if error.status_code in DECLINED and isinstance(error.param, str) and error.param in options:
                self._do_without(error.param)
                return await self._answer(client, prompt)
            if error.status_code in DECLINED:
                raise Unanswered(self._without_key(str(error))) from None
            raise Refused(f"says: {self._without_key(str(error))}") from None
        else:
            return _content(body)
        raise self._broken(problem) from None

    async def _send(self, client: AsyncOpenAI, prompt: str, options: Mapping[str, Any]) -> Any:
        """The raw response, after the waits that are too long for the client."""
        import openai

        left = self._retries
        while True:
            try:
                async with asyncio.timeout(self._deadline):
                    return await client.chat.completions.with_raw_response.create(
                        model=self._endpoint.model, messages=[{"role": "user", "content": prompt}], **options
                    )
            except openai.APIStatusError as error:
                if not (seconds := _long_wait(error.status_code, error.response.headers)):
                    raise
                await self._pause(seconds, left)
                left -= 1

    async def _pause(self, seconds: float, left: int) -> None:
        """Wait as long as the endpoint asks; raises :class:`ScoringError` where that is too long or too often."""
        import anyio

        if seconds > LONGEST_WAIT or not left:
            limit = f"over the {LONGEST_WAIT:.0f} that are waited at most" if left else "after as many tries as allowed"
            raise ScoringError(
                f"the judge {self._name} asks to wait {seconds:.0f} seconds, {limit}; run the same again after that"
            )
        if not self._pausing:  # the others in flight are told the same
            log.warning("the judge %s asks to wait %.0f seconds: going on after that", self._name, seconds)
        self._pausing += 1
        try:
            await anyio.sleep(seconds)
        finally:
            self._pausing -= 1

    def _broken(self, problem: str) -> ScoringError:
        return ScoringError(f"the judge {self._name} {problem}; see that it runs{self._advice}")

    def _do_without(self, refused: str) -> None:
        """Some models refuse to be told a temperature, or the longest answer by its older name."""
        self._options = {name: value for name, value in self._options.items() if name != refused}
        if refused == "max_tokens":
            self._options["max_completion_tokens"] = self._tokens

    @property
    def _name(self) -> str:
        return "#".join(self._endpoint)

    @property
    def _advice(self) -> str:
        return "" if self._key else f", and if it wants a key, put it into {OWN}"

    def _without_key(self, text: str) -> str:
        """A server's words, cut short, without the key that some repeat."""
        words = " ".join(text.split())[:2000]
        return (words.replace(self._key, "***") if self._key else words)[:200]

    def _tell(self, unanswered: Sequence[Unanswered], count: int) -> None:
        if unanswered and not self._told:
            self._told = True
            log.warning(
                "the judge %s declined %d of %d questions, which get no verdict: %s",
                self._name,
                len(unanswered),
                count,
                unanswered[0],
            )


def _content(body: str) -> str:
    """The answer's text in the body of a response; an answer that is withheld is empty."""
    try:
        content: Any = json.loads(body)["choices"][0]["message"]["content"]
    except (ValueError, LookupError, TypeError, RecursionError):
        raise ValueError("its body cannot be read") from None
    if not isinstance(content, str | None):
        raise ValueError("its content is not a text")
    return content or ""


def _long_wait(status: int, headers: Mapping[str, str]) -> float:
    """The seconds that a response asks for if that is longer than the client waits, else 0."""
    passes = status in PASSING or status >= 500
    if not passes or headers.get("x-should-retry") == "false":
        return 0.0
    seconds = _retry_after(headers)
    return seconds if math.isfinite(seconds) and seconds > CLIENT_WAITS else 0.0


def _retry_after(headers: Mapping[str, str]) -> float:
    """Seconds that Retry-After asks for, as a number or a date; 0 if it is neither."""
    for name, unit in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        try:
            return float(headers.get(name, "")) / unit
        except ValueError:
            continue
    date = parsedate_tz(headers.get("retry-after", ""))
    try:
        return mktime_tz(date) - time.time() if date else 0.0
    except (ValueError, OverflowError, OSError):
        return 0.0
