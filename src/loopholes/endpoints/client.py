"""Asking a chat model behind an OpenAI-compatible endpoint, many questions at once.

Three things can go wrong, and they end differently. The ``openai`` client retries what passes (429, 5xx, timeouts,
broken connections), with exponential waits and jitter, or after as long as Retry-After says. It gives up on a wait of
over two minutes; this module then waits for up to a quarter of an hour. An endpoint that stays down, asks for a longer
wait, or refuses the key or the model, stops the work with one sentence. A question that the endpoint declines (too
long, a content filter), or answers with something other than a chat completion, is unanswered. If the endpoint refuses
a text or fails on it, or declines all of them, a plain control question distinguishes a broken endpoint from texts that
it cannot take.

The user chose the endpoint, so the size of its responses is limited only by the requested length of an answer.

A setting that an endpoint refuses by name (reasoning models refuse a temperature, many servers ``top_k``) is left out
of later requests, and a warning says so.
"""

from __future__ import annotations

import asyncio
import logging
import math
import re
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from email.utils import mktime_tz, parsedate_tz
from importlib.util import find_spec
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from loopholes.endpoints.address import Endpoint, Party, headers_for, key_for
from loopholes.endpoints.reply import Reply, parse_reply
from loopholes.errors import LoopholesError, MissingExtra
from loopholes.records import Message, well_formed

if TYPE_CHECKING:
    from openai import AsyncOpenAI

log = logging.getLogger(__name__)

DECLINED = (400, 413, 422)
PASSING = (408, 409, 429)  # and every status from 500 on
CLIENT_WAITS = 120.0  # seconds: the longest Retry-After that the client waits for; it gives up at once on a longer one
LONGEST_WAIT = 900.0  # seconds: the longest that is waited here; a run that would wait longer is stopped, to be resumed


STANDARD = ("frequency_penalty", "max_completion_tokens", "max_tokens", "seed", "temperature", "top_p")
# How an endpoint refuses a setting: other complaints about it, such as a length over the context, are about the text.
REFUSAL = re.compile(
    r"unsupported|not support|unrecogni[sz]ed|unknown|unexpected|unused|not permitted|not allowed|deprecated"
)
Q = TypeVar("Q")
A = TypeVar("A")


class Unanswered(Exception):
    """This question gets no answer; that says nothing about others."""


class Refused(Unanswered):
    """This question gets no answer, and the endpoint itself may be broken."""


class Ask(Protocol):
    """Puts one prompt to the model, with its settings; raises ValueError if the response is not a chat completion."""

    def __call__(self, prompt: Sequence[Message], options: Mapping[str, Any]) -> Awaitable[Reply]: ...


Talk = Callable[[Ask, Q], Awaitable[A]]
"""What is said about one question until there is an answer; raises :class:`Unanswered`."""


