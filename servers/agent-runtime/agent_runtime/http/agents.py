"""The agents: list, read, write, remove, switch on and off."""

import asyncio
from dataclasses import dataclass
from typing import Annotated, cast

from fastapi import APIRouter, Path, Response
from pydantic import BaseModel, ConfigDict, Field, JsonValue

from agent_runtime.domain.agent import Agent, Blueprint, Source
from agent_runtime.domain.checks import OUTPUT_SCHEMA, VERIFY, VERIFY_ATTEMPTS
from agent_runtime.domain.errors import Invalid
from agent_runtime.domain.json import JsonObject
from agent_runtime.http.wire.answers import documented, short
from agent_runtime.http.wire.fields import NAME_PATTERN, GivenName
from agent_runtime.services.agents.blueprint_files import FILE_BYTES_MAX, BlueprintText
from agent_runtime.services.agents.catalogue import Agents, announce_agent
from agent_runtime.services.agents.clients import client_of
from agent_runtime.services.ports.store import Store

AgentName = Annotated[
    str, Path(description="the agent's name", max_length=200, json_schema_extra={"pattern": NAME_PATTERN})
]


class AgentWire(BaseModel):
    """What an agent is; one that cannot be read says why in `error`.

    `folder` is where its files lie on the runtime's machine; `client` is what a launcher must have to run it, in the
    words of `GET /launchers`, null where only its launcher can tell.
    """

    name: str
    description: str
    backend: str | None
    command: list[str]
    model: str | None
    labels: dict[str, str]
    limits: dict[str, JsonValue]
    options: dict[str, JsonValue]
    system_prompt: str
    mcp_servers: dict[str, JsonValue]
    sandbox: JsonValue
    permissions: JsonValue
    questions: dict[str, JsonValue]
    retries: dict[str, JsonValue]
    fallbacks: list[str]
    stalls: dict[str, JsonValue]
    verify: JsonValue
    verify_attempts: int | None
    output_schema: JsonValue
    active: bool
    source: Source
    folder: str
    error: str | None
    client: str | None

    @classmethod
    def of(cls, agent: Agent) -> "AgentWire":
        """Show an agent."""
        blueprint = agent.blueprint or Blueprint(backend="")
        return cls(
            name=agent.name,
            description=blueprint.description,
            backend=blueprint.backend or None,
            command=list(blueprint.command),
            model=blueprint.model,
            labels=dict(blueprint.labels),
            limits=cast("dict[str, JsonValue]", dict(blueprint.limits)),
            options=cast("dict[str, JsonValue]", dict(blueprint.options)),
            system_prompt=blueprint.system_prompt,
            mcp_servers=cast("dict[str, JsonValue]", dict(blueprint.mcp_servers)),
            sandbox=blueprint.sandbox,
            permissions=blueprint.permissions,
            questions=cast("dict[str, JsonValue]", dict(blueprint.questions)),
            retries=cast("dict[str, JsonValue]", dict(blueprint.retries)),
            fallbacks=list(blueprint.fallbacks),
            stalls=cast("dict[str, JsonValue]", dict(blueprint.stalls)),
            verify=blueprint.checks.get(VERIFY),
            verify_attempts=cast("int | None", blueprint.checks.get(VERIFY_ATTEMPTS)),
            output_schema=blueprint.checks.get(OUTPUT_SCHEMA),
            active=agent.active,
            source=agent.source,
            folder=str(agent.path if agent.path.suffix == "" else agent.path.parent),
            error=agent.error,
            client=client_of(blueprint) if agent.blueprint is not None else None,
        )


class AgentList(BaseModel):
    """All agents, by name."""

    agents: list[AgentWire]


def _named(field: str, schema: JsonObject) -> JsonObject:
    return {"required": [field], "properties": {field: schema}}


