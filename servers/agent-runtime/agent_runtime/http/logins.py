"""Browsers come in and go: a link that is looked at as often as you like and used once, by a button."""

from dataclasses import dataclass
from html import escape
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict

from agent_runtime.domain.errors import Refused
from agent_runtime.http.door.cookies import clear_cookie, cookie_name, secret_in, set_cookie
from agent_runtime.http.wire.answers import answer, documented
from agent_runtime.http.wire.fields import WireTime
from agent_runtime.services.access.callers import Role
from agent_runtime.services.access.logins import log_out, make_link, needs_link, use_link
from agent_runtime.services.ports.store import Store

_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="same-origin">
<title>Agent Orchestrator</title>
<link rel="icon" href="icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="styles/tokens.css">
<link rel="stylesheet" href="styles/base.css">
<link rel="stylesheet" href="styles/parts.css">
<main class="empty">
<img src="icon.svg" alt="" width="40" height="40">
<h1>Agent Orchestrator</h1>
{body}
</main>
</html>
"""
# It is sent to the page's own address, and the link with it. A browser that may tell nobody where it came from would
# say that it comes from nowhere, as a foreign page does: hence the page's own rule for that.
_BUTTON = '<form method="post"><button class="button primary" autofocus>Log in with this browser</button></form>'

Link = Annotated[str, Query(max_length=200, description="the secret of the link")]


class LinkBody(BaseModel):
    """Whom the link lets in."""

    model_config = ConfigDict(extra="forbid")

    role: Literal[Role.USER, Role.VIEWER] = Role.USER


class LinkAnswer(BaseModel):
    """Where a browser gets in once; the path holds a secret."""

    path: str
    expires_at: WireTime


@dataclass(frozen=True)
class LoginRoutes:
    """`/login`, `/login-links` and `/logout`; `port` names the cookie."""

    store: Store
    port: int

    def router(self) -> APIRouter:
        """List the routes."""
        routes = APIRouter(tags=["access"])
        add = routes.add_api_route
        welcome: dict[int | str, dict[str, object]] = {303: {"description": "Welcome, to the page"}, **documented(422)}
        page: dict[str, object] = {"description": "A page with a button", "content": {"text/html": {}}}
        shown = {200: page, **welcome}
        add("/login", self.look, methods=["GET"], response_class=Response, responses=shown, summary="Open a login link")
        add(
            "/login",
            self.login,
            methods=["POST"],
            status_code=303,
            response_class=Response,
            responses=welcome,
            summary="Use a login link",
        )
        add(
            "/login-links",
            self.make_link,
            methods=["POST"],
            response_model=LinkAnswer,
            status_code=201,
            responses=documented(422, body=True),
            summary="Make a link that lets a browser in once",
        )
        add(
            "/logout",
            self.logout,
            methods=["POST"],
            status_code=204,
            response_class=Response,
            responses=documented(),
            summary="Forget this browser",
        )
        return routes

    async def look(self, request: Request, link: Link) -> Response:
        """Changes nothing, whoever looks: a browser that is in already goes on to the page, another one is asked."""
        cookie = secret_in(dict(request.scope["headers"]), cookie_name(self.port))
        try:
            is_asked = await self.store.read(lambda tx: needs_link(tx, link, cookie))
        except Refused as refusal:
            return _refused(request, refusal)
        return _page(_BUTTON) if is_asked else Response(status_code=303, headers={"Location": "./"})

    async def login(self, request: Request, link: Link) -> Response:
        """The link's secret dies here; the browser gets a cookie and is sent to the page."""
        try:
            made = await self.store.write(lambda tx: use_link(tx, link))
        except Refused as refusal:
            return _refused(request, refusal)
        cookie = set_cookie(cookie_name(self.port), made.secret, is_secure=_is_secure(request))
        return Response(status_code=303, headers={"Location": "./", "Set-Cookie": cookie})

    async def logout(self, request: Request) -> Response:
        """The cookie is worthless from now on, wherever else it may be."""
        secret = secret_in(dict(request.scope["headers"]), cookie_name(self.port))
        if secret is not None:
            await self.store.write(lambda tx: log_out(tx, secret))
        cookie = clear_cookie(cookie_name(self.port), is_secure=_is_secure(request))
        return Response(status_code=204, headers={"Set-Cookie": cookie})

    async def make_link(self, body: LinkBody | None = None) -> Response:
        """Good for half an hour and for one browser."""
        role = (body or LinkBody()).role
        made = await self.store.write(lambda tx: make_link(tx, role))
        expires_at = made.credential.expires_at
        assert expires_at is not None
        return answer(LinkAnswer(path=f"/login?link={made.secret}", expires_at=expires_at), 201)


def _refused(request: Request, refusal: Refused) -> Response:
    if "text/html" not in request.headers.get("accept", ""):
        raise refusal
    sentence = str(refusal)
    return _page(f"<p>{escape(sentence[:1].upper() + sentence[1:])}.</p>", 403)


def _page(body: str, status: int = 200) -> Response:
    return Response(_PAGE.format(body=body), status, media_type="text/html")


def _is_secure(request: Request) -> bool:
    return request.url.scheme == "https"
