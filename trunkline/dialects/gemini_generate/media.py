"""Images, audio, video and files as Gemini's `inlineData` or `fileData`.

Odd here: AI Studio and Vertex read some addresses themselves (gs://, YouTube, the Files API), everything else on the web is fetched
first; and a MIME type is required where OpenAI has a format word, a file name, or nothing.

Sources: https://ai.google.dev/gemini-api/docs/file-input-methods, https://ai.google.dev/gemini-api/docs/audio
"""

from __future__ import annotations

import re

from ...chat import Audio, ChatRequest, File, Image, Part, Video, parts
from ...errors import CallerError
from ...target import Notes, Target
from ..media import data_url, is_remote, standard_base64
from . import bodies

_READ_BY_GOOGLE = re.compile(
    r"gs://|https://generativelanguage\.googleapis\.com/[^?]*files/|https?://(?:[\w-]+\.)?(?:youtube\.com/(?:watch|shorts|live|embed)|youtu\.be/)",
    re.IGNORECASE,
)
_BY_ENDING = {
    "png": "image/png", "jpg": "image/jpeg", "jpeg": "image/jpeg", "webp": "image/webp", "gif": "image/gif", "heic": "image/heic",
    "heif": "image/heif", "pdf": "application/pdf", "txt": "text/plain", "md": "text/markdown", "csv": "text/csv", "html": "text/html",
    "htm": "text/html", "xml": "text/xml", "json": "application/json", "mp4": "video/mp4", "mov": "video/quicktime", "webm": "video/webm",
    "mpeg": "video/mpeg", "mpg": "video/mpeg", "avi": "video/avi", "wmv": "video/wmv", "flv": "video/x-flv", "3gp": "video/3gpp",
    "mp3": "audio/mp3", "wav": "audio/wav", "ogg": "audio/ogg", "flac": "audio/flac", "aac": "audio/aac", "aiff": "audio/aiff",
    "m4a": "audio/m4a", "opus": "audio/opus",
}  # fmt: skip
_BY_MAGIC = {"iVBOR": "image/png", "/9j/": "image/jpeg", "R0lGOD": "image/gif", "UklGR": "image/webp", "JVBER": "application/pdf"}
"""The first characters of the base64."""
_AUDIO = {"mpeg": "audio/mp3", "pcm16": "audio/pcm", "m4a": "audio/m4a"}
_SPELLINGS = {"image/jpg": "image/jpeg", "audio/x-wav": "audio/wav", "audio/wave": "audio/wav"}


def remote_media(request: ChatRequest, target: Target) -> list[str]:
    """The http(s) URLs to be fetched first: those that Google does not read by itself."""
    found: dict[str, None] = {}
    for message in request.messages:
        for part in parts(message.content):
            url = _url(part)
            if url and is_remote(url) and not _READ_BY_GOOGLE.match(url):
                found[url] = None
    return list(found)


def _url(part: Part) -> str:
    match part:
        case Image() | Video():
            return part.url
        case File(file=file):
            return file.file_data or ""
        case _:
            return ""


def media_part(part: Part, param: str, notes: Notes) -> bodies.Part | None:
    """The vendor's part for an image, a sound, a video or a file; None for text. CallerError where it cannot be sent."""
    match part:
        case Image():
            if not isinstance(part.image_url, str) and part.image_url.detail not in (None, "auto"):
                notes.dropped(f"{param}.image_url.detail", "this provider sets the resolution for a whole request")
            return _located(part.url, f"{param}.image_url.url", "image/jpeg")
        case Video():
            return _located(part.url, f"{param}.video_url.url", "video/mp4")
        case Audio(input_audio=audio):
            blob = data_url(audio.data, f"{param}.input_audio.data")
            word = audio.format.lower()
            mime = blob.mime if blob is not None and blob.mime else _AUDIO.get(word, f"audio/{word}")
            data = blob.base64 if blob is not None else standard_base64(audio.data, f"{param}.input_audio.data")
            return _inline(mime, data)
        case File():
            return _file(part, param)
        case _:
            return None


def _file(part: File, param: str) -> bodies.Part:
    file, named = part.file, _mime_of(part.file.filename or "")
    if file.file_data:
        where = f"{param}.file.file_data"
        if ":" in file.file_data[:12]:
            return _located(file.file_data, where, named or "application/pdf", named)
        data = standard_base64(file.file_data, where)
        return _inline(named or _magic(data, where), data)
    if file.file_id and "://" in file.file_id:
        mime = named or _mime_of(file.file_id)
        return bodies.Part(file_data=bodies.FileData(file_uri=file.file_id, mime_type=mime))
    raise CallerError(
        f"{param}.file.file_id {file.file_id!r} is unknown to this provider; send the content in file_data, or a gs:// or Files API URI",
        param=f"{param}.file.file_id",
    )


def _located(url: str, param: str, fallback: str, named: str = "") -> bodies.Part:
    """Inline where it is a data URL, else by its address. `named` is the type that a file name gave."""
    blob = data_url(url, param)
    if blob is not None:
        mime = blob.mime if blob.mime not in ("", "application/octet-stream") else named
        return _inline(mime or _magic(blob.base64, param), blob.base64)
    if "://" not in url:
        raise CallerError(f"{param} is neither a data URL nor an address; write data:image/png;base64,…", param=param)
    return bodies.Part(file_data=bodies.FileData(file_uri=url, mime_type=named or _mime_of(url) or fallback))


def _inline(mime: str, data: str) -> bodies.Part:
    return bodies.Part(inline_data=bodies.InlineData(mime_type=_SPELLINGS.get(mime, mime), data=data))


def _mime_of(name: str) -> str:
    """By the ending of a file name or address; empty where it says nothing."""
    path = re.split(r"[?#]", name, maxsplit=1)[0]
    return _BY_ENDING.get(path.rpartition(".")[2].lower(), "")


def _magic(data: str, param: str) -> str:
    for start, mime in _BY_MAGIC.items():
        if data.startswith(start):
            return mime
    raise CallerError(f"{param} does not say what it is; write data:TYPE;base64,… or give a filename with its ending", param=param)
