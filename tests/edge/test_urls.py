"""URLs are shown without anything that may be secret."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.urls import without_secrets

MARK = "SECRET"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("rtsp://192.0.2.7/stream1", "rtsp://192.0.2.7"),
        ("RTSP://camera.example.org:8554", "rtsp://camera.example.org:8554"),
        ("https://[2001:db8::7]:8443/api/webhook/SECRET", "https://[2001:db8::7]:8443"),
        ("https://user:SECRET@horn.example.org/a", "https://horn.example.org"),
        ("https://user:SE@CRET@horn.example.org/a", "https://horn.example.org"),
        ("https://horn.example.org?token=SECRET", "https://horn.example.org"),
        ("https://horn.example.org#SECRET", "https://horn.example.org"),
        ("https://bücher.example/a", "https://bücher.example"),
        ("rtsp://admin:se@cret/@192.0.2.7/stream1", "rtsp://***"),
        ("rtsp://admin:12/SECRET@192.0.2.7/stream1", "rtsp://***"),
        ("rtsp://admin:SECRET", "rtsp://***"),
        ("rtsp://[SECRET/x", "rtsp://***"),
        ("rtsp://", "rtsp://***"),
        ("https://horn.example.org\\@SECRET x/", "https://***"),
        ("admin:SECRET@192.0.2.7", "***"),
        ("", "***"),
    ],
)
def test_only_scheme_host_and_port_are_shown(url: str, shown: str) -> None:
    assert without_secrets(url) == shown


around = st.text(st.characters(exclude_characters="/?#", codec="utf-8"), max_size=8)


@given(around, around, st.text(max_size=8), st.sampled_from("/?#"))
def test_no_part_of_a_login_path_query_or_fragment_is_shown(a: str, b: str, c: str, sep: str) -> None:
    for url in (
        f"https://{a}{MARK}{b}@host.example:8443/{c}",
        f"https://host.example:8443{sep}{a}{MARK}{b}{c}",
        f"https://user:{a}{sep}{MARK}{b}@host.example:8443",
    ):
        assert MARK not in without_secrets(url)


@given(st.text(string.printable, max_size=40))
def test_any_text_can_be_shown_and_stays_on_one_line(text: str) -> None:
    assert without_secrets(f"https://{text}").isprintable()
    assert without_secrets(text).isprintable()
