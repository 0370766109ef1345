"""Who is calling: the matrix of modes and credentials, and what a key may name."""

from __future__ import annotations

import pytest
from msgspec import Struct

from trunkline.access import Access, Caller, Grant, identify, identify_admin, key_hash, may_use
from trunkline.errors import CallerError, GatewayError

NOW = 1_800_000_000.0
GOOD, EXPIRED, DISABLED, WRITER = b"tl-good", b"tl-expired", b"tl-disabled", b"tl-writer"
ADMIN = b"the admin key"
TEAM = Caller(workspace="team", key_id="1", name="ci", models=("openai/*", "fast"))
GRANTS = {
    key_hash(GOOD): Grant(TEAM),
    key_hash(EXPIRED): Grant(TEAM, expires_at=NOW),
    key_hash(DISABLED): Grant(TEAM, disabled=True),
    key_hash(WRITER): Grant(Caller(workspace="team", role="admin")),
}


class Snap(Struct):
    access: Access


def snap(mode: str = "keys", **more: object) -> Snap:
    return Snap(Access(**{"mode": mode, "grants": GRANTS, "admin_hash": key_hash(ADMIN), **more}))  # type: ignore[arg-type]


def outcome(snapshot: Snap, authorization: bytes = b"", x_api_key: bytes = b"", workspace: bytes = b"") -> object:
    try:
        caller = identify(snapshot, authorization, x_api_key, workspace, NOW)
    except GatewayError as error:
        return error.status
    return caller.workspace, caller.name


IN_TEAM = ("team", "ci")

MATRIX = [
    # mode, authorization, x-api-key, Comet-Workspace, outcome
    ("keys", b"", b"", b"", 401),
    ("keys", b"Bearer tl-good", b"", b"", IN_TEAM),
    ("keys", b"bearer tl-good", b"", b"team", IN_TEAM),
    ("keys", b"tl-good", b"", b"", IN_TEAM),
    ("keys", b"", b"tl-good", b"", IN_TEAM),
    ("keys", b"Bearer tl-good", b"", b"other", 403),
    ("keys", b"Bearer tl-good", b"", b"default", 403),
    ("keys", b"Bearer tl-wrong", b"", b"", 401),
    ("keys", b"Bearer ", b"tl-good", b"", 401),
    ("keys", b"Bearer sk-of-a-vendor", b"", b"", 401),
    ("keys", b"Basic dGwtZ29vZA==", b"", b"", 401),
    ("keys", b"Bearer tl-expired", b"", b"", 401),
    ("keys", b"Bearer tl-disabled", b"", b"", 401),
    ("keys", b"Bearer the admin key", b"", b"any", ("any", "admin")),
    ("keys", b"the admin key", b"", b"", ("default", "admin")),
    ("keys", b"Bearer the admin ke", b"", b"", 401),
    ("keys", b"Bearer tl-good", b"", b"\xff", 403),
    ("open", b"", b"", b"", ("default", "")),
    ("open", b"", b"", b"w", ("w", "")),
    ("open", b"sk-whatever", b"", b"", ("default", "")),
    ("open", b"Bearer tl-good", b"", b"", IN_TEAM),
    ("open", b"", b"tl-good", b"other", 403),
    ("open", b"Bearer tl-wrong", b"", b"", 401),
    ("open", b"Bearer tl-expired", b"", b"", 401),
    ("open", b"", b"", b"\xff", 400),
    ("open", b"", b"", b"x" * 151, 400),
    ("oidc", b"", b"", b"", 401),
    ("oidc", b"Bearer tl-good", b"", b"", IN_TEAM),
    ("oidc", b"Bearer a.b.c", b"", b"", 401),
]


@pytest.mark.parametrize(("mode", "authorization", "x_api_key", "workspace", "expected"), MATRIX)
def test_the_matrix_of_credentials(mode: str, authorization: bytes, x_api_key: bytes, workspace: bytes, expected: object) -> None:
    assert outcome(snap(mode), authorization, x_api_key, workspace) == expected


@pytest.mark.parametrize("key", [b"tl-wrong", b"tl-expired", b"tl-disabled", b""])
def test_a_refusal_is_openais_and_holds_no_key(key: bytes) -> None:
    with pytest.raises(CallerError) as caught:
        identify(snap(), key, b"", b"", NOW)
    assert caught.value.code == "invalid_api_key"
    assert caught.value.body()["error"]["type"] == "authentication_error"
    assert "tl-" + "wrong" not in caught.value.message


def test_a_key_nobody_could_look_up_is_503_and_not_401() -> None:
    assert outcome(snap(grants={}, complete=False), b"tl-good") == 503
    assert outcome(snap(complete=False), b"tl-good") == IN_TEAM


def test_a_key_expires_while_it_is_in_use() -> None:
    snapshot = Snap(Access(mode="keys", grants={key_hash(GOOD): Grant(TEAM, expires_at=NOW + 1)}))
    assert identify(snapshot, GOOD, b"", b"", NOW) is TEAM
    with pytest.raises(CallerError, match="expired"):
        identify(snapshot, GOOD, b"", b"", NOW + 1)


@pytest.mark.parametrize(
    ("access", "key", "expected"),
    [
        (Access(mode="keys", admin_hash=key_hash(ADMIN), grants=GRANTS), b"Bearer the admin key", "admin"),
        (Access(mode="keys", admin_hash=key_hash(ADMIN), grants=GRANTS), b"", 401),
        (Access(mode="keys", admin_hash=key_hash(ADMIN), grants=GRANTS), b"wrong", 401),
        (Access(mode="keys", admin_hash=key_hash(ADMIN), grants=GRANTS), b"tl-good", 403),
        (Access(mode="keys", admin_hash=key_hash(ADMIN), grants=GRANTS), b"tl-writer", 403),
        (Access(mode="keys", admin_hash=key_hash(ADMIN), grants=GRANTS), b"tl-expired", 401),
        (Access(mode="open", admin_hash=key_hash(ADMIN)), b"", 401),
        (Access(mode="open", local=True), b"", "admin"),
        (Access(mode="open", local=False), b"", 403),
        (Access(mode="keys", local=True), b"", 403),
        (Access(mode="keys", local=True), b"anything", 403),
        (Access(mode="oidc", local=True), b"", 403),
    ],
)
def test_the_admin_routes_need_the_admin_key(access: Access, key: bytes, expected: object) -> None:
    try:
        found: object = identify_admin(Snap(access), key, b"", NOW).name
    except CallerError as error:
        found = error.status
    assert found == expected


@pytest.mark.parametrize(
    ("patterns", "names", "allowed"),
    [
        ((), ("openai/gpt-4o",), True),
        (("openai/*",), ("openai/gpt-4o",), True),
        (("openai/*",), ("gpt-4o",), False),
        (("openai/*",), ("gpt-4o", "openai/gpt-4o"), True),
        (("gpt-4?",), ("gpt-4o",), True),
        (("gpt-4?",), ("GPT-4o",), False),
        (("fast",), ("faster",), False),
        (("fast",), ("fast\n",), False),
        (("a", "b*"), ("bc",), True),
        (("",), ("x",), False),
    ],
)
def test_model_patterns(patterns: tuple[str, ...], names: tuple[str, ...], allowed: bool) -> None:
    assert may_use(Caller(models=patterns), *names) is allowed