class EndpointClient:
    """Asks the model at an endpoint, ``concurrency`` questions at once.

    ``timeout`` is how many seconds may pass without any data. All attempts at one question together may take as long
    as their timeouts and waits can add up to, so that a server that keeps a request open by sending blanks cannot
    stall a run.
    """

    def __init__(self, endpoint: Endpoint, party: Party, *, concurrency: int, timeout: float, retries: int) -> None:
        if find_spec("openai") is None:
            raise MissingExtra("openai", "endpoints")
        self._endpoint = endpoint
        self._party = party
        self._concurrency = concurrency
        self._timeout = timeout
        self._retries = retries
        self._deadline = (retries + 1) * (timeout + CLIENT_WAITS)
        self._key = key_for(endpoint.url, party.key)
        self._headers = headers_for(endpoint.url, self._key)
        self._refused: set[str] = set()
        self._warned = False
        self._pausing = 0

    def ask_all(self, questions: Sequence[Q], talk: Talk[Q, A], control: Q) -> Iterator[tuple[int, A | Unanswered]]:
        """The number of each question with its answer, or the reason why there is none, in the order of arrival.

        The requests run in an event loop of their own thread: the caller may be in a notebook, which has a loop
        already, and Ctrl-C or a failure ends all of them at once. Raises the party's error for a broken endpoint.
        """
        from anyio.from_thread import start_blocking_portal  # comes with openai

        arrived: SimpleQueue[tuple[int, A | Unanswered] | None] = SimpleQueue()
        with start_blocking_portal() as portal:
            work = portal.start_task_soon(self._ask_all, questions, talk, control, arrived.put)
            work.add_done_callback(lambda _: arrived.put(None))
            while (answer := arrived.get()) is not None:
                yield answer
            work.result()

    async def _ask_all(
        self,
        questions: Sequence[Q],
        talk: Talk[Q, A],
        control: Q,
        arrive: Callable[[tuple[int, A | Unanswered]], None],
    ) -> None:
        waiting = iter(enumerate(questions))
        unanswered: list[Unanswered] = []
        async with self._open() as client:

            async def ask(prompt: Sequence[Message], options: Mapping[str, Any]) -> Reply:
                return await self._reply(client, prompt, options)

            async def work() -> None:
                for number, question in waiting:
                    try:
                        arrive((number, await talk(ask, question)))
                    except Unanswered as reason:
                        if isinstance(reason, Refused):
                            await self._check(talk(ask, control))
                        unanswered.append(reason)
                        arrive((number, reason))

            try:
                async with asyncio.TaskGroup() as group:
                    for _ in range(min(self._concurrency, len(questions))):
                        group.create_task(work())
            except ExceptionGroup as failed:
                raise failed.exceptions[0] from None
            if len(unanswered) == len(questions):
                await self._check(talk(ask, control))
        self._warn(unanswered, len(questions))

    def _open(self) -> AsyncOpenAI:
        from openai import AsyncOpenAI

        try:
            return AsyncOpenAI(
                base_url=self._endpoint.url,
                api_key=self._key or "none",
                default_headers=self._headers,
                timeout=self._timeout,
                max_retries=self._retries,
            )
        except (ImportError, OSError, ValueError) as error:  # from the environment's proxies and certificates
            raise self._party.error(f"{self.name} cannot be asked: {error}") from None

    async def _check(self, control: Awaitable[object]) -> None:
        try:
            await control
        except Refused as reason:
            raise self._broken(str(reason)) from None
        except Unanswered as reason:
            raise self._party.error(f"{self.name} does not answer: {reason}; check the address and the model") from None

    async def _reply(self, client: AsyncOpenAI, prompt: Sequence[Message], options: Mapping[str, Any]) -> Reply:
        """The model's reply; raises ValueError if it is not a chat completion."""
        import openai

        sent = self._accepted(options)
        try:
            body: str = (await self._send(client, prompt, sent)).text
        except (openai.APITimeoutError, TimeoutError):
            problem = f"takes over {self._timeout:g} seconds to answer"
        except openai.APIConnectionError:
            problem = "cannot be reached"
        except openai.APIStatusError as error:
            if error.status_code in DECLINED and (name := _refused_setting(error, sent)):
                self._do_without(name)
                return await self._reply(client, prompt, options)
            if error.status_code in DECLINED:
                raise Unanswered(self.without_key(str(error))) from None
            raise Refused(f"says: {self.without_key(str(error))}") from None
        else:
            return parse_reply(body)
        raise self._broken(problem) from None

    async def _send(self, client: AsyncOpenAI, prompt: Sequence[Message], options: Mapping[str, Any]) -> Any:
        """The raw response, after waits that are too long for the client to make."""
        import openai

        left = self._retries
        # Through Any: the client types every setting, and which of them are sent is decided here.
        create: Any = client.chat.completions.with_raw_response.create
        turns = [{"role": turn["role"], "content": well_formed(turn["content"])} for turn in prompt]
        standard = {name: value for name, value in options.items() if name in STANDARD}
        more = {name: value for name, value in options.items() if name not in STANDARD}
        while True:
            try:
                async with asyncio.timeout(self._deadline):
                    return await create(model=self._endpoint.model, messages=turns, extra_body=more or None, **standard)
            except openai.APIStatusError as error:
                if not (seconds := _long_wait(error.status_code, error.response.headers)):
                    raise
                await self._pause(seconds, left)
                left -= 1

    async def _pause(self, seconds: float, left: int) -> None:
        """Wait as long as the endpoint asks; raises the party's error if that is too long or too often."""
        import anyio

        if seconds > LONGEST_WAIT or not left:
            limit = f"over the {LONGEST_WAIT:.0f} that are waited at most" if left else "after as many tries as allowed"
            raise self._party.error(
                f"{self.name} asks to wait {seconds:.0f} seconds, {limit}; run the same again after that"
            )
        if not self._pausing:  # other requests in flight wait for the same reason
            log.warning("%s asks to wait %.0f seconds: continuing after that", self.name, seconds)
        self._pausing += 1
        try:
            await anyio.sleep(seconds)
        finally:
            self._pausing -= 1

    def _broken(self, problem: str) -> LoopholesError:
        advice = "" if self._key else f", and if it wants a key, put it into {self._party.key}"
        return self._party.error(f"{self.name} {problem}; check that it runs{advice}")

    def _accepted(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """The settings that the endpoint has not refused; ``max_tokens`` is renamed if it refused that name."""
        accepted = {name: value for name, value in options.items() if name not in self._refused}
        if "max_tokens" in self._refused and "max_tokens" in options:
            accepted["max_completion_tokens"] = options["max_tokens"]
        return accepted

    def _do_without(self, name: str) -> None:
        if name not in self._refused and name != "max_tokens":
            log.warning("%s refuses the setting %s: its own default is used", self.name, name)
        self._refused.add(name)

    @property
    def name(self) -> str:
        """``the judge URL#MODEL``, for messages."""
        return f"the {self._party.title} {'#'.join(self._endpoint)}"

    @property
    def refused(self) -> list[str]:
        """The settings that the endpoint refused by name."""
        return sorted(self._refused - {"max_tokens"})

    def without_key(self, text: str) -> str:
        """A server's message, shortened, without the key that some servers repeat."""
        words = " ".join(text.split())[:2000]
        return (words.replace(self._key, "***") if self._key else words)[:200]

    def _warn(self, unanswered: Sequence[Unanswered], count: int) -> None:
        if unanswered and not self._warned:
            self._warned = True
            what, reason = self._party.questions, unanswered[0]
            log.warning("%s declined %d of %d %s: %s", self.name, len(unanswered), count, what, reason)


def _refused_setting(error: Any, sent: Mapping[str, Any]) -> str:
    """The setting that an error refuses by name, in its ``param`` or in its words; empty if it is about another thing.

    The limit on the answer's length is never dropped: once it has its newer name, the complaint is about the text.
    """
    names = [name for name in sent if name != "max_completion_tokens"]
    if isinstance(error.param, str) and error.param:
        return error.param if error.param in names else ""
    words = str(error).lower()
    named = [name for name in names if re.search(rf"\b{name}\b", words)]
    return named[0] if named and REFUSAL.search(words) else ""


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
