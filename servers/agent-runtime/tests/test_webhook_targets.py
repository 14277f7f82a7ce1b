"""Which places outside may be called: nothing inside, however it is written, unless the list of targets names it."""

import asyncio
import base64
import hashlib
import hmac
import ssl
from collections.abc import Sequence
from pathlib import Path

import pytest
import trustme

from agent_runtime.domain.webhook import Outcome, keys_of, signature
from agent_runtime.domain.webhook_targets import Targets, place_of
from agent_runtime.outside.calling import Outside, Request
from support.receiver import Receiver, answering

INSIDE = (
    *("127.0.0.1", "127.8.8.8", "0.0.0.0", "0.1.2.3", "10.0.0.7", "172.16.0.1", "192.168.1.1", "100.64.0.1"),
    *("169.254.169.254", "192.0.0.192", "198.18.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255", "192.0.2.1"),
    *("::", "::1", "fe80::1", "fe80::1%2", "fec0::1", "fc00::1", "fd00:ec2::254", "ff02::1", "2001:db8::1"),
    *("::ffff:127.0.0.1", "::ffff:169.254.169.254", "::ffff:a00:7", "::127.0.0.1", "64:ff9b::7f00:1"),
    *("2002:7f00:1::1", "2001:0:7f00:1::1", "100::1"),
)
PUBLIC = ("1.1.1.1", "93.184.215.14", "::ffff:1.1.1.1", "2606:4700:4700::1111")


@pytest.mark.parametrize("address", INSIDE)
def test_an_address_inside_is_never_called(address: str) -> None:
    with pytest.raises(ValueError, match="is not a public one, and not in the list of targets"):
        Targets().check_address(address, is_encrypted=True)


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_is_called_with_encryption_only(address: str) -> None:
    Targets().check_address(address, is_encrypted=True)
    with pytest.raises(ValueError, match="'https://' is expected outside of the networks"):
        Targets().check_address(address, is_encrypted=False)


def test_what_is_inside_is_called_if_the_list_names_it_and_nothing_beside_it() -> None:
    targets = Targets.of(["10.0.0.0/8", "fd00::/8", "127.0.0.1"])

    for address in ("10.1.2.3", "::ffff:10.1.2.3", "fd00::1", "127.0.0.1"):
        targets.check_address(address, is_encrypted=False)
    for address in ("127.0.0.2", "11.0.0.1", "fc00::1", "169.254.169.254"):
        with pytest.raises(ValueError):
            targets.check_address(address, is_encrypted=False)


def test_a_list_of_hosts_leaves_all_other_hosts_out() -> None:
    targets = Targets.of(["hooks.slack.com", "*.example.com", "192.168.0.0/16"])

    for host in ("hooks.slack.com", "HOOKS.slack.com.", "a.b.example.com", "192.168.1.1"):
        targets.check_host(host)
    for host in ("slack.com", "example.com", "evilexample.com", "hooks.slack.com.evil.test", "1.1.1.1", "localhost"):
        with pytest.raises(ValueError, match="is not in the list of targets"):
            targets.check_host(host)


@pytest.mark.parametrize("entry", ["", "a b", "http://x", "10.0.0.0/99", "10.0.0.1/8", "*", "é.example"])
def test_a_list_that_says_nothing_sensible_is_refused(entry: str) -> None:
    with pytest.raises(ValueError, match=r"a host, an address or a network such as '10\.0\.0\.0/8' is expected"):
        Targets.of([entry])


def test_a_url_is_read_with_its_port_its_path_and_its_query() -> None:
    place = place_of("https://[2001:db8::1]:8443/a/b?c=d")

    assert (place.host, place.port, place.path) == ("2001:db8::1", 8443, "/a/b?c=d")
    assert place.host_header == "[2001:db8::1]:8443"
    assert place_of("http://example.com").host_header == "example.com"
    assert place_of("http://example.com").path == "/"


@pytest.mark.parametrize(
    "url",
    [
        *("", "example.com", "ftp://x/", "https://", "https:///x", "https://x:0/", "https://x:99999/", "https://[::1"),
        *(
            "https://user:secret@x/",
            "https://x/#y",
            "https://x/ y",
            "https://x/\r\nA: b",
            "https://x\\@y/",
            "file:///x",
        ),
        *("https://é/", "https://x/" + "a" * 2000, f"https://{'a' * 64}.example/", "https://a..b/"),
    ],
)
def test_what_is_no_url_to_call_is_refused_without_being_quoted(url: str) -> None:
    with pytest.raises(ValueError, match="expected") as refused:
        place_of(url)

    assert "secret" not in str(refused.value)


