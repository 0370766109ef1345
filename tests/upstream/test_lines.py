"""URLs taken apart, and heads that nothing can break out of."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkline.errors import GatewayError, OperatorError
from trunkline.upstream.lines import parse_url, render
from trunkline.wire import HttpRequest

from .servers import QUICK, client, run

URLS = [
    # url, scheme, host, port, target, authority
    ("https://api.openai.com/v1", "https", "api.openai.com", 443, "/v1", "api.openai.com"),
    ("HTTPS://API.OpenAI.com", "https", "api.openai.com", 443, "/", "api.openai.com"),
    ("http://a:80/?x=1&y=%2F", "http", "a", 80, "/?x=1&y=%2F", "a"),
    ("http://a:8080/x#part", "http", "a", 8080, "/x", "a:8080"),
    ("https://a?key=v", "https", "a", 443, "/?key=v", "a"),
    ("http://[::1]:8000/v1", "http", "::1", 8000, "/v1", "[::1]:8000"),
    ("http://[2001:DB8::0:1]/", "http", "2001:db8::1", 80, "/", "[2001:db8::1]"),
    ("http://my_service:1/x", "http", "my_service", 1, "/x", "my_service:1"),
    ("https://bücher.example/é x?q=ü", "https", "xn--bcher-kva.example", 443, "/%C3%A9%20x?q=%C3%BC", "xn--bcher-kva.example"),
    (
        "https://a/models/gemini-pro:streamGenerateContent?alt=sse",
        "https",
        "a",
        443,
        "/models/gemini-pro:streamGenerateContent?alt=sse",
        "a",
    ),
    ("https://a/arn%3Aaws/converse", "https", "a", 443, "/arn%3Aaws/converse", "a"),
]


@pytest.mark.parametrize(("url", "scheme", "host", "port", "target", "authority"), URLS)
def test_a_url_is_taken_apart(url: str, scheme: str, host: str, port: int, target: str, authority: str) -> None:
    got = parse_url(url)
    assert (got.scheme, got.host, got.port, got.target, got.authority) == (scheme, host, port, target, authority)


BAD_URLS = [
    "", "api.openai.com/v1", "ftp://a/", "file:///etc/passwd", "http://", "http:///v1", "http://a:0/", "http://a:99999/", "http://a:b/",
    "http://me@a/", "http://me:sk-secret@a/", "http://a\r\nx: y/", "http://a/\nx", "http://a/\0", "http://a b/", "http://[::1/", "http://[::g]/",
    "http://a\\@b/", "http://%61/", "http://" + "a" * 300 + "/", "http://é" + "a" * 70 + "/", "http://a/\x7f", "http://[127.0.0.1]/",
]  # fmt: skip


@pytest.mark.parametrize("url", BAD_URLS)
def test_a_url_that_is_none_is_refused_without_being_printed(url: str) -> None:
    with pytest.raises(OperatorError) as caught:
        parse_url(url)
    assert "sk-secret" not in caught.value.message


def head(*headers: tuple[str, str], method: str = "POST", url: str = "http://a/x") -> bytes:
    return render(HttpRequest(method, url, headers), parse_url(url), None, True)


def test_a_header_of_the_request_stands_in_for_ours() -> None:
    got = head(("User-Agent", "mine"), ("Host", "virtual.test"), ("Accept-Encoding", "gzip"), ("X", "  a\tb "))
    assert got == b"POST /x HTTP/1.1\r\nUser-Agent: mine\r\nHost: virtual.test\r\nAccept-Encoding: gzip\r\nX: a\tb\r\n"


def test_a_value_beyond_ascii_is_sent_as_utf_8() -> None:
    assert "x: é日\r\n".encode() in head(("x", "é日"))


@pytest.mark.parametrize("name", ["", "a b", "a:", "a\r\nb", "é", "a\0", "x\n"])
def test_a_header_name_that_is_no_token_is_refused(name: str) -> None:
    with pytest.raises(OperatorError, match="header name"):
        head((name, "v"))


@pytest.mark.parametrize("value", ["a\r\nb: c", "a\nb", "a\rb", "a\0b", "\x1b", "sk-secret\n", "\x7f"])
def test_a_header_value_that_could_break_out_is_refused_without_being_printed(value: str) -> None:
    with pytest.raises(OperatorError, match="'authorization'") as caught:
        head(("authorization", value))
    assert "sk-secret" not in caught.value.message


@pytest.mark.parametrize("name", ["Content-Length", "transfer-encoding", "Connection", "Upgrade", "TE", "Expect"])
def test_framing_is_not_the_callers_to_set(name: str) -> None:
    with pytest.raises(OperatorError, match="set by the gateway itself"):
        head((name, "1"))


def test_a_method_with_a_space_is_refused() -> None:
    with pytest.raises(OperatorError, match="method"):
        head(method="GET / HTTP/1.1\r\nx: y\r\n\r\nGET")


@given(st.text(max_size=30), st.text(max_size=30), st.text(max_size=20))
def test_no_header_and_no_path_adds_a_line(name: str, value: str, path: str) -> None:
    try:
        got = head((name, value), url="http://a/" + path)
    except GatewayError:
        return
    assert got.count(b"\r\n") == got.count(b"\n") == got.count(b"\r")
    assert got.count(b"\n") in (4, 5)
    assert got.partition(b"\r\n")[0].count(b" ") == 2


def test_heads_and_urls_are_remembered_and_the_memory_is_bounded() -> None:
    async def main() -> None:
        up = client()
        request = HttpRequest("POST", "http://a.test/x", (("a", "b"),))
        assert up._line(request, True) is up._lines["POST", "http://a.test/x", (("a", "b"),), True]
        for i in range(5000):
            up._line(HttpRequest("POST", f"http://h{i}.test/x"), False)
        assert max(len(up._lines), len(up._urls), len(up._pools)) <= 1024
        with pytest.raises(OperatorError):
            await up.fetch(HttpRequest("POST", "http://a.test/", (("a", "b\n"),)), QUICK)

    run(main())
