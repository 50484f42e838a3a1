"""Hosts as people write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.config import Mqtt, parse_config
from edge.config.addresses import checked_host, is_host, split_address
from edge.errors import ConfigError


def complaint(host: str) -> str:
    with pytest.raises(ConfigError) as wrong:
        parse_config({"mqtt": {"host": host, "encryption": "none"}}, "gate.toml")
    return str(wrong.value)


@pytest.mark.parametrize(
    ("host", "instead"),
    [
        ("mqtt://broker.lan", 'found a URL; write host = "broker.lan".'),
        ("MQTT://Broker.LAN:1884", 'found a URL; write host = "broker.lan", port = 1884.'),
        ("mqtts://broker.lan:8883", 'host = "broker.lan", port = 8883, and encryption = "tls"'),
        ("ssl://broker.lan", 'host = "broker.lan", and encryption = "tls"'),
        ("wss://broker.lan/mqtt", 'host = "broker.lan", and transport = "websockets", encryption = "tls"'),
        ("http://broker.lan:8080/x?y#z", 'host = "broker.lan", port = 8080'),
        ("mqtt://[2001:db8::1]:1883", 'host = "2001:db8::1", port = 1883'),
        ("broker.lan:1883", "found 'broker.lan:1883'; write host = \"broker.lan\", port = 1883."),
        ("192.0.2.7:8883", 'write host = "192.0.2.7", port = 8883'),
        ("broker.lan:", 'write host = "broker.lan"'),
        ("[2001:db8::1]", "found '[2001:db8::1]'; write host = \"2001:db8::1\""),
        ("[::1]:1883", 'write host = "::1", port = 1883'),
        (" localhost ", "found ' localhost '; write host = \"localhost\""),
        ("localhost\n", "found 'localhost\\n'; write host = \"localhost\""),
        ("\tbroker.lan", 'write host = "broker.lan"'),
        ("broker.lan/mqtt", "found 'broker.lan/mqtt'; write host = \"broker.lan\""),
        ("broker.lan#1", 'write host = "broker.lan"'),
        ("192.0.2.0/24", 'write host = "192.0.2.0"'),
        ("my broker", "found 'my broker'; write a name or an IP address, without scheme, port or path"),
        ("1883", "found '1883'; write a name or an IP address"),
        ("192.0.2", "found '192.0.2'; write a name or an IP address"),
        ("192.0.2.300", "found '192.0.2.300'; write a name or an IP address"),
        ("a,b", "write a name or an IP address"),
        ("a..b", "write a name or an IP address"),
        ("\ufeffbroker.lan", "write a name or an IP address"),
        ("mqtt://", "found a URL; write a name or an IP address"),
        ("broker.lan:mqtt", "write a name or an IP address"),
        ("broker.lan:99999", "write a name or an IP address"),
    ],
)
def test_what_is_not_a_host_alone_is_refused_with_the_way_out(host: str, instead: str) -> None:
    assert instead in complaint(host)
    assert complaint(host).startswith("gate.toml: 1 mistake:\n  mqtt.host: found ")


@pytest.mark.parametrize(
    "host",
    [
        "mqtt://door:s3cret@broker.lan", "door:s3cret@broker.lan", "door:s3cret@broker.lan:1883",
        "mqtt://door:s3cret/x@broker.lan", "mqtt://s3cret@", "door:pass@s3cret/x@broker.lan",
    ],
)  # fmt: skip
def test_a_login_in_the_host_is_never_shown(host: str) -> None:
    assert "s3cret" not in complaint(host)


@pytest.mark.parametrize(
    "host",
    [
        "localhost", "broker.example.org", "broker.example.org.", "192.0.2.7", "::1", "2001:db8::1",
        "fe80::1%eth0",
        "mosquitto_1", "b\u00fcro.example", "3com.example", "xn--bro-hoa.example", "a" * 63,
    ],
)  # fmt: skip
def test_hosts_are_taken_as_they_are(host: str) -> None:
    assert Mqtt(host=host, encryption="none").host == host


@pytest.mark.slow
@pytest.mark.parametrize(
    "address", ["my broker", "broker.lan ", "mqtt://b.lan", "u:s3cret@b.lan", "::1", "b.lan:"]
)
def test_fallbacks_are_checked_alike(address: str) -> None:
    with pytest.raises(
        ConfigError, match=r"mqtt\.fallbacks\.0: found .*; write host or host:port, an IPv6"
    ) as e:
        parse_config({"mqtt": {"fallbacks": [address]}}, "gate.toml")
    assert "s3cret" not in str(e.value)


@pytest.mark.parametrize(
    "url", ["http://ho st/", "http://1883/", "http:///x", "https://a..b/", "http://h:0/"]
)
def test_a_speakers_url_has_a_real_host(url: str) -> None:
    with pytest.raises(ConfigError, match=r"url: no valid host and port in it"):
        parse_config({"speaker": {"webhook": {"url": url}}}, "gate.toml")


HOSTS = st.one_of(
    st.from_regex(r"[a-z][a-z0-9-]{0,20}(\.[a-z0-9]{1,10}){0,3}", fullmatch=True),
    st.ip_addresses().map(str),
)
PORTS = st.integers(1, 65535)


@given(HOSTS, PORTS)
def test_host_and_port_come_back_from_an_address(host: str, port: int) -> None:
    written = f"[{host}]" if ":" in host else host
    assert is_host(host)
    assert split_address(f"{written}:{port}") == (host, port)
    assert split_address(written) == (host, None)


@given(st.text(max_size=60))
def test_any_text_is_a_host_or_gets_a_way_out(text: str) -> None:
    if is_host(text):
        assert checked_host(text) == text
    else:
        with pytest.raises(ValueError, match="; write "):
            checked_host(text)
