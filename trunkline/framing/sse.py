"""Server-sent events, as the WHATWG has them, plus two habits of LLM hosts.

Odd here: lines end in LF, CRLF or CR, all three in one stream if it likes; and since this runs for every token of every
stream, a read of whole `data: …` events with plain line ends (nearly all of them) is split in one call and never sees the
line-by-line reader. The habits: an error as a line of its own, `error: {…}`, which is no field of SSE (GPUStack), and a last
event without its blank line.

Source: https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
"""

from __future__ import annotations

from ..wire import Frame
from .bounds import MAX_EVENT, too_long, whole

_BOM = b"\xef\xbb\xbf"

_names = {
    name.encode(): name
    for name in (
        "message_start", "content_block_start", "content_block_delta", "content_block_stop", "message_delta", "message_stop", "ping",
        "response.output_text.delta", "response.function_call_arguments.delta", "response.reasoning_summary_text.delta", "content-delta",
    )
}  # fmt: skip
"""Event fields that come once a token: known ones need no decoding."""


class Sse:
    """`Frame.data` is the data lines joined by LF, `Frame.event` the event field; `id`, `retry` and comments are ignored."""

    def __init__(self) -> None:
        self.busy = True
        """Between two reads something is held: part of a line or of an event (or, at the start, a BOM may come)."""
        self._bom: bytes | None = b""
        """What may become a byte order mark; None once that is settled."""
        self._line = bytearray()
        """The line that is not yet ended."""
        self._after_cr = False
        """The last byte was CR: an LF that follows belongs to it."""
        self._data: list[bytes] = []
        self._size = 0
        self._event = ""

    def feed(self, data: bytes) -> list[Frame]:
        if not self.busy:
            end = data.find(b"\n")
            # the commonest read of all: one event of one line
            if end == len(data) - 2 and end < MAX_EVENT and data[:6] == b"data: " and data[-1] == 10 and b"\r" not in data:
                return [Frame(data[6:end])]
            # the next: the same with an event field before it
            if (
                data[end + 1 : end + 7] == b"data: "
                and data[:7] == b"event: "
                and data.find(b"\n", end + 1) == len(data) - 2
                and len(data) < MAX_EVENT
            ):
                event = _names.get(data[7:end])
                if event is not None and data[-1] == 10 and b"\r" not in data:
                    return [Frame(data[end + 7 : -2], event)]
        if self._bom is not None:
            data = self._start(data)
        frames: list[Frame] = []
        if self.busy:
            cut = data.find(b"\n\n") + 2  # a blank line: nothing is held after it, whatever came before
            if cut < 2 or cut == len(data):
                return self._read(data)
            frames, data = self._read(data[:cut]), data[cut:]
        if b"\r" in data:
            plain = data.replace(b"\r\n", b"\n")
            if b"\r" in plain:  # a line end of its own, or half of one at the end of the read
                return frames + self._read(data)
            data = plain
        cut = data.rfind(b"\n\n") + 2
        if cut < 2 or len(data) > MAX_EVENT:
            return frames + self._read(data)
        if cut == len(data):
            return frames + self._split(data) if frames else self._split(data)
        return frames + self._split(data[:cut]) + self._read(data[cut:])

    def close(self) -> list[Frame]:
        frames = self._read(self._bom) if self._bom else []
        if self._line:
            self._field(bytes(self._line), frames)
        self._line.clear()
        if self._data and whole(b"\n".join(self._data)):
            self._dispatch(frames)
        return frames

    def _start(self, data: bytes) -> bytes:
        """Takes the byte order mark off the very first bytes; holds them back while they may still become one."""
        head = (self._bom or b"") + data
        if len(head) < len(_BOM) and _BOM.startswith(head):
            self._bom = head
            return b""
        self._bom = None
        self.busy = False
        return head.removeprefix(_BOM)

    def _split(self, data: bytes) -> list[Frame]:
        """The frames of whole events with LF line ends. Nothing is held before or after."""
        if data.startswith(b"data: "):
            bodies = data[6:-2].split(b"\n\ndata: ")
            if data.count(b"\n") == 2 * len(bodies):
                return [Frame(body) for body in bodies]
        frames: list[Frame] = []
        for block in data.split(b"\n\n"):
            head, _, rest = block.partition(b"\n")
            if head.startswith(b"event: ") and rest.startswith(b"data: ") and b"\n" not in rest:
                event = head[7:].decode("utf-8", "replace")
                frames.append(Frame(rest[6:], event, event == "error"))
            elif block:
                self._lines(block.split(b"\n"), frames)
                self._dispatch(frames)
        return frames

    def _read(self, data: bytes) -> list[Frame]:
        """Line by line, remembering what is unfinished."""
        frames: list[Frame] = []
        if self._after_cr and data:
            data = data.removeprefix(b"\n")
            self._after_cr = False
            if not data:
                self._settle()
                return frames
        if data:
            lines = data.splitlines()  # of bytes: LF, CRLF and CR, and nothing else
            rest = b"" if data[-1] in b"\r\n" else lines.pop()
            if lines and self._line:
                lines[0] = bytes(self._line) + lines[0]
                self._line.clear()
            self._lines(lines, frames)
            self._line += rest
            self._after_cr = data[-1] == 13
            if len(self._line) > MAX_EVENT:
                raise too_long()
        self._settle()
        return frames

    def _settle(self) -> None:
        self.busy = bool(self._line or self._data or self._event or self._after_cr)

    def _lines(self, lines: list[bytes], frames: list[Frame]) -> None:
        for line in lines:
            if line:
                self._field(line, frames)
            else:
                self._dispatch(frames)

    def _field(self, line: bytes, frames: list[Frame]) -> None:
        if len(line) > MAX_EVENT:
            raise too_long()
        name, _, value = line.partition(b":")
        match name:
            case b"data":
                value = value.removeprefix(b" ")
                self._data.append(value)
                self._size += len(value) + 1
                if self._size > MAX_EVENT:
                    raise too_long()
            case b"event":
                self._event = value.removeprefix(b" ").decode("utf-8", "replace")
            case b"error":
                self._dispatch(frames)
                frames.append(Frame(value.strip(), "error", True))
            case b'{"error"':  # a bare JSON error, written by a server that had already begun to stream
                self._dispatch(frames)
                frames.append(Frame(line.strip(), "error", True))
            case _:  # a comment, `id`, `retry`, or a field yet to be invented
                pass

    def _dispatch(self, frames: list[Frame]) -> None:
        if self._data:
            data = self._data[0] if len(self._data) == 1 else b"\n".join(self._data)
            frames.append(Frame(data, self._event, self._event == "error"))
            self._data = []
            self._size = 0
        self._event = ""
