"""verifiers' own rollouts, played by scripted policies: without a model, a container, or programs as tool servers.

verifiers' own ``Env.run_episode`` runs, with its agents, rollouts, hooks, limits and scoring, in its subprocess
runtime. Three things are replaced:

- the *harness* takes the next action from the policy instead of a model (:class:`ScriptedHarness`). It is the chat loop
  of verifiers' own ``null`` harness: it makes tool calls and shows their results, and a reply without a call ends the
  segment;
- model calls are committed to the trace as by verifiers' interception server, but without HTTP (:func:`_commit`);
- tool servers are forks of this process (:mod:`loopholes.audit.frameworks._verifiers_tools`).
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from itertools import count
from typing import Any

import verifiers.v1 as vf
from verifiers.v1 import graph, rollout
from verifiers.v1.agent import Agents, _EpisodeAgent
from verifiers.v1.configs.agent import resolve_agent
from verifiers.v1.envs.single_agent import SingleAgentEnv
from verifiers.v1.harnesses.null import NullHarnessConfig
from verifiers.v1.harnesses.utils.compaction import bound_tool_message
from verifiers.v1.interception import Interception
from verifiers.v1.runtimes import SubprocessConfig
from verifiers.v1.types import Request, ToolCall, ToolMessage, content_text

from loopholes.audit.episodes.playing import Step
from loopholes.audit.frameworks._verifiers_tasks import env_config
from loopholes.audit.frameworks._verifiers_tools import Server, ToolServers
from loopholes.audit.frameworks.base import Loop, Row

MODEL = "scripted"
_CALL = re.compile(r"<tool_call>\s*(\{.*?\})\s*</tool_call>", re.DOTALL)
"""A tool call in the notation of open models."""
Count = Callable[[str], int]


class EpisodeFailed(Exception):
    """verifiers marked the episode as errored, so it has no reward."""


class Rollouts:
    """Episodes of an ``Env``, one at a time; an :class:`~loopholes.audit.episodes.playing.Environment`.

    ``task`` creates the task of a row, ``turns`` is the most model turns of an agent, and ``tokens`` counts the tokens
    of a text. The reward is the trace's, once its rollout is over.
    """

    def __init__(self, env: Any, task: Callable[[Row], Any], turns: int, tokens: Count) -> None:
        self._env = env
        self._task = task
        self._turns = turns
        self._loop = Loop()
        self._interception = _Interception()
        self._harness = ScriptedHarness(self._interception, tokens)
        self._shared: dict[str, ToolServers] | None = None
        self._episode: asyncio.Task[Any] | None = None
        env._episode_agents = self._agents

    def reset(self, row: Row) -> str:
        """See :class:`~loopholes.audit.episodes.playing.Environment`."""
        task = self._task(row)
        if task.data.image:
            raise EpisodeFailed("the task needs a container, which is not started here")
        observation: str | None = self._loop.wait(self._begin(task))
        if observation is None:
            self._reward()  # raises what ended the episode
        return observation or ""

    def step(self, action: str) -> Step:
        """See :class:`~loopholes.audit.episodes.playing.Environment`."""
        seen = self._loop.wait(self._go_on(action))
        return Step("", self._reward(), True) if seen is None else Step(seen, None, False)

    def finish(self) -> None:
        """End a running rollout, with its tool servers and its runtime."""
        if self._episode is not None and not self._episode.done():
            self._episode.cancel()
            with suppress(asyncio.CancelledError):
                self._loop.wait(asyncio.wait([self._episode]))
        self._episode = None

    @property
    def tools(self) -> list[dict[str, Any]]:
        """The tools of the last episode, as chat models get them."""
        return self._harness.schemas

    async def _begin(self, task: Any) -> str | None:
        if self._shared is None:
            toolsets = self._env.taskset.toolsets(self._env.taskset.config) if self._env.taskset is not None else []
            self._shared = {each.server_name: ToolServers([Server(each)], None) for each in toolsets}
            await self._env.start()
        self._harness.begin()
        rollout.serve_tools = self._harness.serve_tools
        context = vf.ModelContext(model=MODEL, client=vf.EvalClientConfig())
        self._episode = asyncio.create_task(self._env.run_episode(task, context))
        return await self._next_observation()

    async def _go_on(self, action: str) -> str | None:
        assert self._episode is not None
        if self._episode.done():
            return None
        self._harness.actions.put_nowait(action)
        return await self._next_observation()

    async def _next_observation(self) -> str | None:
        """The policy's next observation; None once the episode is over."""
        assert self._episode is not None
        waiting = asyncio.ensure_future(self._harness.observations.get())
        await asyncio.wait([waiting, self._episode], return_when=asyncio.FIRST_COMPLETED)
        if waiting.done():
            return waiting.result()
        waiting.cancel()
        return None

    def _reward(self) -> float:
        assert self._episode is not None
        episode = self._episode.result()
        errors = [*episode.errors, *(trace.errors[-1] for trace in episode.traces if not trace.ok and trace.errors)]
        if errors:
            raise EpisodeFailed(f"{errors[-1].type}: {errors[-1].message}")
        if len(episode.traces) != 1:
            raise EpisodeFailed(f"the agent ran {len(episode.traces)} times in one episode, which is not scored here")
        return float(episode.traces[0].reward)

    def _agents(self, context: Any, completed: list[Any], on_trace: Any, on_discard: Any) -> Any:
        """The agents of an episode, as ``Env._episode_agents`` creates them, with the scripted harness."""

        def make(name: str, spec: Any) -> Any:
            most = self._turns if spec.max_turns is None else min(spec.max_turns, self._turns)
            spec = spec.model_copy(
                update={"runtime": SubprocessConfig(), "harness": NullHarnessConfig(id="null"), "max_turns": most}
            )
            agent = _EpisodeAgent(
                resolve_agent(spec, model=context.model, client=context.client, sampling=context.sampling),
                interception=self._interception,
                name=name,
                shared_tools=self._shared,
                task_cls=self._env._task_cls,
                gate=None,
                completed=completed,
                on_trace=on_trace,
                on_discard=on_discard,
                warned_resources=set(),
            )
            agent.harness = self._harness
            return agent

        return Agents(self._env.config, make)


