"""The embedded local model: llama.cpp in a child process of ours, answering OpenAI's format on loopback.

`manager` runs and watches the child, `server` is the child, `constrain` gives tools to models whose template has none,
`relay` speaks to llama.cpp inside the child, and `models` finds or fetches the model's file.
"""

from .manager import Endpoint, LocalModel
from .settings import Settings, problems

__all__ = ["Endpoint", "LocalModel", "Settings", "problems"]
