"""The calls about webhooks: the places outside that are told what happens, and what is on its way there."""

from urllib.parse import quote

from runtime_client.errors import NotTheRuntimeError
from runtime_client.transport import Call, Transport
from runtime_client.wire import JsonObject, objects


class WebhookCalls:
    """Make, list, remove and test webhooks; look at deliveries, and replay them.

    Errors:  every method may raise RuntimeClientError.
    """

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def all(self) -> list[JsonObject]:
        """Return all webhooks."""
        return self._items(Call("GET", "/webhooks"), "webhooks")

    def make(self, webhook: JsonObject) -> JsonObject:
        """Have a place told of news from now on."""
        return self._transport.send_for_json(Call("POST", "/webhooks", body=webhook))

    def remove(self, name: str) -> JsonObject:
        """Remove a webhook, with what is on its way there."""
        return self._transport.send_for_json(Call("DELETE", _path(name)))

    def test(self, name: str) -> JsonObject:
        """Send a test, and return its delivery as it begins."""
        return self._transport.send_for_json(Call("POST", f"{_path(name)}/test"))

    def deliveries(self, name: str, status: str | None, limit: int) -> list[JsonObject]:
        """Return the newest deliveries, newest first."""
        wanted = {"limit": str(limit), **({"status": status} if status is not None else {})}
        return self._items(Call("GET", f"{_path(name)}/deliveries", parameters=wanted), "deliveries")

    def delivery(self, name: str, delivery_id: str) -> JsonObject:
        """Return one delivery."""
        return self._transport.send_for_json(Call("GET", _path(name, delivery_id)))

    def replay(self, name: str, delivery_id: str) -> JsonObject:
        """Send a piece of news once more."""
        return self._transport.send_for_json(Call("POST", f"{_path(name, delivery_id)}/replay"))

    def _items(self, call: Call, field: str) -> list[JsonObject]:
        try:
            return objects(self._transport.send_for_json(call), field)
        except ValueError as cause:
            raise NotTheRuntimeError(
                f"cannot understand the answer to {call.method} {call.path!r}: {cause} "
                "(are the runtime and this command of the same version?)"
            ) from cause


def _path(name: str, delivery_id: str | None = None) -> str:
    of_webhook = f"/webhooks/{quote(name, safe='')}"
    return of_webhook if delivery_id is None else f"{of_webhook}/deliveries/{quote(delivery_id, safe='')}"
