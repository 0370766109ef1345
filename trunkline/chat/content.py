"""What a message holds: texts, pictures, sounds, files.

Odd here: a caller may write content as a text, as a list of parts, or (Opik's npm client) as one part, and a part of a type that we do
not know is carried, not refused.
"""

from __future__ import annotations

from msgspec import Raw, Struct

from .raw import MaybeRaw, null_is_absent


class Text(Struct, frozen=True, tag_field="type", tag="text"):
    text: str
    cache_control: MaybeRaw = None

    def __post_init__(self) -> None:
        if self.cache_control is not None:
            null_is_absent(self, "cache_control")


class ImageRef(Struct, frozen=True):
    url: str
    """https://… or data:image/png;base64,…"""
    detail: str | None = None


class Image(Struct, frozen=True, tag_field="type", tag="image_url"):
    image_url: ImageRef | str
    cache_control: MaybeRaw = None

    def __post_init__(self) -> None:
        if self.cache_control is not None:
            null_is_absent(self, "cache_control")

    @property
    def url(self) -> str:
        return self.image_url if isinstance(self.image_url, str) else self.image_url.url


class AudioData(Struct, frozen=True):
    data: str
    """base64"""
    format: str = "wav"


class Audio(Struct, frozen=True, tag_field="type", tag="input_audio"):
    input_audio: AudioData


class VideoRef(Struct, frozen=True):
    url: str


class Video(Struct, frozen=True, tag_field="type", tag="video_url"):
    video_url: VideoRef | str

    @property
    def url(self) -> str:
        return self.video_url if isinstance(self.video_url, str) else self.video_url.url


class FileRef(Struct, frozen=True):
    file_id: str | None = None
    filename: str | None = None
    file_data: str | None = None
    """data:application/pdf;base64,…"""


class File(Struct, frozen=True, tag_field="type", tag="file"):
    file: FileRef
    cache_control: MaybeRaw = None

    def __post_init__(self) -> None:
        if self.cache_control is not None:
            null_is_absent(self, "cache_control")


class RefusalPart(Struct, frozen=True, tag_field="type", tag="refusal"):
    refusal: str


class Opaque(Struct, frozen=True, tag_field="type", tag="trunkline:opaque"):
    """A part of a type we do not know. `raw` is the caller's own part: relayed as it is, named as dropped elsewhere."""

    raw: Raw

    @property
    def kind(self) -> str:
        import msgspec

        try:
            return msgspec.json.decode(self.raw, type=_Typed).type
        except msgspec.ValidationError:  # a caller wrote our own tag
            return "unknown"


class _Typed(Struct):
    type: str = "unknown"


Part = Text | Image | Audio | Video | File | RefusalPart | Opaque
Content = str | list[Part] | Text | Image | Audio | Video | File | RefusalPart | Opaque | None


def parts(content: Content) -> list[Part]:
    """Content in any of the three forms a caller may use (string, list, one part) as a list of parts. "" and None give []."""
    if not content:
        return []
    if isinstance(content, str):
        return [Text(content)]
    if isinstance(content, list):
        return content
    return [content]


def text_of(content: Content) -> str:
    """The text parts of a content, joined without separators."""
    return "".join(part.text for part in parts(content) if isinstance(part, Text))
