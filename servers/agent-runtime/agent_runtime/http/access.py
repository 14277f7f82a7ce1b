"""Named tokens and the audit, as a person and `agent-runtime` call them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Literal

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field

from agent_runtime.http.wire.answers import answer, documented
from agent_runtime.http.wire.fields import GivenName, NotBool, WireTime
from agent_runtime.http.wire.pages import PAGE_SIZE, Cursor, PageSize, page_of, read_number
from agent_runtime.services.access.callers import Role
from agent_runtime.services.access.tokens import OVERLAP, MadeCredential, make_token, revoke_token, rotate_token
from agent_runtime.services.ports.access import Credential
from agent_runtime.services.ports.store import Store

_Seconds = NotBool[Annotated[float, Field(ge=0.001, le=315_360_000)]]


class TokenBody(BaseModel):
    """The token to be made; without a lifetime it is good until it is revoked."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[GivenName, Field(max_length=60)]
    role: Literal[Role.USER, Role.VIEWER, Role.LAUNCHER]
    lifetime_seconds: _Seconds | None = None


class RotateBody(BaseModel):
    """How long the old secret stays good."""

    model_config = ConfigDict(extra="forbid")

    overlap_seconds: NotBool[Annotated[float, Field(ge=0, le=31_536_000)]] = OVERLAP.total_seconds()


class TokenWire(BaseModel):
    """A named token without its secret, which nobody knows but its owner."""

    name: str
    role: str
    created_at: WireTime
    expires_at: WireTime | None
    revoked_at: WireTime | None

    @classmethod
    def of(cls, credential: Credential) -> "TokenWire":
        """Show a token."""
        return cls(
            name=credential.name,
            role=credential.role,
            created_at=credential.created_at,
            expires_at=credential.expires_at,
            revoked_at=credential.ended_at,
        )


class MadeTokenWire(TokenWire):
    """A new token, with its secret; it is told this once."""

    token: str


class TokenList(BaseModel):
    """All named tokens, oldest first."""

    tokens: list[TokenWire]


class Revoked(BaseModel):
    """How many secrets of a name were ended."""

    revoked: int


class AuditWire(BaseModel):
    """One deed."""

    seq: int
    at: WireTime
    role: str | None
    caller: str
    address: str
    action: str
    target: str
    status: int


class AuditList(BaseModel):
    """One page of the audit, newest first."""

    audit: list[AuditWire]
    next_cursor: str | None = None


@dataclass(frozen=True)
class AccessRoutes:
    """`/tokens` and `/audit`."""

    store: Store

    def router(self) -> APIRouter:
        """List the routes."""
        routes = APIRouter(tags=["access"])
        one = "/tokens/{token_name}"
        for path, call, method, model, status, refusals in (
            ("/tokens", self.make, "POST", MadeTokenWire, 201, documented(409, 422, body=True)),
            ("/tokens", self.list, "GET", TokenList, 200, documented()),
            (f"{one}/rotate", self.rotate, "POST", MadeTokenWire, 201, documented(404, 422, body=True)),
            (one, self.revoke, "DELETE", Revoked, 200, documented(404, 422)),
            ("/audit", self.audit, "GET", AuditList, 200, documented(422)),
        ):
            routes.add_api_route(
                path,
                call,
                methods=[method],
                response_model=model,
                status_code=status,
                responses=refusals,
                summary=_SUMMARIES[method, path],
            )
        return routes

    async def make(self, body: TokenBody) -> Response:
        """Its secret is told in this answer and never again."""
        lifetime = timedelta(seconds=body.lifetime_seconds) if body.lifetime_seconds is not None else None
        return _with_secret(await self.store.write(lambda tx: make_token(tx, body.name, body.role, lifetime)))

    async def list(self) -> Response:
        """Those that are over are shown too."""
        found = await self.store.read(lambda tx: tx.access.tokens())
        return answer(TokenList(tokens=[TokenWire.of(one) for one in found]))

    async def rotate(self, token_name: str, body: RotateBody | None = None) -> Response:
        """The old secret stays good for a while, so that nothing on its way is refused."""
        overlap = timedelta(seconds=(body or RotateBody()).overlap_seconds)
        return _with_secret(await self.store.write(lambda tx: rotate_token(tx, token_name, overlap)))

    async def revoke(self, token_name: str) -> Response:
        """At once, all secrets of that name."""
        return answer(Revoked(revoked=await self.store.write(lambda tx: revoke_token(tx, token_name))))

    async def audit(
        self,
        limit: PageSize = PAGE_SIZE,
        cursor: Cursor = None,
    ) -> Response:
        """Who did what, from where; what was sent is not in it."""
        before = read_number(cursor)
        found = await self.store.read(lambda tx: tx.access.audited(before, limit + 1))
        shown, following = page_of(found, limit, lambda entry: entry.seq)
        return answer(AuditList(audit=[AuditWire(**vars(one)) for one in shown], next_cursor=following))


_SUMMARIES: Mapping[tuple[str, str], str] = {
    ("POST", "/tokens"): "Make a named token",
    ("GET", "/tokens"): "List the named tokens",
    ("POST", "/tokens/{token_name}/rotate"): "Give a named token a new secret",
    ("DELETE", "/tokens/{token_name}"): "Revoke a named token",
    ("GET", "/audit"): "Read who did what, newest first",
}


def _with_secret(made: MadeCredential) -> Response:
    return answer(MadeTokenWire(**vars(TokenWire.of(made.credential)), token=made.secret), 201)