def test_a_signature_is_that_of_the_standard_for_each_key() -> None:
    # The example of the standard's own libraries.
    key = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    body = b'{"test": 2432232314}'
    other = "whsec_" + base64.b64encode(b"k" * 32).decode()
    expected = hmac.new(b"k" * 32, b"msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330." + body, hashlib.sha256).digest()

    said = signature(keys_of(f"{key} {other}"), "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body)

    assert said.split(" ") == [
        "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
        f"v1,{base64.b64encode(expected).decode()}",
    ]


@pytest.mark.parametrize(
    "secret", ["", " ", "whsec_", "whsec_!!!", "whsec_c2hvcnQ=", base64.b64encode(b"k" * 32).decode()]
)
def test_a_secret_of_another_form_is_refused_without_being_quoted(secret: str) -> None:
    with pytest.raises(ValueError, match="its secret is ") as refused:
        keys_of(secret)

    assert not secret.strip() or secret not in str(refused.value).replace("'whsec_'", "")


class Resolver:
    """A name whose addresses are others at each look."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self.answers = list(answers)

    def call(self, port: int, name: str = "http://rebinding.example") -> Outcome:
        """Call a name once."""
        outside = Outside(Targets.of(["127.0.0.1"]), 5.0, lambda _host, _port: self.answers.pop(0))
        request = Request(place_of(f"{name}:{port}/x"), {}, b"{}")
        return asyncio.run(outside.post(request))


def test_a_name_is_looked_up_once_and_the_address_that_was_judged_is_the_one_that_is_called() -> None:
    with Receiver() as receiver:
        rebinding = Resolver(["127.0.0.1"], ["127.0.0.2"])

        assert rebinding.call(receiver.port).is_delivered
        assert rebinding.answers == [["127.0.0.2"]]
        assert receiver.got[0].headers["host"] == f"rebinding.example:{receiver.port}"


def test_a_name_that_leads_inside_by_one_of_its_addresses_is_not_called_at_all() -> None:
    with Receiver() as receiver:
        outcome = Resolver(["127.0.0.1", "169.254.169.254"]).call(receiver.port)

        assert outcome.error == "the address 169.254.169.254 is not a public one, and not in the list of targets"
        assert receiver.got == []


def test_a_target_that_is_not_there_is_told_of_in_a_sentence() -> None:
    with Receiver() as receiver:
        port = receiver.port

    assert Resolver(["127.0.0.1"]).call(port).error == "cannot be reached: Connection refused"
    assert Resolver([]).call(port).error == "cannot be reached: it has no address"


def test_a_target_may_ask_for_time_in_seconds_or_until_a_moment() -> None:
    for said, least, most in (
        ("120", 120, 120),
        ("Wed, 21 Oct 2099 07:28:00 GMT", 1e6, 1e10),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0, 0),
        ("Wed, 21 Oct 2099 07:28:00", 1e6, 1e10),
        ("Wed, 21 Oct 2099 07:28:00 -0000", 1e6, 1e10),
        ("Fri, 31 Dec 9999 23:59:59 -2359", 1e6, 1e10),
        ("9" * 80, 1e6, 1e10),
    ):
        with Receiver(answering(503, f"Retry-After: {said}")) as receiver:
            asked = Resolver(["127.0.0.1"]).call(receiver.port).retry_after_seconds
        assert asked is not None
        assert least <= asked <= most


@pytest.mark.parametrize(
    "said",
    [
        *("soon", "-5", "+5", "1e9", "1.5", "nan", "inf", "-inf", ",", "5 5"),
        *("Mon, 01 Jan 2024 00:00:00 +9999999999999999999", "Mon, 01 Jan 2024 00:00:00 +9999"),
        *("Mon, 01 Jan 99999999999999999999 00:00:00 GMT", "Mon, 99 Jan 2024 00:00:00 GMT"),
    ],
)
def test_what_is_no_time_that_a_target_can_ask_for_is_an_answer_without_it(said: str) -> None:
    with Receiver(answering(503, f"Retry-After: {said}")) as receiver:
        outcome = Resolver(["127.0.0.1"]).call(receiver.port)

    assert outcome == Outcome(503, "it answered 503")


def test_a_pinned_address_must_show_the_certificate_of_the_name_that_was_called(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("hooks.example").configure_cert(tls)
    with Receiver(tls=tls) as receiver:
        right = Resolver(["127.0.0.1"]).call(receiver.port, "https://hooks.example")
        wrong = Resolver(["127.0.0.1"]).call(receiver.port, "https://other.example")

    assert right.is_delivered, right
    assert wrong.error is not None
    assert wrong.error.startswith("its certificate does not hold: ")
    assert len(receiver.got) == 1