def played(kind: Any, taskset: Any, task_type: Any) -> Any:
    """An Env of this class around a taskset (or None), created without verifiers' look-up by package names.

    Without a class, it is the Env for a single agent.
    """
    env = object.__new__(kind or SingleAgentEnv)
    config = env_config(type(env))
    env.config = config if taskset is None else config.model_copy(update={"taskset": taskset.config})
    env.taskset, env._task_cls = taskset, task_type
    return env


class ScriptedHarness(vf.Harness[NullHarnessConfig]):  # type: ignore[misc]
    """The chat loop of verifiers' ``null`` harness in this process, with a policy in place of a model.

    The policy's observations go into ``observations``; its actions are awaited from ``actions``.
    """

    APPENDS_SYSTEM_PROMPT = True
    SUPPORTS_MCP = True
    SUPPORTS_RESUME = True
    SUPPORTS_TOOL_INTERCEPTION = True
    EXECUTES_CODE = False
    NEEDS_CONTAINER = False

    def __init__(self, interception: _Interception, tokens: Count) -> None:
        super().__init__(NullHarnessConfig(id="null"))
        self._interception = interception
        self._tokens = tokens
        self._task_servers: list[Server] = []
        self._servers: dict[str, list[ToolServers]] = {}
        self.schemas: list[dict[str, Any]] = []
        self.begin()

    def begin(self) -> None:
        """Forget the observations and actions of an earlier episode."""
        self.observations: asyncio.Queue[str] = asyncio.Queue()
        self.actions: asyncio.Queue[str] = asyncio.Queue()
        self._numbers = count()

    @asynccontextmanager
    async def serve_tools(
        self, toolsets: Sequence[Any], runtime: Any, shared: Mapping[str, Any] | None = None, **channel: Any
    ) -> AsyncIterator[dict[str, str]]:
        """Replaces verifiers' function of this name. It yields no addresses, since nothing needs them here."""
        trace = channel["state_route"]
        data = self._interception.sessions[trace].trace.task.data
        if not _are_alike([server.toolset for server in self._task_servers], toolsets):
            self._task_servers = [Server(toolset) for toolset in toolsets]
        own = [ToolServers(self._task_servers, data)] if toolsets else []
        self._servers[trace] = [*(shared or {}).values(), *own]
        self.schemas = [schema for servers in self._servers[trace] for schema in servers.schemas]
        try:
            yield {}
        finally:
            del self._servers[trace]
            for servers in own:
                servers.close()

    async def launch(
        self,
        ctx: Any,
        trace: Any,
        runtime: Any,
        endpoint: str,
        secret: str,
        mcp_urls: dict[str, str],
        data: Any,
        tool_interception_url: str | None = None,
    ) -> Any:
        """Play one segment: turns until a reply without a call, a limit or a ``@stop``."""
        system, prompt = self.resolve_prompt(data)
        opening = [vf.UserMessage(content=prompt)] if isinstance(prompt, str) else [*(prompt or [])]
        messages = [*([vf.SystemMessage(content=system)] if system else []), *opening]
        session, servers = self._interception.sessions[trace.id], self._servers[trace.id]
        schemas = {schema["name"]: (schema, owner) for owner in servers for schema in owner.schemas}
        tools = [vf.Tool(**schema) for schema, _ in schemas.values()] or None
        seen = content_text(messages[-1].content)
        while await session.refused() is None:
            self.observations.put_nowait(seen)
            reply = self._assistant_message(await self.actions.get(), bool(schemas))
            committed = await _commit(session, Request(messages=messages, tools=tools), reply, self._tokens)
            if committed is None or not committed.tool_calls:
                break
            results = [await self._result(session, schemas, call) for call in committed.tool_calls]
            messages = [*messages, committed, *results]
            seen = "\n".join(content_text(result.content) for result in results)
        return vf.ProgramResult(exit_code=0, stdout="", stderr="")

    def _assistant_message(self, action: str, has_tools: bool) -> Any:
        """The message of an action: tool calls, if there are tools, and the text besides them."""
        calls = [
            ToolCall(id=f"call_{next(self._numbers)}", name=name, arguments=json.dumps(arguments))
            for name, arguments in (calls_of(action) if has_tools else ())
        ]
        text = _CALL.sub("", action).strip() if "<tool_call>" in action else ""
        return vf.AssistantMessage(content=text, tool_calls=calls) if calls else vf.AssistantMessage(content=action)

    async def _result(self, session: Any, schemas: Mapping[str, Any], call: Any) -> Any:
        """The result of a tool call, as verifiers' chat loop presents it to a model."""
        if session.request_interceptors or session.request_stops:
            verdict = await session.decide_tool(call.id, call.name, json.loads(call.arguments))
            if verdict["action"] == "deny":
                return ToolMessage.model_validate(bound_tool_message(verdict["message"]))
        content: Any = f"error: unknown tool {call.name!r}"
        if call.name in schemas:
            state = session.state_adapter.dump_json(session.trace.state)
            content, changed = schemas[call.name][1].call(call.name, json.loads(call.arguments), state)
            if changed is not None:
                session.trace.state = session.state_adapter.validate_json(changed)
        message = {"role": "tool", "tool_call_id": call.id, "name": call.name, "content": content}
        return ToolMessage.model_validate(bound_tool_message(message))


