"""The table of kinds: the vendors with an API of their own, then the hosts (`hosts`).

Odd here: a row says what a vendor's own SDK would do by default, so that a variable and a base URL mean here what they mean there.
"""

from __future__ import annotations

from .hosts import HOSTS
from .kind import Capabilities, Kind, words

_ROWS = (
    Kind(
        name="openai",
        title="OpenAI",
        env=("OPENAI_API_KEY",),
        base_url="https://api.openai.com/v1",
        base_url_env=("OPENAI_BASE_URL",),
        prefixes=("gpt-[!o]*", "chatgpt-*", "o[0-9]*", "codex-*", "computer-use-*", "ft:*"),
        capabilities=Capabilities(True, True, True, True, True, True, True, True),
        docs="https://platform.openai.com/docs/api-reference/chat",
        notes="gpt-oss-* is not OpenAI's API but open weights on other hosts, hence gpt-[!o]*",
    ),
    Kind(
        name="azure",
        title="Azure OpenAI",
        env=("AZURE_OPENAI_API_KEY",),
        base_url_env=("AZURE_OPENAI_ENDPOINT",),
        auth="api-key",
        capabilities=Capabilities(True, True, True, True, True, True, True, True),
        docs="https://learn.microsoft.com/azure/ai-foundry/openai/reference",
        required_options=("base_url",),
        notes="the model is a deployment's name; tenant_id, client_id and client_secret (Entra ID) take the place of a key",
    ),
    Kind(
        name="anthropic",
        title="Anthropic",
        env=("ANTHROPIC_API_KEY",),
        base_url="https://api.anthropic.com",
        base_url_env=("ANTHROPIC_BASE_URL",),
        auth="x-api-key",
        dialect="anthropic_messages",
        prefixes=("claude-*",),
        capabilities=Capabilities(True, True, False, True, True, False, False, False),
        docs="https://docs.anthropic.com/en/api/messages",
    ),
    Kind(
        name="gemini",
        title="Google Gemini",
        env=("GEMINI_API_KEY", "GOOGLE_API_KEY"),
        base_url="https://generativelanguage.googleapis.com",
        base_url_env=("GOOGLE_GEMINI_BASE_URL",),
        auth="x-goog-api-key",
        dialect="gemini_generate",
        prefixes=("gemini-*", "gemma-*", "learnlm-*"),
        capabilities=Capabilities(True, True, True, True, True, True, True, True),
        docs="https://ai.google.dev/api/generate-content",
    ),
    Kind(
        name="vertex",
        title="Google Vertex AI",
        env=("GOOGLE_APPLICATION_CREDENTIALS",),
        base_url="https://{location}-aiplatform.googleapis.com",
        base_url_env=("GOOGLE_VERTEX_BASE_URL",),
        auth="google",
        dialect="gemini_generate",
        capabilities=Capabilities(True, True, True, True, True, True, True, True),
        docs="https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/inference",
        required_options=("project",),
        notes="location is global unless given; its variable names a file, not a key; api_key (express mode) needs no project",
    ),
    Kind(
        name="bedrock",
        title="Amazon Bedrock",
        env=("AWS_BEARER_TOKEN_BEDROCK",),
        base_url="https://bedrock-runtime.{region}.amazonaws.com",
        base_url_env=("AWS_ENDPOINT_URL_BEDROCK_RUNTIME",),
        auth="sigv4",
        dialect="bedrock_converse",
        prefixes=words("anthropic.* amazon.* meta.* mistral.* cohere.* ai21.* us.* eu.* apac.* global.* arn:aws*:bedrock:*"),
        capabilities=Capabilities(True, True, None, None, True, False, False, False),
        docs="https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html",
        required_options=("region",),
        notes="without keys botocore's credential chain is asked (profiles, roles, instance metadata)",
    ),
    Kind(
        name="cohere",
        title="Cohere",
        env=("CO_API_KEY", "COHERE_API_KEY"),
        base_url="https://api.cohere.com",
        base_url_env=("CO_API_URL",),
        dialect="cohere_chat",
        prefixes=("command-*", "c4ai-*"),
        capabilities=Capabilities(True, True, False, True, True, True, False, True),
        docs="https://docs.cohere.com/reference/chat",
    ),
    *HOSTS,
)

KINDS: dict[str, Kind] = {row.name: row for row in _ROWS}
