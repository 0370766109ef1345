"""Every recorded whole answer and every recorded refusal, as the caller gets it."""

from __future__ import annotations

import pytest

from tests.recordings import ABSENT, PRESENT, Recording, recordings
from trunkline.dialects import dialect
from trunkline.errors import UpstreamError
from trunkline.server import refusals

from . import passing
from .laws import ALL, CHAT, CLAUDES, EXPLAINED, REFUSED, STREAMS, WHOLE, Report, agree, filed
from .said import said

pytestmark = pytest.mark.skipif(not PRESENT, reason=ABSENT)


@pytest.mark.parametrize("recording", WHOLE, ids=repr)
def test_a_whole_answer_says_what_the_vendor_said(recording: Recording, record_property: Report) -> None:
    filed(record_property, recording, "whole")
    meant = said(recording)
    if meant.failed:
        with pytest.raises(UpstreamError):
            passing.whole(recording)
        return
    body = passing.whole(recording)
    agree(body, meant, recording.api)
    assert body["id"]
    assert body["model"]
    assert body["created"]


@pytest.mark.parametrize("recording", REFUSED, ids=repr)
def test_a_refusal_is_an_openai_error_of_who_can_act(recording: Recording, record_property: Report) -> None:
    filed(record_property, recording, "error")
    ready = passing.prepared(recording)
    error = dialect(ready.target.dialect).decode_error(passing.response(recording), ready.target)
    assert isinstance(error, UpstreamError)
    assert error.status == expected_status(recording, error)
    body = refusals.body_of(error, opik=False)["error"]
    assert body["message"]
    assert "<html" not in body["message"].lower()
    assert isinstance(body["type"], str)
    if error.status == 429 and (wait := recording.headers.get("retry-after")):
        assert dict(refusals.headers_of(error))["retry-after"] == wait
    own_fault = error.status == 400 and error.code != "context_length_exceeded"
    assert error.try_next != own_fault, "another target is asked, unless the request itself is to blame"


def expected_status(recording: Recording, error: UpstreamError) -> int:
    """400s stay, our own key is our own fault, a limit is a limit; a vendor may hide two of them in a 400 (a key, a name)."""
    if error.code in ("upstream_auth", "model_not_found"):
        assert recording.status in (400, 401, 403, 404)
        return 502 if error.code == "upstream_auth" else 404
    if recording.status in (404, 413, 429):
        return recording.status
    return 400 if recording.status < 500 else 503 if recording.status in (503, 529) else 502


def test_no_recording_is_left_out_without_a_reason() -> None:
    everything = list(recordings())
    left_out = {recording.api for recording in everything} - set(passing.DIALECTS)
    assert left_out == set(EXPLAINED)
    assert len(WHOLE) + len(STREAMS) + len(REFUSED) == len(ALL)
    assert sum(recording.api in CHAT for recording in ALL) - len(CLAUDES) >= 1516
