"""Every request reaches Gemini well formed, where it belongs, or is refused with a field; Google's own types judge every body."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.dialects.gemini_generate.asking import FLASH, THREE, encode, target
from tests.dialects.gemini_generate.oracle import body
from tests.strategies import chat_requests
from trunkline.chat import ChatRequest
from trunkline.dialects import gemini_generate
from trunkline.dialects.beside import NEUTRAL
from trunkline.errors import CallerError
from trunkline.target import Encoded, Target

# ── every request ───────────────────────────────────────────────────────────────────────────────────────

TARGETS = [
    target(FLASH),
    target(THREE),
    target("gemini-3-pro-preview", "vertex"),
    target("gemini-2.5-pro", "vertex"),
    target("gemini-2.0-flash"),
]


def outcome(request: ChatRequest, to: Target) -> tuple[Encoded | None, CallerError | None]:
    try:
        return gemini_generate.encode_request(request, to), None
    except CallerError as error:
        return None, error


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(chat_requests(), st.sampled_from(TARGETS))
def test_every_request_is_well_formed_for_google_or_refused_with_a_field(request: ChatRequest, to: Target) -> None:
    encoded, refused = outcome(request, to)
    if encoded is None:
        assert refused is not None
        assert (refused.status, bool(refused.param)) == (400, True)
        return
    written = body(encoded)
    config = written.get("generationConfig", {})
    named = {note.param for note in encoded.notes}
    for member, wire in (("temperature", "temperature"), ("top_p", "topP"), ("seed", "seed"), ("presence_penalty", "presencePenalty")):
        if getattr(request, member) is not None:
            assert member in named or config[wire] == getattr(request, member)
    for member in ("logit_bias", "metadata", "verbosity", "prediction", "prompt_cache_key"):
        assert getattr(request, member) in (None, *NEUTRAL.get(member, ())) or member in named
    if request.parallel_tool_calls is False:
        assert "parallel_tool_calls" in named
    if (request.n or 1) > 1:
        assert encoded.fan_out == request.n or config["candidateCount"] == request.n


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(chat_requests())
def test_encoding_is_pure(request: ChatRequest) -> None:
    before = msgspec.json.encode(request)
    (first, _), (second, _) = outcome(request, TARGETS[1]), outcome(request, TARGETS[1])
    assert first == second
    assert msgspec.json.encode(request) == before


# ── where it goes ───────────────────────────────────────────────────────────────────────────────────────


PLACE = "/v1/projects/acme/locations/europe-west4"


@pytest.mark.parametrize(
    ("model", "kind", "stream", "url"),
    [
        (FLASH, "gemini", False, "/v1beta/models/gemini-2.5-flash:generateContent"),
        (FLASH, "gemini", True, "/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse"),
        ("models/gemini-2.5-flash", "gemini", False, "/v1beta/models/gemini-2.5-flash:generateContent"),
        ("tunedModels/x-1", "gemini", False, "/v1beta/tunedModels/x-1:generateContent"),
        (FLASH, "vertex", False, PLACE + "/publishers/google/models/gemini-2.5-flash:generateContent"),
        (FLASH, "vertex", True, PLACE + "/publishers/google/models/gemini-2.5-flash:streamGenerateContent?alt=sse"),
        ("endpoints/12", "vertex", False, PLACE + "/endpoints/12:generateContent"),
    ],
)  # fmt: skip
def test_the_model_and_the_streaming_are_in_the_url(model: str, kind: str, stream: bool, url: str) -> None:
    assert encode(model, kind, stream=stream).http.url == f"https://x.example{url}"
