"""The tool servers of a verifiers rollout, in a fork of this process instead of new programs.

verifiers starts each server as a program, which takes seconds. A fork is ready within milliseconds, and like such a
program it ends with its rollout and leaves nothing behind for the next. The servers are verifiers' own
(``Toolset.register`` on an MCP server, called by MCP's own client). The rollout's state travels with each call, as over
verifiers' state channel.
"""

from __future__ import annotations

import asyncio
import gc
import importlib
import json
import os
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from typing import Any

from loopholes.audit.forks import end
from loopholes.audit.frameworks.base import Library, raised
from loopholes.sandbox.inside.relatives import end_with_parent

servers, clients, chat = Library("mcp.server.mcpserver"), Library("mcp"), Library("verifiers.v1.harnesses.utils.mcp")
IMPORTED = (
    "mcp",
    "mcp.server.mcpserver",
    "mcp.client._memory",
    "verifiers.v1.harnesses.utils.mcp",
    "anyio._backends._asyncio",
    "rich.logging",
)
"""What a server and its client import, which would take each fork a second."""


def prepare() -> None:
    """Import here what the forks need."""
    for name in IMPORTED:
        importlib.import_module(name)


class Server:
    """A tool server that is created here, but set up and called only in forks of this process.

    It replaces the channel over which a server pulls the rollout's state before a call and pushes it afterwards.
    """

    def __init__(self, toolset: Any) -> None:
        self.toolset = toolset
        self.pulled = b"{}"
        self.pushed: bytes | None = None
        toolset._pull_state, toolset._push_state = self._pull, self._push
        self._mcp = servers.MCPServer(toolset.server_name or type(toolset).__name__, log_level="CRITICAL")
        toolset.register(self._mcp)

    async def start(self, data: Any, stack: AsyncExitStack) -> Any:
        """Set the server up for a task's data, as ``ServerBase._serve`` does. Returns a client of it."""
        await stack.enter_async_context(self.toolset._exit_stack)
        await self.toolset.setup()
        if data is not None:
            await self.toolset.setup_task(data)
        return await stack.enter_async_context(clients.Client(self._mcp))

    async def _pull(self) -> Any:
        return self.toolset._state_adapter.validate_json(self.pulled)

    async def _push(self, before: bytes) -> None:
        after = self.toolset._state_adapter.dump_json(self.toolset.state)
        self.pushed = None if after == before else after


class ToolServers:
    """Tool servers that run until they are closed. Raises RuntimeError if one cannot be set up.

    ``schemas`` are the tools as chat models get them: records with name, description and parameters. ``data`` is the
    task's, or None for servers that all rollouts share.
    """

    def __init__(self, tool_servers: Sequence[Server], data: Any) -> None:
        self._pipe, child_pipe = Pipe()
        gc.freeze()  # a collection in the fork would copy every page that it visits
        self._process = os.fork()
        if self._process == 0:
            _serve(child_pipe, tool_servers, data)
        child_pipe.close()
        self.schemas: list[dict[str, Any]] = self._receive()["tools"]

    def call(self, name: str, arguments: Mapping[str, Any], state: bytes) -> tuple[Any, bytes | None]:
        """The content of a result, and the rollout's state as JSON if the call changed it."""
        self._pipe.send_bytes(json.dumps({"name": name, "arguments": arguments, "state": state.decode()}).encode())
        reply = self._receive()
        return reply["content"], None if reply["state"] is None else reply["state"].encode()

    def close(self) -> None:
        """End the servers. Closing them twice is harmless."""
        if not self._pipe.closed:
            self._pipe.close()
            end([self._process])
            with suppress(ChildProcessError):
                os.waitpid(self._process, 0)

    def _receive(self) -> dict[str, Any]:
        try:
            reply: dict[str, Any] = json.loads(self._pipe.recv_bytes())
        except (EOFError, OSError):
            reply = {"problem": "the tool server ended"}
        if "problem" in reply:
            self.close()
            raise RuntimeError(reply["problem"])
        return reply


def _serve(pipe: Connection, tool_servers: Sequence[Server], data: Any) -> None:
    """Serve until the other end closes, in a process that then ends."""
    end_with_parent()
    try:
        asyncio.run(_answer(pipe, tool_servers, data))
    except BaseException as error:
        with suppress(OSError):
            pipe.send_bytes(json.dumps({"problem": f"a tool server {raised(error)}"}).encode())
    finally:
        os._exit(0)


async def _answer(pipe: Connection, tool_servers: Sequence[Server], data: Any) -> None:
    async with AsyncExitStack() as stack:
        tools: dict[str, tuple[Server, Any, str]] = {}
        schemas = []
        for server in tool_servers:
            client, prefix = await server.start(data, stack), server.toolset.server_name
            for tool in (await client.list_tools()).tools:
                name = f"{prefix}_{tool.name}" if prefix else tool.name
                schemas.append({"name": name, "description": tool.description or "", "parameters": tool.input_schema})
                tools[name] = server, client, tool.name
        pipe.send_bytes(json.dumps({"tools": schemas}).encode())
        while True:
            try:
                request = json.loads(pipe.recv_bytes())
            except EOFError:
                return
            server, client, name = tools[request["name"]]
            server.pulled, server.pushed = request["state"].encode(), None
            result = await client.call_tool(name, request["arguments"])
            content = chat.mcp_content_to_chat_content(result.content)
            changed = None if server.pushed is None else server.pushed.decode()
            pipe.send_bytes(json.dumps({"content": content, "state": changed}).encode())
