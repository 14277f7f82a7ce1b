"""What a page of somebody else's makes a browser send gets nothing and changes nothing."""

from datetime import timedelta

import pytest

from agent_runtime.domain.errors import Refused
from agent_runtime.http.door.rules import RULES
from agent_runtime.services.access.callers import Role
from agent_runtime.services.access.logins import LINK_LIFETIME, make_link, use_link
from support.desk import Desk, refused
from support.store_rig import StoreRig

PLACES = [(rule.method, rule.path.replace("{", "").replace("}", "")) for rule in RULES]
PAGES = [("GET", "/"), ("GET", "/index.html"), ("HEAD", "/"), ("GET", "/nothing"), ("OPTIONS", "/jobs")]


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example:8765", "192.168.1.1", "[::ffff:c0a8:101]"])
def test_a_rebound_name_reaches_no_route_and_no_file_of_the_page(desk: Desk, host: str) -> None:
    for method, path in [*PLACES, *PAGES]:
        answer = desk.http.request(method, path, headers={"Host": host, "Origin": f"http://{host}"})

        assert answer.status_code == 403, (method, path)
        assert method == "HEAD" or answer.json()["code"] == "forbidden_host"


def test_another_sites_page_reaches_no_route_and_is_never_allowed_to_ask(desk: Desk) -> None:
    for method, path in [*PLACES, *PAGES]:
        answer = desk.http.request(method, path, headers={"Origin": "https://evil.example"})

        assert answer.status_code == 403, (method, path)
        assert not [name for name in answer.headers if name.lower().startswith("access-control-")]


@pytest.mark.parametrize("asked", ["POST", "GET", "DELETE"])
def test_a_browser_that_asks_first_is_told_nothing(desk: Desk, asked: str) -> None:
    question = {"Access-Control-Request-Method": asked, "Access-Control-Request-Headers": "authorization"}
    for origin in ("https://evil.example", desk.url):
        answer = desk.http.request("OPTIONS", "/jobs", headers={**question, "Origin": origin})

        assert answer.status_code in (403, 405)
        assert not [name for name in answer.headers if name.lower().startswith("access-control-")]


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"])
def test_what_a_form_can_send_is_not_read(desk: Desk, kind: str) -> None:
    refused(desk.raw("POST", "/prune", b'{"days": 0}', kind), 415, "unsupported_media_type")


def test_a_login_link_that_nobody_used_expires(rig: StoreRig) -> None:
    early = rig.do(lambda tx: make_link(tx, Role.USER)).secret
    late = rig.do(lambda tx: make_link(tx, Role.USER)).secret

    rig.clock.move(seconds=LINK_LIFETIME.total_seconds() - 1)
    browser = rig.do(lambda tx: use_link(tx, early))
    rig.clock.move(seconds=timedelta(seconds=2).total_seconds())

    assert browser.secret.startswith("brw_")
    assert browser.credential.role == "user"
    with pytest.raises(Refused, match="too old"):
        rig.do(lambda tx: use_link(tx, late))
