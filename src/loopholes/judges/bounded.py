"""An HTTP client for a server that may not mean well: a response ends in time, and in a bounded amount of memory.

The timeouts of ``httpx2`` are those of single reads, so that a server which sends a space now and then is never timed
out, and a body is read whole, however much a few compressed bytes unfold to. Here a request has a deadline, and of a
body the first :data:`LARGEST` bytes are read; a chat completion that is cut off there cannot be read as one.
"""

from __future__ import annotations

import asyncio
import zlib
from typing import Any

import httpx2  # comes with openai
from openai import DefaultAsyncHttpxClient

LARGEST = 1_000_000  # bytes of a body, as sent and as unpacked; an answer of a few words takes one thousand
PATIENCE = 5.0  # a whole request may take that many times as long as the wait for a sign of life
_PACKED = ("gzip", "x-gzip", "deflate")
_ABOUT_THE_BODY = ("content-encoding", "content-length", "transfer-encoding")


class BoundedClient(DefaultAsyncHttpxClient):
    """``timeout`` seconds may pass without a sign of life, and :data:`PATIENCE` times as many in all."""

    def __init__(self, *, timeout: float) -> None:
        super().__init__(timeout=timeout, event_hooks={"response": [_without_redirects_body]})
        self._deadline = PATIENCE * timeout

    async def send(self, request: httpx2.Request, *, stream: bool = False, **options: Any) -> httpx2.Response:
        """See ``httpx2``; the body has been read, or as much of it as may be. Raises its ReadTimeout, too."""
        request.headers["Accept-Encoding"] = "identity"
        try:
            async with asyncio.timeout(self._deadline):
                response = await super().send(request, stream=True, **options)
                try:
                    return await _read(response)
                finally:
                    await response.aclose()
        except TimeoutError:
            raise httpx2.ReadTimeout(f"no whole response in {self._deadline:g} seconds", request=request) from None


async def _read(response: httpx2.Response) -> httpx2.Response:
    """The same response with the beginning of its body."""
    body = bytearray()
    async for piece in response.aiter_raw():
        body += piece[: LARGEST - len(body)]
        if len(body) == LARGEST:
            break
    headers = [(name, value) for name, value in response.headers.multi_items() if name not in _ABOUT_THE_BODY]
    packed = response.headers.get("content-encoding", "").lower() in _PACKED
    content = _unpacked(bytes(body)) if packed else bytes(body)
    return httpx2.Response(response.status_code, headers=headers, content=content, request=response.request)


def _unpacked(body: bytes) -> bytes:
    """What was packed although that was not asked for; nothing if it is broken."""
    try:
        return zlib.decompressobj(wbits=47).decompress(body, LARGEST)  # 47: gzip or zlib, as its header says
    except zlib.error:
        return b""


async def _without_redirects_body(response: httpx2.Response) -> None:
    """The client would read the whole of it before it goes on."""
    if response.has_redirect_location and isinstance(response.stream, httpx2.AsyncByteStream):
        await response.stream.aclose()
        response.stream = httpx2.ByteStream(b"")
