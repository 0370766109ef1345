"""`trunkline explain < request.json`: the exact upstream request, and what was dropped or changed. Nobody is called."""

from __future__ import annotations

import asyncio
import sys


def run(config: str | None, data: str | None, workspace: str) -> int:
    """Print the explanation as JSON; the refusal that a real request would get is printed as an error, with status 1."""
    import msgspec

    from ..access import Caller
    from ..dialects.openai_chat import decode_request
    from ..explain import explain
    from ..pipeline import Call
    from ..server.assembly import Assembly, Boot
    from ..stamp import Stamp

    request = decode_request(sys.stdin.buffer.read())

    async def explained() -> dict[str, object]:
        assembly = Assembly(Boot(config, None, None, data, None))
        await assembly.start()
        try:
            call = Call(request, Caller(workspace=workspace), Stamp("chatcmpl-explain", 0))
            return await explain(call, assembly.gateway)
        finally:
            await assembly.stop()

    print(msgspec.json.format(msgspec.json.encode(asyncio.run(explained())), indent=2).decode())
    return 0
