"""Opening hours as people write them, by the clock on the wall."""

from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.errors import ConfigError
from edge.people.hours import DAYS, OpeningHours

MONDAY = datetime(2026, 6, 1, tzinfo=timezone.utc)
days = st.sampled_from(DAYS)
clocks = st.integers(0, 24 * 60 - 1)
moments = st.integers(-5_000_000, 5_000_000).map(lambda minutes: MONDAY + timedelta(minutes=minutes))


def clock(minute: int) -> str:
    return f"{minute // 60:02d}:{minute % 60:02d}"


def open_minutes(hours: OpeningHours, begin: datetime, length: timedelta) -> int:
    return sum(hours.open(begin + timedelta(minutes=n)) for n in range(int(length.total_seconds() // 60)))


def at(day: str, time: str) -> datetime:
    """That day and time of a week in June 2026, UTC."""
    hour, minute = map(int, time.split(":"))
    return MONDAY + timedelta(days=DAYS.index(day), hours=hour, minutes=minute)


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        (
            "mon-fri 07:00-19:00",
            ["mon 07:00", "wed 12:00", "fri 18:59"],
            ["mon 06:59", "fri 19:00", "sat 12:00"],
        ),
        ("sat", ["sat 00:00", "sat 23:59"], ["fri 23:59", "sun 00:00"]),
        ("mon,wed 08:00-12:00", ["mon 08:00", "wed 11:59"], ["tue 09:00", "mon 12:00"]),
        ("mon-wed,sat 08:00-12:00", ["tue 08:00", "sat 08:00"], ["thu 08:00"]),
        ("mon-sun 22:00-06:00", ["mon 00:00", "sun 22:00", "mon 05:59"], ["mon 06:00", "sun 21:59"]),
        ("fri 22:00-06:00", ["fri 22:00", "sat 05:59"], ["fri 05:59", "sat 22:00"]),
        ("sun 22:00-06:00", ["sun 23:00", "mon 05:59"], ["mon 22:00", "sun 05:59"]),
        ("mon 22:00-00:00", ["mon 23:59"], ["tue 00:00", "mon 00:00"]),
        ("tue 00:00-24:00", ["tue 00:00", "tue 23:59"], ["mon 23:59", "wed 00:00"]),
        ("sat-mon 08:00-12:00", ["sat 08:00", "sun 08:00", "mon 08:00"], ["tue 08:00", "fri 08:00"]),
        ("  Mon - Fri  07:00 - 19:00 ", ["mon 07:00"], ["sat 07:00"]),
        ("mon, wed", ["mon 07:00", "wed 07:00"], ["tue 07:00"]),
    ],
)
def test_what_people_write(text: str, inside: list[str], outside: list[str]) -> None:
    hours = OpeningHours.parse([text], "UTC")
    assert [t for t in inside + outside if hours.open(at(*t.split()))] == inside


def test_several_texts_add_up_and_none_is_always() -> None:
    hours = OpeningHours.parse(["mon-fri 07:00-19:00", "sat 08:00-13:00"], "UTC")
    assert open_minutes(hours, MONDAY, timedelta(days=7)) == (5 * 12 + 5) * 60
    assert open_minutes(OpeningHours.parse([], "UTC"), MONDAY, timedelta(days=7)) == 7 * 24 * 60


def test_jakarta_is_seven_hours_ahead_all_year() -> None:
    hours = OpeningHours.parse(["mon-fri 07:00-19:00"], "Asia/Jakarta")
    for monday in (datetime(2026, 1, 5, tzinfo=timezone.utc), datetime(2026, 7, 6, tzinfo=timezone.utc)):
        assert not hours.open(monday - timedelta(minutes=1))
        assert hours.open(monday)
        assert hours.open(monday + timedelta(hours=11, minutes=59))
        assert not hours.open(monday + timedelta(hours=12))


@pytest.mark.parametrize(
    ("midnight", "opens_utc", "night_h"),
    [
        (datetime(2026, 3, 28, 23, tzinfo=timezone.utc), 5, 7),  # the night in which the clock goes forward
        (datetime(2026, 10, 24, 22, tzinfo=timezone.utc), 6, 9),  # and the one in which it goes back
        (datetime(2026, 6, 6, 22, tzinfo=timezone.utc), 5, 8),
    ],
)
def test_berlin_opens_by_the_clock_on_the_wall(midnight: datetime, opens_utc: int, night_h: int) -> None:
    day = OpeningHours.parse(["sun 07:00-19:00"], "Europe/Berlin")
    opening = midnight.replace(hour=opens_utc) + timedelta(days=1)
    assert not day.open(opening - timedelta(minutes=1))
    assert day.open(opening)
    assert open_minutes(day, midnight, timedelta(hours=25)) == 12 * 60
    night = OpeningHours.parse(["sat 22:00-06:00"], "Europe/Berlin")
    assert open_minutes(night, midnight - timedelta(hours=12), timedelta(hours=30)) == night_h * 60


def test_an_hour_that_comes_twice_is_open_twice_and_one_that_never_comes_not_at_all() -> None:
    hours = OpeningHours.parse(["sun 02:00-03:00"], "Europe/Berlin")
    assert open_minutes(hours, datetime(2026, 10, 24, 22, tzinfo=timezone.utc), timedelta(hours=25)) == 120
    assert open_minutes(hours, datetime(2026, 3, 28, 23, tzinfo=timezone.utc), timedelta(hours=23)) == 0


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("mno-fri 07:00-19:00", "'mno' is not a day"),
        ("mon-fry", "'fry' is not a day"),
        ("07:00-19:00", "'07:00' is not a day"),
        ("", "'' is not a day"),
        ("mon,,wed", "'' is not a day"),
        ("mon 7-19", "'7-19' is not a time of day written as from-until"),
        (
            "mon 08:00-12:00 13:00-17:00",
            "'08:00-12:00 13:00-17:00' is not a time of day written as from-until",
        ),
        ("mon 07:60-19:00", "'07:60-19:00': a day goes from 00:00 to 24:00"),
        ("mon 07:00-24:01", "'07:00-24:01': a day goes from 00:00 to 24:00"),
        ("mon 24:00-06:00", "'24:00-06:00': a day goes from 00:00 to 24:00"),
        ("mon 07:00-07:00", "'07:00-07:00' has no length"),
    ],
)
def test_a_mistake_says_what_was_found_and_what_is_allowed(text: str, found: str) -> None:
    with pytest.raises(ConfigError) as caught:
        OpeningHours.parse(["sat", text], "UTC")
    message = str(caught.value)
    assert message.startswith(f"hours {text!r}: {found}")
    assert "Allowed: days (mon, tue, wed, thu, fri, sat, sun; several as mon,wed or mon-fri)" in message
    assert '"mon-fri 07:00-19:00"' in message
    assert "\n" not in message


