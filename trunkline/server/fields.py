"""What the fields of a request mean, in a line each: for `/openapi.json` and `/docs`.

Odd here: what only some models take is said so, since the same field goes to every vendor; where it cannot be passed on the answer's
`x-trunkline-dropped` names it.

Source: https://platform.openai.com/docs/api-reference/chat/create
"""

from __future__ import annotations

CHAT = {
    "model": "provider/model (openai/gpt-4o-mini), a vendor's own name (claude-sonnet-4-5), an alias of the config, or local",
    "messages": "The conversation so far, oldest first",
    "stream": "Answer in server-sent events, as the model writes",
    "stream_options": "include_usage: a last chunk with the tokens used",
    "temperature": "Higher is more varied; 0 is the most likely word each time",
    "top_p": "Choose among the most likely words that together have this probability",
    "top_k": "Choose among this many most likely words, where the vendor has it",
    "n": "How many answers; where a vendor gives one, it is asked that often",
    "stop": "Up to four texts at which the answer ends",
    "max_tokens": "The longest answer, in tokens; max_completion_tokens is OpenAI's newer name",
    "max_completion_tokens": "The longest answer, thinking included",
    "presence_penalty": "Above 0: rather something new",
    "frequency_penalty": "Above 0: rather not the same words again",
    "logit_bias": "Token id → -100 … 100, where the vendor has it",
    "logprobs": "How likely each token was",
    "top_logprobs": "How many other tokens to name beside each",
    "seed": "The same seed, the same answer, as far as the vendor keeps it",
    "user": "Your own name for the person who asks; passed on for abuse reports",
    "safety_identifier": "OpenAI's newer name for user",
    "response_format": "text, json_object, or json_schema with a schema that the answer keeps to",
    "tools": "What the model may call",
    "tool_choice": "auto, none, required, or one tool by name",
    "parallel_tool_calls": "Whether several tools may be called at once",
    "functions": "The older form of tools",
    "function_call": "The older form of tool_choice",
    "reasoning_effort": "none, minimal, low, medium, high: how long a model thinks",
    "service_tier": "OpenAI's tiers",
    "verbosity": "low, medium or high",
    "store": "Whether OpenAI keeps the answer",
    "metadata": "Your own labels, passed on where the vendor keeps them",
    "modalities": "text, audio",
    "audio": "Voice and format of a spoken answer",
    "prediction": "What the answer will mostly be, to have it sooner",
    "web_search_options": "For models that search",
    "prompt_cache_key": "Requests of one key share the vendor's cache",
    "prompt_cache_retention": "How long the vendor keeps it",
    "prompt_cache_options": "More of that",
}

NEW_KEY = {
    "name": "Your own name for it",
    "workspace": "Whose provider keys it uses",
    "models": 'Patterns of what it may name, e.g. ["openai/*"]; none is everything',
    "expires_at": "An ISO time, or Unix seconds; null is never",
    "tags": "Your own labels",
    "limits": "What it may use",
    "role": "admin: may also write its workspace's provider keys",
    "disabled": "Opens nothing while true",
}

PROVIDER_KEY = {
    "provider": "openai, anthropic, gemini, vertex-ai, bedrock, openrouter, ollama, custom-llm, …",
    "api_key": "The provider's key; sealed, and never shown again",
    "name": "A display name",
    "provider_name": "For custom-llm, bedrock and ollama: what stands before the slash of its models",
    "headers": "Added to every request to the provider",
    "configuration": "models (comma-separated), location, region, …",
    "base_url": "Where the provider answers, if not at its own address",
    "auth_config": "OAuth client credentials in place of a key",
}

FIELDS: dict[str, dict[str, str]] = {
    "ChatRequest": CHAT, "GatewayKeyForm": NEW_KEY, "GatewayKeyChange": NEW_KEY, "ProviderKeyForm": PROVIDER_KEY,
}  # fmt: skip
"""Type, as it is called in the description → field → meaning."""

NAMES = {
    "WireCompletion": "ChatCompletion", "WireChunk": "ChatCompletionChunk", "WireChoice": "Choice", "WireMessage": "AnswerMessage",
    "WireCall": "AnswerToolCall", "WireFunction": "AnswerFunction", "WireUsage": "Usage", "Ids": "ProviderKeyIds",
    "KeyForm": "ProviderKeyForm", "NewKey": "GatewayKeyForm", "KeyChange": "GatewayKeyChange", "AuthForm": "OAuthForm",
    "AuthTest": "OAuthTest",
}  # fmt: skip
"""What types are called in the description."""
