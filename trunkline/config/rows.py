"""From a provider's table and the environment to a `Provider`, naming everything that is missing.

Odd here: what the file leaves out comes from the vendor's customary variables, one by one, except AWS's keys, which are taken together
from one place, since a session token fits only its own key.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from ..providers import KINDS, OPTIONS, SECRET_OPTIONS, Kind, Provider, default_base_url, tidy_base_url
from ..secret import Secret
from ..target import Auth, Bearer, EntraAuth, GoogleAuth, HeaderKey, NoAuth, OAuthClient, SigV4, Timeouts
from .schema import OAuthTable, ProviderTable, Server, is_loopback

AWS_KEYS = ("access_key_id", "secret_access_key", "session_token")
ENTRA_KEYS = ("tenant_id", "client_id", "client_secret")
TURNED_ON_BY = {"bedrock": ("AWS_ACCESS_KEY_ID",), "ollama": ("OLLAMA_HOST",)}
"""Variables that turn a kind on beside those of its key."""


class Row:
    """One provider in the making: where its settings come from, and what is wrong."""

    def __init__(self, name: str, table: ProviderTable, environ: Mapping[str, str], server: Server, path: str) -> None:
        self.name = name
        self.table = table
        self.environ = environ
        self.server = server
        self.path = path
        self.kind: Kind = KINDS[table.kind]
        self.problems: list[str] = []

    def provider(self) -> Provider | None:
        """The provider, or None and `problems`."""
        options, secrets = self._options()
        auth = self._auth(options, secrets)
        base_url, query = self._base_url(options)
        for name in self.kind.required_options:
            express = self.kind.name == "vertex" and isinstance(auth, HeaderKey)
            if name != "base_url" and not options.get(name) and not express:
                self.missing(name, OPTIONS[self.kind.name][name])
        table = self.table
        provider = Provider(
            name=self.name,
            kind=self.kind.name,
            auth=auth,
            base_url=base_url,
            headers=tuple(table.headers.items()),
            query=(*query, *table.query.items()),
            options=options,
            timeouts=Timeouts(table.connect_timeout, table.first_byte_timeout, table.idle_timeout),
            quirks=frozenset(table.quirks),
        )
        return None if self.problems else provider

    def missing(self, name: str, variables: tuple[str, ...]) -> None:
        fix = f"set it, or the variable {variables[0]}" if variables else "set it"
        self.problems.append(f"{self.path}.{name} is missing; {self.kind.title} needs it: {fix}")

    def first(self, variables: tuple[str, ...]) -> str:
        return next((found for name in variables if (found := self.environ.get(name, "").strip())), "")

    def _options(self) -> tuple[dict[str, str], dict[str, Secret]]:
        options, secrets = dict(self.table.options), dict(self.table.secrets)
        together = AWS_KEYS if self.kind.name == "bedrock" else ENTRA_KEYS if self.kind.name == "azure" else ()
        given = {name for name in together if name in options or name in secrets}
        for name, variables in OPTIONS.get(self.kind.name, {}).items():
            if name in options or name in secrets or (name in together and given):
                continue
            if found := self.first(variables):
                if name in SECRET_OPTIONS:
                    secrets[name] = Secret(found)
                else:
                    options[name] = found
        if self.kind.name == "vertex":
            options.setdefault("location", "global")
            self._vertex(options, secrets)
        return options, secrets

    def _vertex(self, options: dict[str, str], secrets: dict[str, Secret]) -> None:
        """GOOGLE_APPLICATION_CREDENTIALS names a file. A service account's is read here, so that a bad one is found at the start, and it
        knows its project; google-auth reads the other kinds itself."""
        import json

        named = self.first(self.kind.env)
        if named and "credentials" not in secrets and self.table.api_key is None:
            try:
                text = Path(named).expanduser().read_text("utf-8").strip()
                if json.loads(text).get("type") == "service_account":
                    secrets["credentials"] = Secret(text)
            except (OSError, ValueError, AttributeError):
                self.problems.append(f"{self.path}: {self.kind.env[0]} names {named}, which is not a readable JSON file of credentials")
        if "credentials" in secrets:
            try:
                info = json.loads(secrets["credentials"].reveal())
                lacking = [name for name in ("client_email", "private_key") if not info.get(name)]
            except (ValueError, AttributeError):
                info, lacking = {}, ["being the JSON of a service account (use file:PATH)"]
            if lacking:
                self.problems.append(f"{self.path}.credentials lacks {' and '.join(lacking)}")
            elif isinstance(project := info.get("project_id"), str):
                options.setdefault("project", project)

    def _base_url(self, options: Mapping[str, str]) -> tuple[str, tuple[tuple[str, str], ...]]:
        kind, url, source = self.kind, self.table.base_url.strip(), f"{self.path}.base_url"
        if not url:
            for name in kind.base_url_env:
                if url := self.environ.get(name, "").strip():
                    source = f"the variable {name}"
                    break
        if not url and kind.name == "local":
            return kind.base_url, ()
        if not url:
            if "base_url" in kind.required_options:
                self.missing("base_url", kind.base_url_env)
                return "", ()
            url = default_base_url(kind.name, options)
        elif kind.name in ("ollama", "databricks") and "://" not in url:  # OLLAMA_HOST is host:port; DATABRICKS_HOST may lack the scheme
            scheme = "http" if kind.name == "ollama" else "https"
            url = f"{scheme}://{url.replace('0.0.0.0', '127.0.0.1', 1)}"
            if kind.name == "ollama" and urlsplit(url).netloc.rpartition("]")[2].count(":") == 0:
                url += ":11434"
        fault = url_fault(url)
        if not fault and self._loops(url):
            fault = "is this gateway's own address, so requests would go in a circle; name the vendor's"
        if fault:
            self.problems.append(f"{source} is {without_password(url)!r}: it {fault}")
            return "", ()
        return tidy_base_url(kind.name, url)

    def _loops(self, url: str) -> bool:
        parts = urlsplit(url)
        here = is_loopback(parts.hostname or "") or parts.hostname == self.server.host
        return here and self.server.port != 0 and (parts.port or (443 if parts.scheme == "https" else 80)) == self.server.port

    # ── signing ──────────────────────────────────────────────────────────────────────────────────────────

    def _auth(self, options: dict[str, str], secrets: dict[str, Secret]) -> Auth:
        kind, table = self.kind, self.table
        if table.oauth is not None:
            if table.api_key is not None:
                self.problems.append(f"{self.path} has both api_key and oauth; keep one")
            return self._oauth(table.oauth)
        given = table.api_key
        taken: dict[str, str] = {
            name: options.pop(name) for name in ("access_key_id", "tenant_id", "client_id", "token_url") if name in options
        }
        if kind.auth == "google":
            if given is not None:
                return HeaderKey("x-goog-api-key", given)
            return GoogleAuth(secrets.get("credentials"), taken.get("token_url", ""))
        if kind.auth == "sigv4":
            own_keys = any(name in self.table.options or name in self.table.secrets for name in AWS_KEYS)
            key = given or (None if own_keys else self._from_env())
            return Bearer(key) if key is not None else self._aws(taken, secrets, options)
        key = given or self._from_env()
        entra = taken.keys() & {"tenant_id", "client_id"} and (key is None or table.options.keys() & {"tenant_id", "client_id"})
        if kind.auth == "api-key" and given is None and entra:
            return self._entra(taken, secrets)
        if key is None:
            if kind.auth != "none":
                self.missing("api_key", kind.env)
            return NoAuth()
        if table.auth_header:
            return HeaderKey(table.auth_header, key)
        return Bearer(key) if kind.auth in ("bearer", "none") else HeaderKey(kind.auth, key)

    def _from_env(self) -> Secret | None:
        found = self.first(self.kind.env)
        return Secret(found) if found else None

    def _aws(self, taken: Mapping[str, str], secrets: Mapping[str, Secret], options: Mapping[str, str]) -> Auth:
        access, secret = taken.get("access_key_id", ""), secrets.get("secret_access_key")
        if bool(access) != (secret is not None):
            self.missing("secret_access_key" if access else "access_key_id", ())
        return SigV4(options.get("region", ""), "bedrock", access, secret, secrets.get("session_token") if secret is not None else None)

    def _entra(self, taken: Mapping[str, str], secrets: Mapping[str, Secret]) -> Auth:
        for name in ENTRA_KEYS:
            if not taken.get(name) and name not in secrets:
                self.missing(name, OPTIONS["azure"][name])
        secret = secrets.get("client_secret", Secret(""))
        return EntraAuth(taken.get("tenant_id", ""), taken.get("client_id", ""), secret, taken.get("token_url", ""))

    def _oauth(self, table: OAuthTable) -> Auth:
        path = f"{self.path}.oauth"
        if fault := url_fault(table.token_url):
            self.problems.append(f"{path}.token_url is {without_password(table.token_url)!r}: it {fault}")
        credentials = dict(table.credentials)
        if table.send_as == "basic" and not {"client_id", "client_secret"} <= credentials.keys():
            self.problems.append(f'{path}.credentials needs client_id and client_secret, since send_as is "basic"')
        elif not credentials:
            self.problems.append(f'{path}.credentials is missing: {{ client_id = "…", client_secret = "env:NAME" }}')
        if table.send_as != "json":
            credentials = {"grant_type": Secret("client_credentials"), **credentials}
        return OAuthClient(
            table.token_url, table.send_as, tuple(credentials.items()), table.token_field, table.expires_field, table.fallback_ttl_seconds
        )  # fmt: skip


def discovered(environ: Mapping[str, str], server: Server, named: frozenset[str]) -> tuple[list[Provider], dict[str, str]]:
    """Providers that the environment turns on, but for the kinds in `named`; and, by kind, why one that is half set up stays off."""
    on: list[Provider] = []
    off: dict[str, str] = {}
    for kind in KINDS.values():
        variables = kind.env + TURNED_ON_BY.get(kind.name, ())
        if kind.name in named or not any(environ.get(name, "").strip() for name in variables):
            continue
        row = Row(kind.name, ProviderTable(kind=kind.name), environ, server, f"providers.{kind.name}")
        provider = row.provider()
        if provider is not None:
            on.append(provider)
        else:
            off[kind.name] = "; ".join(row.problems)
    return on, off


def url_fault(url: str) -> str:
    """What is wrong with a URL of a host, as the end of "it …"; "" where nothing is."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return "has no valid host and port; write https://HOST[:PORT]/PATH"
    if parts.scheme not in ("http", "https"):
        return "must begin with https:// or http://"
    if not parts.hostname or any(character <= " " for character in url):
        return "has no host; write https://HOST[:PORT]/PATH"
    if parts.username is not None or parts.password is not None:
        return "must not hold a name and password; use api_key or headers"
    return "must not have a #fragment" if parts.fragment else ""


def without_password(url: str) -> str:
    """A URL as a message may show it: no user part, no query."""
    head, at, tail = url.partition("?")[0].rpartition("@")
    return (head.partition("//")[0] + "//…@" if at else "") + tail
