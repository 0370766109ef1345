"""What a caller may name, and what it can do and costs: `cards` lists it, `answers` says it as OpenAI's and Opik's clients read it, `cost`
prices one answer, `override` is what a config may say instead.

Importing this loads no data: `source` reads genai-prices' when first asked, so that starting the gateway and answering pay for none of it.
"""

from .abilities import max_output
from .answers import openai_list, openai_one, opik_models
from .cards import ModelCard, known_models
from .cost import price
from .override import Override, Overrides

__all__ = ["ModelCard", "Override", "Overrides", "known_models", "max_output", "openai_list", "openai_one", "opik_models", "price"]