def _are_alike(before: Sequence[Any], after: Sequence[Any]) -> bool:
    """Whether toolsets are of the same classes with equal configs: the servers of some then do for the others."""
    return [(type(each), each.config) for each in before] == [(type(each), each.config) for each in after]


def calls_of(text: str) -> list[tuple[str, dict[str, Any]]]:
    """The calls in a reply: those in ``<tool_call>`` tags, or the reply itself if it is a call in JSON."""
    calls = []
    for written in _CALL.findall(text) or [text]:
        with suppress(ValueError, RecursionError):
            record = json.loads(written)
            if isinstance(record, dict):
                name = record.get("name", record.get("tool_name"))
                arguments = record.get("arguments", {})
                if isinstance(name, str) and isinstance(arguments, dict):
                    calls.append((name, arguments))
    return calls


class _Interception(Interception):  # type: ignore[misc]
    """Holds the sessions of rollouts, whose model calls come from this process."""

    def __init__(self) -> None:
        super().__init__()
        self.sessions: dict[str, Any] = {}

    async def start(self) -> None:
        """There is no server to start."""

    @asynccontextmanager
    async def acquire(self, session: Any) -> AsyncIterator[tuple[str, str, str]]:
        """A slot to which nothing connects."""
        self.sessions[session.trace.id] = session
        try:
            yield "http://127.0.0.1", "", ""
        finally:
            del self.sessions[session.trace.id]
            session.release()


async def _commit(session: Any, request: Any, reply: Any, tokens: Count) -> Any:
    """The reply in the trace after all hooks, or None if one of them stopped the rollout.

    This follows ``InterceptionServer.handle_request``, without the parts for HTTP and providers.
    """
    trace = session.trace
    request, rewrites, stopped = await session.rewrite_request(request)
    trace.request_rewrites.extend(rewrites)
    turn = graph.prepare_turn(trace, request.messages, request.tools)
    if stopped is not None:
        turn.commit_prompt()
        trace.stop(stopped)
        return None
    usage = vf.Usage(
        prompt_tokens=sum(tokens(content_text(message.content)) for message in request.messages),
        completion_tokens=tokens(reply.content or ""),
    )
    reason = "tool_calls" if reply.tool_calls else "stop"
    response = vf.Response(id="", created=0, model=MODEL, message=reply, finish_reason=reason, usage=usage)
    if session.response_interceptors or session.response_stops:
        response, rewrites, stopped = await session.rewrite_response(response)
        trace.response_rewrites.extend(rewrites)
    node = turn.commit(response)
    session.consume_prepared(turn.tail)
    trace.calls.append(vf.ModelCall(node=node, model=MODEL, finish_reason=response.finish_reason, usage=usage))
    stopped = stopped or await session.gate_tool_calls(node)
    if stopped is not None:
        trace.stop(stopped)
        return None
    return trace.nodes[node].message
