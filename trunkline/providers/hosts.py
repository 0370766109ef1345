"""The rows of the hosts: who serves models by OpenAI's format, each with its habits. (Ollama has that door too; its own API says more.)

Checked against documentation, recordings or issue threads: mistral, groq, deepseek, cerebras, sambanova, moonshot, fireworks (strictness),
perplexity (but n), zai (limit, penalties), the usage habits, and every address. The rest of together, nvidia, cloudflare, databricks and
zai follows the parameters their references list; a field that is dropped needlessly there is named in `x-trunkline-dropped`.

Odd here: the quirks are what a host does as a host; what only some of its models refuse is the dialect's to know.
"""

from __future__ import annotations

from .kind import Capabilities, Kind, words

HOST = frozenset({"no_custom_tools", "no_developer_role", "no_functions", "plain_tool_choice"})
"""What nearly no host but OpenAI has; `system`, `tools` and plain choices mean the same and are understood everywhere."""


def host(more: str) -> frozenset[str]:
    """`HOST` and these quirks."""
    return HOST | frozenset(more.split())


HOSTS = (
    Kind(
        name="mistral",
        title="Mistral",
        env=("MISTRAL_API_KEY",),
        base_url="https://api.mistral.ai/v1",
        quirks=host(
            "no_stream_options max_tokens_only strict_fields seed_random_seed tool_choice_any nine_char_tool_ids content_lists "
            "no_user no_logprobs no_logit_bias openai_only_fields_removed"
        ),
        prefixes=words(
            "mistral-* ministral-* magistral-* codestral-* devstral-* labs-devstral-* pixtral-* voxtral-* open-mistral-* open-mixtral-*"
        ),
        capabilities=Capabilities(True, True, True, True, True, False, True, True),
        docs="https://docs.mistral.ai/api/",
        notes="answers 422 extra_forbidden to any field it does not know, max_completion_tokens and messages[].name among them",
    ),
    Kind(
        name="groq",
        title="Groq",
        env=("GROQ_API_KEY",),
        base_url="https://api.groq.com/openai/v1",
        quirks=host("no_n no_logprobs no_logit_bias no_store_metadata strict_fields reasoning_field_reasoning"),
        capabilities=Capabilities(True, True, False, True, True, False, False, True),
        docs="https://console.groq.com/docs/openai",
        notes="logprobs, top_logprobs, logit_bias, messages[].name and n other than 1 are a 400",
    ),
    Kind(
        name="xai",
        title="xAI",
        env=("XAI_API_KEY",),
        base_url="https://api.x.ai/v1",
        quirks=HOST,
        prefixes=("grok-*",),
        capabilities=Capabilities(True, True, None, True, True, True, True, True),
        docs="https://docs.x.ai/docs/api-reference",
        notes="completion_tokens excludes reasoning tokens",
    ),
    Kind(
        name="deepseek",
        title="DeepSeek",
        env=("DEEPSEEK_API_KEY",),
        base_url="https://api.deepseek.com",
        quirks=host(
            "max_tokens_only no_json_schema no_n no_seed no_logit_bias no_parallel_tool_calls openai_only_fields_removed "
            "keeps_reasoning_content"
        ),
        prefixes=("deepseek-chat", "deepseek-reasoner", "deepseek-v[0-9]*"),
        capabilities=Capabilities(True, False, False, False, True, True, False, False),
        docs="https://api-docs.deepseek.com/api/create-chat-completion",
        notes="roles other than system, user, assistant and tool do not parse",
    ),
    Kind(
        name="openrouter",
        title="OpenRouter",
        env=("OPENROUTER_API_KEY",),
        base_url="https://openrouter.ai/api/v1",
        quirks=frozenset({"no_functions", "no_n", "keeps_cache_control", "keeps_reasoning_details"}),
        capabilities=Capabilities(True, True, True, True, True, True, False, True),
        docs="https://openrouter.ai/docs/api-reference/overview",
    ),
    Kind(
        name="together",
        title="Together AI",
        env=("TOGETHER_API_KEY", "TOGETHERAI_API_KEY"),
        base_url="https://api.together.xyz/v1",
        quirks=host("max_tokens_only stop_list_only openai_only_fields_removed"),
        capabilities=Capabilities(True, True, None, True, True, None, True, True),
        docs="https://docs.together.ai/reference/chat-completions-1",
    ),
    Kind(
        name="fireworks",
        title="Fireworks AI",
        env=("FIREWORKS_API_KEY",),
        base_url="https://api.fireworks.ai/inference/v1",
        quirks=host("strict_fields no_stream_options"),
        prefixes=("accounts/fireworks/*",),
        capabilities=Capabilities(True, True, None, True, True, True, True, None),
        docs="https://docs.fireworks.ai/api-reference/post-chatcompletions",
        notes="answers 400 'Extra inputs are not permitted' to unknown fields; usage is in a stream's last chunk unasked",
    ),
    Kind(
        name="cerebras",
        title="Cerebras",
        env=("CEREBRAS_API_KEY",),
        base_url="https://api.cerebras.ai/v1",
        quirks=host("no_penalties no_logit_bias no_n no_parallel_tool_calls openai_only_fields_removed reasoning_field_reasoning"),
        capabilities=Capabilities(True, False, False, True, True, True, False, True),
        docs="https://inference-docs.cerebras.ai/resources/openai",
        notes="its documentation lists penalties, logit_bias, parallel_tool_calls and service_tier as a 400",
    ),
    Kind(
        name="perplexity",
        title="Perplexity",
        env=("PERPLEXITY_API_KEY", "PERPLEXITYAI_API_KEY"),
        base_url="https://api.perplexity.ai",
        quirks=host(
            "no_stream_options max_tokens_only no_n no_seed no_logprobs no_logit_bias no_parallel_tool_calls no_store_metadata no_done"
        ),
        prefixes=("sonar", "sonar-*"),
        capabilities=Capabilities(False, True, False, True, True, False, False, False),
        docs="https://docs.perplexity.ai/api-reference/chat-completions-post",
        notes="usage, citations and search_results are on every chunk",
    ),
    Kind(
        name="huggingface",
        title="Hugging Face",
        env=("HF_TOKEN", "HUGGINGFACE_API_KEY"),
        base_url="https://router.huggingface.co/v1",
        quirks=HOST,
        docs="https://huggingface.co/docs/inference-providers/tasks/chat-completion",
        notes="a router: model:provider picks the host behind it, and habits are that host's",
    ),
    Kind(
        name="ollama",
        title="Ollama",
        env=("OLLAMA_API_KEY",),
        base_url="http://localhost:11434",
        base_url_env=("OLLAMA_HOST",),
        auth="none",
        dialect="ollama_chat",
        capabilities=Capabilities(True, True, None, True, True, None, False, True),
        docs="https://github.com/ollama/ollama/blob/main/docs/api.md",
    ),
    Kind(
        name="vllm",
        title="vLLM",
        base_url="http://localhost:8000/v1",
        auth="none",
        quirks=host("reasoning_field_reasoning"),
        capabilities=Capabilities(True, True, None, True, True, True, True, True),
        docs="https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html",
    ),
    Kind(
        name="databricks",
        title="Databricks",
        env=("DATABRICKS_TOKEN",),
        base_url_env=("DATABRICKS_HOST",),
        quirks=host("no_stream_options max_tokens_only openai_only_fields_removed"),
        prefixes=("databricks-*",),
        capabilities=Capabilities(True, True, None, True, True, True, True, None),
        docs="https://docs.databricks.com/aws/machine-learning/foundation-model-apis/api-reference",
        required_options=("base_url",),
        notes="base_url ends in /serving-endpoints; a bare workspace URL gets that added; usage is on every chunk",
    ),
    Kind(
        name="snowflake",
        title="Snowflake Cortex",
        env=("SNOWFLAKE_PAT",),
        base_url="https://{account}.snowflakecomputing.com/api/v2/cortex/v1",
        quirks=host("no_finish_reason"),
        docs="https://docs.snowflake.com/user-guide/snowflake-cortex/cortex-rest-api",
        required_options=("account",),
        notes="zero values stand for absent ones: finish_reason, refusal, model are empty strings",
    ),
    Kind(
        name="cloudflare",
        title="Cloudflare Workers AI",
        env=("CLOUDFLARE_API_TOKEN", "CLOUDFLARE_API_KEY"),
        base_url="https://api.cloudflare.com/client/v4/accounts/{account_id}/ai/v1",
        quirks=host("max_tokens_only"),
        prefixes=("@cf/*", "@hf/*"),
        docs="https://developers.cloudflare.com/workers-ai/configuration/open-ai-compatibility",
        required_options=("account_id",),
        notes="content is a JSON object where a schema was asked for",
    ),
    Kind(
        name="nvidia",
        title="NVIDIA NIM",
        env=("NVIDIA_API_KEY", "NVIDIA_NIM_API_KEY"),
        base_url="https://integrate.api.nvidia.com/v1",
        quirks=host("max_tokens_only"),
        docs="https://docs.api.nvidia.com/nim/reference/llm-apis",
    ),
    Kind(
        name="sambanova",
        title="SambaNova",
        env=("SAMBANOVA_API_KEY",),
        base_url="https://api.sambanova.ai/v1",
        quirks=host("max_tokens_only no_n no_logprobs no_logit_bias no_penalties openai_only_fields_removed"),
        capabilities=Capabilities(True, True, None, True, True, False, False, True),
        docs="https://docs.sambanova.ai/docs/en/features/openai-compatibility",
    ),
    Kind(
        name="zai",
        title="Z.ai",
        env=("ZAI_API_KEY", "Z_AI_API_KEY", "ZHIPUAI_API_KEY"),
        base_url="https://api.z.ai/api/paas/v4",
        quirks=host(
            "max_tokens_only no_json_schema no_n no_seed no_logprobs no_logit_bias no_penalties stop_list_only no_user "
            "no_parallel_tool_calls openai_only_fields_removed keeps_reasoning_content"
        ),
        prefixes=("glm-*",),
        capabilities=Capabilities(True, True, False, False, True, False, False, False),
        docs="https://docs.z.ai/api-reference/llm/chat-completion",
    ),
    Kind(
        name="moonshot",
        title="Moonshot AI",
        env=("MOONSHOT_API_KEY", "KIMI_API_KEY"),
        base_url="https://api.moonshot.ai/v1",
        base_url_env=("MOONSHOT_BASE_URL",),
        quirks=host("max_completion_tokens keeps_reasoning_content"),
        prefixes=("kimi-*", "moonshot-*"),
        capabilities=Capabilities(True, True, False, None, True, None, None, None),
        docs="https://platform.moonshot.ai/docs/api/chat",
        notes="with thinking on, an assistant turn with tool calls and without reasoning_content is a 400",
    ),
    Kind(
        name="openai_compatible",
        title="an OpenAI-compatible host",
        auth="none",
        quirks=HOST,
        required_options=("base_url",),
        docs="https://platform.openai.com/docs/api-reference/chat",
        notes='name more quirks of the host in its table: quirks = ["no_n"]',
    ),
    Kind(
        name="local",
        title="the embedded model",
        base_url="http://127.0.0.1",
        auth="none",
        quirks=HOST,
        prefixes=("smollm2*",),
        capabilities=Capabilities(True, False, False, True, False, None, True, True),
        docs="https://github.com/ggml-org/llama.cpp/blob/master/tools/server/README.md",
        notes="llama.cpp in a child process; its address and key are known once it runs",
    ),
)