class GivenAgent(BlueprintText):
    """What an agent is to be; what is left out is empty."""

    model_config = ConfigDict(
        extra="forbid",
        strict=False,
        json_schema_extra={"anyOf": [_named("backend", {"type": "string"}), _named("command", {"minItems": 1})]},
    )

    name: Annotated[GivenName, Field(max_length=200)] | None = None
    system_prompt: Annotated[str, Field(max_length=FILE_BYTES_MAX)] = ""
    mcp_servers: Annotated[dict[str, dict[str, JsonValue]], Field(max_length=100, default_factory=dict)]

    def as_blueprint(self) -> Blueprint:
        """Translate it for the verbs."""
        return self.blueprint(self.system_prompt, cast("JsonObject", self.mcp_servers))


class NewAgent(GivenAgent):
    """A new agent with its name."""

    name: Annotated[GivenName, Field(max_length=200)]


@dataclass(frozen=True)
class AgentRoutes:
    """Everything under `/agents`; what is written goes to the user's own folder."""

    store: Store
    agents: Agents

    def router(self) -> APIRouter:
        """List the routes."""
        routes = APIRouter(tags=["agents"])
        add, one = routes.add_api_route, "/agents/{name}"
        add("/agents", self.list, methods=["GET"], summary="List all agents", responses=documented())
        add(
            "/agents",
            self.create,
            methods=["POST"],
            status_code=201,
            summary="Write a new agent",
            responses=documented(409, 422, body=True),
        )
        add(one, self.get, methods=["GET"], summary="Read one agent", responses=documented(404, 422))
        add(
            one,
            self.put,
            methods=["PUT"],
            summary="Write an agent, new or not",
            responses={201: {"model": AgentWire, "description": "It is new"}, **documented(409, 422, body=True)},
        )
        add(
            one,
            self.delete,
            methods=["DELETE"],
            summary="Remove an agent of yours",
            responses=documented(404, 409, 422),
        )
        for name, call in (("activate", self.activate), ("deactivate", self.deactivate)):
            summary = f"{name.capitalize()} an agent"
            add(f"{one}/{name}", call, methods=["POST"], summary=summary, responses=documented(404, 422, body=True))
        return routes

    async def list(self) -> AgentList:
        """The user's own win over shipped ones of the same name; broken ones are listed with their error."""
        return AgentList(agents=[AgentWire.of(agent) for agent in await asyncio.to_thread(self.agents.all)])

    async def get(self, name: AgentName) -> AgentWire:
        """Changes on disk are seen at once."""
        return AgentWire.of(await asyncio.to_thread(self.agents.get, name))

    async def create(self, body: NewAgent) -> AgentWire:
        """A shipped agent's name is taken, too: `PUT` makes a version of your own."""
        agent = await asyncio.to_thread(self.agents.create, body.name, body.as_blueprint())
        return await self._announce("agent.created", agent)

    async def put(self, name: AgentName, body: GivenAgent, response: Response) -> AgentWire:
        """The whole agent: what the body leaves out is empty afterwards."""
        if body.name not in (None, name):
            raise Invalid(
                "invalid_parameters", f"invalid body: 'name': expected '{short(name)}' as in the path, or none at all"
            )
        agent, is_new = await asyncio.to_thread(self.agents.put, name, body.as_blueprint())
        response.status_code = 201 if is_new else 200
        return await self._announce("agent.created" if is_new else "agent.updated", agent)

    async def delete(self, name: AgentName) -> AgentWire:
        """Answers what it was; sessions of it stay, and cannot be resumed without it."""
        return await self._announce("agent.deleted", await asyncio.to_thread(self.agents.delete, name))

    async def activate(self, name: AgentName) -> AgentWire:
        """New jobs may use it again."""
        return await self._announce("agent.activated", await self._switch(name, active=True))

    async def deactivate(self, name: AgentName) -> AgentWire:
        """New jobs are refused; what runs goes on."""
        return await self._announce("agent.deactivated", await self._switch(name, active=False))

    async def _switch(self, name: str, *, active: bool) -> Agent:
        return await asyncio.to_thread(lambda: self.agents.set_active(name, active=active))

    async def _announce(self, name: str, agent: Agent) -> AgentWire:
        await self.store.write(lambda tx: announce_agent(tx, name, agent))
        return AgentWire.of(agent)
