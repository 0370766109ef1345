"""Images, documents, video and audio as Converse's blocks.

Odd here: a block takes bytes or an `s3://` address, never a web address, so those are fetched first; a format is a word of a
closed list and not a MIME type; and a document needs a name, unique and from a small alphabet, since the model reads it.

Sources: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ContentBlock.html, …_DocumentBlock.html
"""

from __future__ import annotations

import re
from typing import Any

from ...chat import Audio, ChatRequest, File, Image, Part, Video, parts
from ...errors import CallerError
from ...target import Notes, Target
from ..media import Blob, data_url, is_remote, seen, standard_base64
from .models import Facts

Block = dict[str, Any]

IMAGES = {"image/png": "png", "image/jpeg": "jpeg", "image/jpg": "jpeg", "image/gif": "gif", "image/webp": "webp"}
DOCUMENTS = {
    "application/pdf": "pdf", "text/csv": "csv", "application/csv": "csv", "application/msword": "doc",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx", "application/vnd.ms-excel": "xls",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx", "text/html": "html", "text/plain": "txt",
    "text/markdown": "md", "application/json": "txt", "application/xml": "txt",
}  # fmt: skip
VIDEOS = {
    "video/x-matroska": "mkv", "video/quicktime": "mov", "video/mp4": "mp4", "video/webm": "webm", "video/x-flv": "flv",
    "video/mpeg": "mpeg", "video/mpg": "mpg", "video/x-ms-wmv": "wmv", "video/3gpp": "three_gp",
}  # fmt: skip
SOUNDS = frozenset(
    {"mp3", "opus", "wav", "aac", "flac", "mp4", "ogg", "mkv", "mka", "x-aac", "m4a", "mpeg", "mpga", "pcm", "webm"}
)  # fmt: skip
_ENDINGS = {
    "png": "png", "jpg": "jpeg", "jpeg": "jpeg", "gif": "gif", "webp": "webp", "pdf": "pdf", "csv": "csv", "doc": "doc", "docx": "docx",
    "xls": "xls", "xlsx": "xlsx", "html": "html", "htm": "html", "txt": "txt", "md": "md", "json": "txt", "xml": "txt", "mkv": "mkv",
    "mov": "mov", "mp4": "mp4", "webm": "webm", "flv": "flv", "mpeg": "mpeg", "mpg": "mpg", "wmv": "wmv", "3gp": "three_gp",
}  # fmt: skip
_IMAGE_WORDS, _VIDEO_WORDS = frozenset(IMAGES.values()), frozenset(VIDEOS.values())
LONGEST_NAME = 200


def remote_media(request: ChatRequest, target: Target) -> list[str]:
    """The http(s) URLs of images, videos and files: the vendor takes bytes only."""
    found: dict[str, None] = {}
    for message in request.messages:
        for part in parts(message.content):
            url = part.url if isinstance(part, Image | Video) else (part.file.file_data or "") if isinstance(part, File) else ""
            if is_remote(url):
                found[url] = None
    return list(found)


