"""The stores these tests run on."""

from ...stores import store, url  # noqa: F401
