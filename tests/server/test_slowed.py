"""Guessing keys at the completion paths is slowed, as at the others; a valid caller never waits."""

from __future__ import annotations

import time
from pathlib import Path

import httpx

from tests.serving import gateway


def test_many_wrong_keys_wait_longer_and_a_right_one_does_not(tmp_path: Path) -> None:
    with gateway(tmp_path, '[auth]\nmode = "keys"\nadmin_key = "the-admin-key-of-this-test"\n') as running:
        waits = []
        for number in range(12):
            began = time.monotonic()
            answer = httpx.post(f"{running.url}/v1/chat/completions", headers={"authorization": f"Bearer tl-wrong{number}"}, json={})
            waits.append(time.monotonic() - began)
            assert answer.status_code == 401
        assert sum(waits[6:]) > 1.0, "the sixth failure and those after it wait 0.1 s longer each"
        began = time.monotonic()
        right = httpx.post(f"{running.url}/v1/chat/completions", headers={"x-api-key": "the-admin-key-of-this-test"}, json={})
        assert right.status_code == 400
        assert time.monotonic() - began < waits[-1]
