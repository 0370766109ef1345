"""Google's own tools among the caller's: search, maps, pages, code, files.

Odd here: Google's REST has them as members of a tool (`{"googleSearch": {}}`), its newer door as types (`{"type": "google_search"}`), and
callers write either in either spelling; what a tool holds is sent as it is.

Sources: https://ai.google.dev/api/caching#Tool, https://ai.google.dev/gemini-api/docs/tools,
https://ai.google.dev/gemini-api/docs/tool-combination
"""

from __future__ import annotations

import msgspec
from msgspec import Raw

from ...chat import ChatRequest

_NAMES = {
    "google_search": "googleSearch", "google_search_retrieval": "googleSearchRetrieval", "google_maps": "googleMaps",
    "url_context": "urlContext", "code_execution": "codeExecution", "file_search": "fileSearch", "computer_use": "computerUse",
    "enterprise_web_search": "enterpriseWebSearch", "retrieval": "retrieval",
}  # fmt: skip
NAMES = {**_NAMES, **{camel: camel for camel in _NAMES.values()}}
_decode = msgspec.json.Decoder(list[dict[str, Raw]]).decode


def google_tools(request: ChatRequest) -> dict[int, dict[str, Raw]]:
    """Index in the caller's `tools` → the tool as Google has it, for those that are Google's."""
    found: dict[int, dict[str, Raw]] = {}
    if all(tool.function is not None or tool.custom is not None for tool in request.tools or ()):
        return found
    for index, members in enumerate(_decode(request.wire["tools"])):
        tool = _tool(members)
        if tool:
            found[index] = tool
    return found


def _tool(members: dict[str, Raw]) -> dict[str, Raw]:
    name = NAMES.get(msgspec.json.decode(members["type"], type=str)) if "type" in members else None
    if name is not None:
        given = members.get(name) or {key: raw for key, raw in members.items() if key != "type"}
        return {name: Raw(msgspec.json.encode(given))}
    rest = {key: raw for key, raw in members.items() if key != "type"}
    return {NAMES[key]: raw for key, raw in rest.items()} if rest and rest.keys() <= NAMES.keys() else {}