def test_all_mistakes_are_told_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        OpeningHours.parse(["never", "sat", "mon 25:00-26:00"], "UTC")
    assert [line.split(":")[0] for line in str(caught.value).splitlines()] == [
        "hours 'never'",
        "hours 'mon 25",
    ]


@pytest.mark.parametrize(
    "name", ["Asia/Jakrta", "asia/jakarta!", "Asia", "", "../etc/passwd", "/etc/localtime"]
)
def test_an_unknown_time_zone_is_named(name: str) -> None:
    with pytest.raises(ConfigError, match=r"Asia/Jakarta.*apt install tzdata") as caught:
        OpeningHours.parse([], name)
    assert str(caught.value).startswith(f"timezone {name!r}: ")


@given(days, days, clocks, clocks, moments)
def test_open_is_what_the_local_clock_says(first: str, last: str, a: int, b: int, utc: datetime) -> None:
    if a == b:
        b = a + 1
    hours = OpeningHours.parse([f"{first}-{last} {clock(a)}-{clock(b)}"], "Europe/Berlin")
    local = utc.astimezone(hours.zone)
    minute = local.hour * 60 + local.minute
    width = (DAYS.index(last) - DAYS.index(first)) % 7
    today = (local.weekday() - DAYS.index(first)) % 7 <= width
    yesterday = (local.weekday() - 1 - DAYS.index(first)) % 7 <= width
    expected = (today and a <= minute < b) if a < b else (today and minute >= a) or (yesterday and minute < b)
    assert hours.open(utc) == expected


@given(st.permutations(["mon-fri 07:00-19:00", "sat", "fri,sat 22:00-06:00"]), moments)
def test_the_order_of_the_texts_does_not_matter(texts: list[str], utc: datetime) -> None:
    assert OpeningHours.parse(texts, "UTC").open(utc) == OpeningHours.parse(sorted(texts), "UTC").open(utc)


@given(clocks, clocks, moments)
def test_a_span_and_its_complement_share_the_day(a: int, b: int, utc: datetime) -> None:
    if a == b:
        b = (a + 1) % (24 * 60)
    one = OpeningHours.parse([f"mon-sun {clock(a)}-{clock(b)}"], "Asia/Jakarta")
    other = OpeningHours.parse([f"mon-sun {clock(b)}-{clock(a)}"], "Asia/Jakarta")
    assert one.open(utc) != other.open(utc)
    assert one.open(utc) == one.open(utc + timedelta(days=7))
