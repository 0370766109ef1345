"""Trunkline: a self-hosted LLM gateway. One endpoint, every model."""

__version__ = "0.1.0"
