"""smoke"""
from .conftest import Stage, chat
def test_smoke(stage: Stage) -> None:
    a = stage.ask(chat())
    print(a.status, a.headers, a.body)
    a = stage.ask(chat(stream=True, stream_options={"include_usage": True}))
    print(a.status, a.headers, a.body)
    a = stage.ask(chat(stream=True), "/v1/private/chat/completions")
    print(a.status, a.headers, a.body)
    assert 0
