"""`/webhooks`: the places outside that are told what happens, and each piece of news on its way there."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from agent_runtime.domain.webhook import ALL_NEWS, DeliveryId, DeliveryStatus, Webhook
from agent_runtime.domain.webhook_targets import Targets
from agent_runtime.http.wire.answers import answer, documented
from agent_runtime.http.wire.pages import PAGE_SIZE, Cursor, PageSize, page_of, read_cursor
from agent_runtime.http.wire.webhooks import DeliveryList, DeliveryWire, WebhookBody, WebhookList, WebhookWire
from agent_runtime.services.ports.store import Store, Transaction
from agent_runtime.services.ports.webhooks import DeliveryFilter
from agent_runtime.services.webhooks.known_webhooks import (
    get_delivery,
    get_webhook,
    make_webhook,
    remove_webhook,
    replay_delivery,
    send_test,
)

WebhookName = Annotated[str, Path(description="the webhook's name", max_length=80)]
DeliveryReference = Annotated[str, Path(description="the delivery's id", max_length=80)]


@dataclass(frozen=True)
class WebhookRoutes:
    """`/webhooks` and what hangs under it."""

    store: Store
    targets: Targets

    def router(self) -> APIRouter:
        """List the routes."""
        routes = APIRouter(tags=["webhooks"])
        one, deliveries = "/webhooks/{webhook}", "/webhooks/{webhook}/deliveries"
        for method, path, call, model, status, refusals, summary in (
            ("GET", "/webhooks", self.list, WebhookList, 200, (422,), "List the webhooks"),
            ("POST", "/webhooks", self.make, WebhookWire, 201, (409, 422), "Tell a place outside of news from now on"),
            ("DELETE", one, self.remove, WebhookWire, 200, (404, 422), "Remove a webhook, with what is on its way"),
            ("POST", f"{one}/test", self.test, DeliveryWire, 201, (404, 422), "Send a test"),
            ("GET", deliveries, self.deliveries, DeliveryList, 200, (404, 422), "List deliveries, newest first"),
            ("GET", f"{deliveries}/{{delivery_id}}", self.get, DeliveryWire, 200, (404, 422), "Look at one delivery"),
            (
                "POST",
                f"{deliveries}/{{delivery_id}}/replay",
                self.replay,
                DeliveryWire,
                200,
                (404, 422),
                "Send a piece of news once more",
            ),
        ):
            routes.add_api_route(
                path,
                call,
                methods=[method],
                response_model=model,
                status_code=status,
                responses=documented(*refusals, body=method == "POST" and path == "/webhooks"),
                summary=summary,
            )
        return routes

    async def list(self) -> Response:
        """Secrets are shown by their references."""
        found = await self.store.read(lambda tx: tx.webhooks.all())
        return answer(WebhookList(webhooks=[WebhookWire.of(one) for one in found]))

    async def make(self, body: WebhookBody) -> Response:
        """Which places may be called is a setting of the runtime; an address is looked at again at each call."""
        asked = Webhook(
            name=body.name,
            url=body.url,
            format=body.format,
            secret=body.secret,
            news=[str(one) for one in dict.fromkeys(body.news or ALL_NEWS)],
            through_seq=0,
            made_at=datetime.now(UTC),
        )
        return answer(WebhookWire.of(await self.store.write(lambda tx: make_webhook(tx, asked, self.targets))), 201)

    async def remove(self, webhook: WebhookName) -> Response:
        """The answer is what was removed."""
        return answer(WebhookWire.of(await self.store.write(lambda tx: remove_webhook(tx, webhook))))

    async def test(self, webhook: WebhookName) -> Response:
        """It is sent as anything else is; look at the delivery for what came of it."""
        return answer(DeliveryWire.of(await self.store.write(lambda tx: send_test(tx, webhook))), 201)

    async def deliveries(
        self,
        webhook: WebhookName,
        status: Annotated[DeliveryStatus | None, Query(description="only those in this state")] = None,
        limit: PageSize = PAGE_SIZE,
        cursor: Cursor = None,
    ) -> Response:
        """Those that are over are kept for eight days."""
        before = read_cursor(cursor)

        def read(tx: Transaction) -> DeliveryList:
            name = get_webhook(tx, webhook).name
            wanted = DeliveryFilter(name, limit + 1, DeliveryId(before) if before is not None else None, status)
            shown, following = page_of(tx.webhooks.page(wanted), limit, lambda found: found.id)
            return DeliveryList(deliveries=[DeliveryWire.of(one) for one in shown], next_cursor=following)

        return answer(await self.store.read(read))

    async def get(self, webhook: WebhookName, delivery_id: DeliveryReference) -> Response:
        """With what came of the last attempt."""
        return answer(DeliveryWire.of(await self.store.read(lambda tx: get_delivery(tx, webhook, delivery_id))))

    async def replay(self, webhook: WebhookName, delivery_id: DeliveryReference) -> Response:
        """Under its own id, so that a target that has it knows; it is tried for another day."""
        return answer(DeliveryWire.of(await self.store.write(lambda tx: replay_delivery(tx, webhook, delivery_id))))
