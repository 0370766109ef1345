"""How hosts that speak OpenAI's format deviate from it: each quirk's name and what it means.

Odd here: some quirks change what is sent, some only say how the host answers (marked "answers:"), which every decoder copes with
unasked; those are facts for people and for the provider's test page.
"""

from __future__ import annotations

QUIRKS: dict[str, str] = {
    # ── messages ──
    "no_developer_role": "knows no role developer: sent as system",
    "nine_char_tool_ids": "tool call ids must be nine characters of a-z A-Z 0-9: others are mapped",
    "text_content_only": "message content is one string: lists of text parts are joined, other parts dropped and named",
    "keeps_cache_control": "takes cache_control on parts; elsewhere it is removed",
    "keeps_reasoning_content": "wants reasoning_content of earlier assistant turns back (tool loops fail or get worse without it)",
    "keeps_reasoning_details": "wants reasoning and reasoning_details of earlier assistant turns back",
    # ── limits ──
    "max_tokens_only": "knows max_tokens and not max_completion_tokens",
    "max_completion_tokens": "wants max_completion_tokens in place of max_tokens",
    # ── streams ──
    "no_stream_options": "refuses or does not need stream_options: usage comes unasked",
    "no_finish_reason": "answers: a stream never says why it stopped; [DONE] or the end of the body is its finish",
    # ── tools ──
    "no_functions": "knows tools only: functions and function_call are sent as tools",
    "no_custom_tools": "knows function tools only: a custom tool is sent as a function of one text, and its calls come back as custom ones",
    "plain_tool_choice": "tool_choice is a word or one named function: {type: auto} becomes auto, allowed_tools a shorter list of tools",
    "tool_choice_any": "says any where OpenAI says required",
    "no_parallel_tool_calls": "has no parallel_tool_calls",
    # ── output ──
    "no_json_schema": "no schema in response_format: json_object, the schema in words, and a check of the answer",
    "no_response_format": "no response_format at all: asked in words and checked",
    # ── parameters it has not, or names otherwise ──
    "no_n": "one choice a call: n is made of parallel calls",
    "no_seed": "has no seed",
    "seed_random_seed": "calls seed random_seed",
    "stop_list_only": "stop must be a list",
    "no_user": "takes no user or safety_identifier",
    "no_logprobs": "gives no logprobs",
    "no_logit_bias": "has no logit_bias",
    "no_penalties": "has no presence_penalty and frequency_penalty",
    "no_reasoning_effort": "has no reasoning_effort",
    "no_store_metadata": "has no store and metadata",
    "openai_only_fields_removed": "has none of what only OpenAI has: store, metadata, service_tier, verbosity, prediction, audio…",
    "strict_fields": "refuses fields it does not know (400 or 422), in messages too: those are removed and named",
    # ── answers only ──
    "reasoning_field_reasoning": "answers: calls reasoning_content reasoning",
    "content_lists": "answers: content of reasoning models is a list of thinking and text parts",
    "no_done": "answers: a stream ends without [DONE]",
}