class Media:
    """Makes the blocks of one request; remembers the names of its documents."""

    def __init__(self, facts: Facts, notes: Notes) -> None:
        self._facts = facts
        self._notes = notes
        self._names: set[str] = set()

    def block(self, part: Part, param: str) -> Block:
        """The block for anything but text. CallerError where it cannot be sent."""
        match part:
            case Image():
                if not isinstance(part.image_url, str) and part.image_url.detail not in (None, "auto"):
                    self._notes.dropped(f"{param}.image_url.detail", "the vendor scales images its own way")
                return _located("image", part.url, f"{param}.image_url.url", IMAGES, "PNG, JPEG, GIF and WebP images")
            case Video():
                self._hears(param, "a video")
                return _located("video", part.url, f"{param}.video_url.url", VIDEOS, "MP4, MOV, MKV, WebM, FLV, MPEG, WMV and 3GP videos")
            case Audio():
                self._hears(param, "audio")
                return _sound(part, param)
            case File():
                return self._file(part, param)
            case _:
                raise CallerError(f"{param} cannot be sent to this provider", param=param)

    def _hears(self, param: str, what: str) -> None:
        if not self._facts.media:
            raise CallerError(f"{param} is {what}, which this model does not take", param=param)

    def _file(self, part: File, param: str) -> Block:
        data, filename = part.file.file_data, part.file.filename or ""
        if data is None:
            at = f"{param}.file.file_id"
            if (part.file.file_id or "").startswith("s3://"):
                return self._document(_word(filename) or _word(part.file.file_id or ""), _s3(part.file.file_id or ""), filename, at)
            raise CallerError(f"{at} names a file at another provider; send the file itself as file_data, or an s3:// address", param=at)
        at = f"{param}.file.file_data"
        if data.startswith("s3://"):
            return self._document(_word(filename) or _word(data), _s3(data), filename, at)
        blob = data_url(data, at)
        if blob is None:
            _refuse_remote(data, at)
            blob = Blob("", standard_base64(data, at))  # bare base64, as some clients send it
        looks = seen(blob.base64)
        word = IMAGES.get(looks) or DOCUMENTS.get(looks) or DOCUMENTS.get(blob.mime) or IMAGES.get(blob.mime)
        word = word or VIDEOS.get(blob.mime) or _word(filename)
        if not word and blob.mime.startswith("text/"):
            word = "txt"
        _refuse_empty(blob, at)
        return self._document(word, {"bytes": blob.base64}, filename, at)

    def _document(self, word: str, source: Block, filename: str, at: str) -> Block:
        if not word:
            raise CallerError(
                f"{at} is of no type this provider takes (PDF, CSV, Word, Excel, HTML, text, Markdown, images, videos); give a filename "
                "with its ending, or the type in the data URL",
                param=at,
            )
        if word in _IMAGE_WORDS:
            return {"image": {"format": word, "source": source}}
        if word in _VIDEO_WORDS:
            self._hears(at, "a video")
            return {"video": {"format": word, "source": source}}
        return {"document": {"format": word, "name": self._name(filename), "source": source}}

    def _name(self, filename: str) -> str:
        """From the file's name without its ending: letters, digits, hyphens, brackets and single spaces; unique in the request."""
        stem = filename.rpartition(".")[0] or filename
        base = " ".join(re.sub(r"[^A-Za-z0-9\-()\[\]]+", " ", stem).split())[: LONGEST_NAME - 5].strip() or "Document"
        name, count = base, 1
        while name in self._names:
            count += 1
            name = f"{base} {count}"
        self._names.add(name)
        return name


def _located(kind: str, url: str, param: str, words: dict[str, str], takes: str) -> Block:
    blob = data_url(url, param)
    if blob is None:
        if not url.startswith("s3://"):
            _refuse_remote(url, param)
            raise CallerError(f"{param} must be an https URL, a data URL (data:image/png;base64,…) or an s3:// address", param=param)
        word = _word(url)
        source = _s3(url)
    else:
        word = words.get(seen(blob.base64)) or words.get(blob.mime) or ""
        source = {"bytes": blob.base64}
        _refuse_empty(blob, param)
    if word not in words.values():
        said = blob.mime if blob is not None and blob.mime else "of no stated type"
        raise CallerError(f"{param} is {said}; this provider takes {takes}", param=param)
    return {kind: {"format": word, "source": source}}


def _sound(part: Audio, param: str) -> Block:
    at, word = f"{param}.input_audio", part.input_audio.format.lower()
    blob = data_url(part.input_audio.data, f"{at}.data") or Blob("", standard_base64(part.input_audio.data, f"{at}.data"))
    word = "pcm" if word == "pcm16" else word
    if word not in SOUNDS:
        raise CallerError(f"{at}.format is {word!r}; this provider takes {', '.join(sorted(SOUNDS))}", param=f"{at}.format")
    _refuse_empty(blob, f"{at}.data")
    return {"audio": {"format": word, "source": {"bytes": blob.base64}}}


def _refuse_remote(url: str, param: str) -> None:
    if is_remote(url):
        raise CallerError(f"{param} is a web address that was not fetched; this provider takes the bytes, as a data URL", param=param)


def _refuse_empty(blob: Blob, param: str) -> None:
    if not blob.base64:
        raise CallerError(f"{param} holds no bytes", param=param)


def _s3(uri: str) -> Block:
    return {"s3Location": {"uri": uri}}


def _word(name: str) -> str:
    """The format by the ending of a file name or address; empty where it says nothing."""
    return _ENDINGS.get(name.rpartition(".")[2].lower(), "")
