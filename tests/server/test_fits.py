"""The fast lane stands on a class that uvicorn does not promise: this fails loudly when it is not the one the lane was written for."""

from __future__ import annotations

import asyncio
import logging

import pytest
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from trunkline.server import fits, protocol, run
from trunkline.server.assembly import Assembly, Boot


def test_the_uvicorn_that_is_installed_is_the_one_the_lane_was_written_for() -> None:
    assert fits.fits(), f"uvicorn {uvicorn.__version__} has changed its protocol: read server/protocol.py beside it before the pin is moved"


@pytest.mark.parametrize("name", [name for name in fits.USED if not hasattr(asyncio.Protocol, name)])
def test_a_method_that_is_gone_is_noticed(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(HttpToolsProtocol, name)
    assert not fits.fits()


def test_an_attribute_that_is_gone_is_noticed() -> None:
    class Renamed(HttpToolsProtocol):
        def __init__(self) -> None:
            self.pipelined: list[object] = []

    assert not fits.fits(Renamed)


def test_where_the_lane_does_not_fit_completions_go_over_asgi_and_the_log_says_so(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    assembly = Assembly(Boot(None, None, None, None, None))
    assert run.worker_config(assembly).http is not HttpToolsProtocol
    assert issubclass(run.worker_config(assembly).http, protocol.LaneProtocol)  # type: ignore[arg-type]
    monkeypatch.setattr(run, "fits", lambda: False)
    with caplog.at_level(logging.WARNING):
        assert run.worker_config(assembly).http == "httptools"
    assert "fast lane" in caplog.text
