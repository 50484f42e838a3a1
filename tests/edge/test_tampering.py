"""Scenes with a known story, through a simple camera: light, gain, noise, gamma, clipping."""

from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise

import cv2
import numpy as np
import pytest
import skimage.data
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from edge.config import TamperingConfig
from edge.people.outcomes import TamperChange
from edge.people.tampering import TamperCheck
from edge.people.tampering.bystanders import Bystanders, covered
from edge.values import Box, Image

Light = NDArray[np.float32]
"""(H, W) float32: what reaches the sensor, 1 is white at gain 1."""
Story = Callable[[Light, float], Light]
"""What the camera sees at a time (s), given its scene."""

W, H = 320, 240
AFTER_S = 10.0
X, Y = (plane.astype(np.float32) for plane in np.meshgrid(np.arange(W), np.arange(H)))


def corridor() -> Light:
    """Walls, ceiling, tiles, doors, a lamp and a sign, in perspective."""
    near = np.array([[0, 0], [W, 0], [W, H], [0, H]], np.float32)
    far = np.array([[140, 75], [185, 75], [185, 125], [140, 125]], np.float32)
    picture = np.zeros((H, W), np.float32)
    for side, grey in enumerate((0.6, 0.45, 0.2, 0.5)):  # ceiling, right wall, floor, left wall
        after = (side + 1) % 4
        quad = np.array([near[side], near[after], far[after], far[side]])
        cv2.fillPoly(picture, [quad.astype(np.int32)], (grey,))
    cv2.rectangle(picture, (140, 75), (185, 125), (0.3,), -1)
    for depth in (0.2, 0.45, 0.62, 0.75, 0.85):  # tiles
        left, right = (tuple(map(int, near[k] + (far[k] - near[k]) * depth)) for k in (3, 2))
        cv2.line(picture, left, right, (0.1,), 1, cv2.LINE_AA)
    for x in range(0, W + 1, 64):
        cv2.line(picture, (x, H), (140 + x * 45 // W, 125), (0.1,), 1, cv2.LINE_AA)
    for door in ([[30, 65], [60, 72], [60, 185], [30, 215]], [[230, 80], [255, 76], [255, 180], [230, 160]]):
        cv2.fillPoly(picture, [np.array(door, np.int32)], (0.12,))
        cv2.polylines(picture, [np.array(door, np.int32)], isClosed=True, color=(0.8,), thickness=2)
    cv2.fillPoly(picture, [np.array([[130, 20], [190, 20], [175, 45], [150, 45]], np.int32)], (1.0,))
    cv2.putText(picture, "EXIT", (145, 100), cv2.FONT_HERSHEY_PLAIN, 0.8, (0.9,), 1)
    return np.clip(cv2.GaussianBlur(picture, (0, 0), 0.5), 0.01, 1)


def photo(name: str) -> Light:
    """A picture that comes with scikit-image."""
    grey = cv2.cvtColor(getattr(skimage.data, name)(), cv2.COLOR_RGB2GRAY)
    return (cv2.resize(grey, (W, H), interpolation=cv2.INTER_AREA) / np.float32(255)) ** 2.2


SCENES = {"corridor": corridor(), "astronaut": photo("astronaut"), "coffee": photo("coffee")}
OTHER = photo("chelsea")


class Camera:
    """Turns light into pictures; its gain follows the light, up to a limit."""

    def __init__(self, seed: int = 0, max_gain: float = 8.0, *, auto: bool = True, quality: int = 0) -> None:
        self._random = np.random.default_rng(seed)
        self._noise = self._random.standard_normal((H + 32, W + 32)).astype(np.float32)
        self._gain, self._max_gain, self._auto, self._quality = 1.0, max_gain, auto, quality

    def shoot(self, light: Light) -> Image:
        dy, dx = self._random.integers(0, 32, 2)
        electrons = light * 8000
        noise = self._noise[dy : dy + H, dx : dx + W] * np.sqrt(electrons + 16)
        signal = np.clip((electrons + noise * self._random.choice((-1, 1))) / 8000 * self._gain, 0, 1)
        if self._auto:
            wanted = np.clip(self._gain * 0.18 / max(float(signal.mean()), 1e-4), 1 / 16, self._max_gain)
            self._gain *= float(wanted / self._gain) ** 0.5
        picture = (signal ** (1 / 2.2) * 255).astype(np.uint8)
        if self._quality:
            packed = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, self._quality])[1]
            picture = cv2.imdecode(packed, cv2.IMREAD_GRAYSCALE)
        return cv2.merge([picture] * 3)


def times(until_s: float, step_s: float = 1.0) -> Iterator[float]:
    return (k * step_s for k in range(round(until_s / step_s)))


def watch(check: TamperCheck, film: Iterable[tuple[Image, float]]) -> list[tuple[float, TamperChange]]:
    return [(now, change) for image, now in film if (change := check.update(image, now))]


def film(
    scene: Light, story: Story, until_s: float, camera: Camera, step_s: float = 1.0
) -> Iterator[tuple[Image, float]]:
    return ((camera.shoot(story(scene, t)), t) for t in times(until_s, step_s))


def check() -> TamperCheck:
    return TamperCheck(TamperingConfig(after_s=AFTER_S))


def lamp(x: float, y: float, radius: float) -> Light:
    return np.exp(-((X - x) ** 2 + (Y - y) ** 2) / (2 * radius**2))


def moved(scene: Light, dx: float, dy: float = 0.0, turn_deg: float = 0.0) -> Light:
    matrix = cv2.getRotationMatrix2D((W / 2, H / 2), turn_deg, 1.0)
    matrix[:, 2] = matrix[:, 2] + (dx, dy)
    # the plain interpolation would blur
    return np.clip(
        cv2.warpAffine(scene, matrix, (W, H), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT), 0, 1
    )


def blurred(scene: Light, sigma: float) -> Light:
    return np.asarray(cv2.GaussianBlur(scene, (0, 0), sigma), dtype=np.float32)


def person(picture: Light, x: float, top: float, width: float) -> Light:
    """Somebody with a head and a striped coat, before a picture."""
    shape = np.zeros((H, W), np.float32)
    cv2.ellipse(shape, (int(x), int(top + width / 3)), (int(width / 4), int(width / 3)), 0, 0, 360, (1,), -1)
    cv2.ellipse(
        shape, (int(x), int(top + width * 2.2)), (int(width / 2), int(width * 1.6)), 0, 0, 360, (1,), -1
    )
    coat = 0.25 + 0.15 * np.sin((X - x) / width * 25) + 0.1 * np.sin((Y - top) / width * 9)
    return picture * (1 - shape) + coat * shape


# --- tamperings ---

HAND = 0.05 + 0.1 * X / W + 0.05 * lamp(100, 80, 60)
TAMPERINGS: dict[str, tuple[str, Story]] = {
    "hand": ("covered", lambda _s, t: HAND + 0.02 * np.float32(np.sin(t))),
    "paper": ("covered", lambda _s, _t: 0.5 + 0.2 * Y / H),
    "tape": ("covered", lambda s, _t: 0.1 * blurred(s, 40) + 0.1),
    "cloth": ("covered", lambda _s, _t: 0.05 + 0.04 * np.sin(X / 18) * np.sin(Y / 12 + X / 30)),
    "other view": ("turned", lambda _s, _t: OTHER),
    "aside": ("turned", lambda s, _t: moved(s, 100, 10)),
    "panned": ("turned", lambda s, t: moved(s, min(150, 40 * (t - 30)))),
    "rolled": ("turned", lambda s, _t: moved(s, 0, 0, 20)),
    "out of focus": ("defocused", lambda s, _t: blurred(s, 3)),
    "far out of focus": ("defocused", lambda s, _t: blurred(s, 6)),
    "opaque": ("too dark", lambda s, _t: s * 1e-5),
    "torch": ("overexposed", lambda s, _t: s + 5000 * lamp(150, 120, 100)),
}


@pytest.mark.slow
@pytest.mark.parametrize("scene", SCENES)
@pytest.mark.parametrize("kind", TAMPERINGS)
def test_a_tampering_is_opened_in_time_and_closed_when_it_is_over(kind: str, scene: str) -> None:
    reason, tampered = TAMPERINGS[kind]

    def story(s: Light, t: float) -> Light:
        return tampered(s, t) if 30 <= t < 60 else s

    (opened_s, opened), (closed_s, closed) = watch(
        check(), film(SCENES[scene], story, 80, Camera(), step_s=0.5)
    )
    assert (opened.opened, opened.reason) == (True, reason)
    assert (closed.opened, closed.reason) == (False, reason)
    assert 30 + AFTER_S <= opened_s <= 30 + AFTER_S + 5
    assert 60 <= closed_s <= 65
    assert opened.duration_s == pytest.approx(AFTER_S, abs=1)
    assert closed.duration_s - opened.duration_s == pytest.approx(closed_s - opened_s)
    for message in (opened.message, closed.message):
        assert any(character.isdigit() for character in message)
        assert message.endswith(".")


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["cloth", "out of focus"])
def test_a_crowd_that_hides_the_view_is_no_tampering_as_long_as_faces_are_seen(kind: str) -> None:
    _, hidden = TAMPERINGS[kind]
    watched = check()
    told = [
        (t, change)
        for image, t in film(SCENES["corridor"], lambda s, t: hidden(s, t) if t >= 30 else s, 90, Camera())
        if (change := watched.update(image, t, face_seen=30 <= t < 60))
    ]
    assert [change.opened for _, change in told] == [True]
    assert told[0][0] >= 60 + AFTER_S


@pytest.mark.parametrize("kind", ["other view", "torch", "opaque"])
def test_a_face_excuses_no_other_view_and_no_light(kind: str) -> None:
    reason, tampered = TAMPERINGS[kind]
    watched = check()
    told = [
        change
        for image, t in film(SCENES["corridor"], lambda s, t: tampered(s, t) if t >= 30 else s, 60, Camera())
        if (change := watched.update(image, t, face_seen=True))
    ]
    assert [change.reason for change in told] == [reason]


def wall_with_person(width: float) -> tuple[Light, Box]:
    """A plain wall with a switch, and before it somebody whose face is that wide."""
    picture = np.full((H, W), 0.4, np.float32)
    cv2.rectangle(picture, (286, 96), (304, 120), (0.1,), 2)
    size = round(4 * width)
    body = cv2.resize(photo("astronaut"), (size, size), interpolation=cv2.INTER_LINEAR)
    x, y = 150 - size // 2, 60
    left, right, bottom = max(0, x), min(W, x + size), min(H, y + size)
    picture[y:bottom, left:right] = body[: bottom - y, left - x : right - x]
    # the astronaut's face lies at 0.44 across and 0.21 down and is 0.2 wide
    face = Box(x + 0.34 * size, y + 0.09 * size, x + 0.54 * size, y + 0.33 * size)
    return picture, face


@pytest.mark.slow
@pytest.mark.parametrize(
    ("share", "expected"), [(1, []), (0, ["turned"])], ids=["faces known", "faces not known"]
)
def test_somebody_near_and_far_before_a_plain_wall_is_no_other_view(share: int, expected: list[str]) -> None:
    watched, camera, changes = check(), Camera(), []
    for t in times(80, 0.5):
        picture, face = wall_with_person(60.0 if t < 30 else 24.0)
        if change := watched.update(camera.shoot(picture), t, face_seen=True, people=[face] * share):
            changes.append(change.reason)
    assert changes == expected


@pytest.mark.slow
def test_a_camera_that_is_turned_away_before_people_is_noticed_once_they_left() -> None:
    watched, camera, changes = check(), Camera(), []
    for t in times(90, 0.5):
        scene, people = (SCENES["corridor"], []) if t < 30 else (OTHER, [Box(100, 60, 150, 120)])
        if change := watched.update(camera.shoot(scene), t, people=people if t < 60 else []):
            changes.append((t, change.reason))
    assert [reason for _, reason in changes] == ["turned"]


@given(
    st.floats(0, 600), st.floats(0, 400), st.floats(8, 300), st.integers(160, 1920), st.integers(120, 1080)
)
def test_who_covers_a_cell_covers_all_below_it(x: float, y: float, w: float, width: int, height: int) -> None:
    cells = covered(Box(x, y, x + w, y + 1.2 * w), (width, height))
    assert cells.shape == (6, 8)
    assert all(cells[row + 1][cells[row]].all() for row in range(5))
    wider = covered(Box(x - w, y, x + 2 * w, y + 1.2 * w), (width, height))
    assert (wider | ~cells).all()


def test_what_people_covered_is_free_again_after_some_seconds() -> None:
    bystanders, face = Bystanders(), Box(100, 60, 150, 120)
    assert not bystanders.update([face], (W, H), 10.0).all()
    assert not bystanders.update([], (W, H), 12.0).all()
    assert bystanders.update([], (W, H), 14.0).all()


def test_a_short_one_is_no_event() -> None:
    assert not watch(
        check(), film(SCENES["corridor"], lambda s, t: HAND if 30 <= t < 37 else s, 60, Camera())
    )


# --- what is no tampering ---


def night(s: Light, _t: float) -> Light:
    return s / 60


def motion_sensor(s: Light, t: float) -> Light:
    return s if t % 60 < 20 else s * (1 / 100 + 0.03 * lamp(250, 40, 25))


def all_but_black(s: Light, t: float) -> Light:
    return s if t % 60 < 20 else s / 1500


def exit_sign_only(s: Light, t: float) -> Light:
    return s if t % 300 < 30 else s * (1 / 5000 + 0.05 * lamp(160, 97, 15))


def smeared_night(s: Light, t: float) -> Light:
    """A camera's noise reduction takes the detail away when the light goes out."""
    return s if t % 60 < 20 else blurred(s, 2.5) / 200


def dusk(s: Light, t: float) -> Light:
    return s * (0.02 + np.float32(np.exp(-t / 100)) * (0.5 + lamp(320 - t / 2, 100, 80)))


def headlights(s: Light, t: float) -> Light:
    return s / 50 + (s * lamp(t % 20 * 60 - 100, 130, 50) if t % 20 < 8 else 0)


def flicker(s: Light, t: float) -> Light:
    phase = t * 37.7 % 6.28
    return s * (1 + 0.1 * np.float32(np.cos(3 * phase))) * (1 + 0.3 * np.sin(Y / H * 12 + phase))


def exposure_jumps(s: Light, t: float) -> Light:
    return s * (1.0, 3.0, 0.3, 0.7)[int(t / 6) % 4]


def sun_patch(s: Light, t: float) -> Light:
    return s * (1 + 8 * (np.abs(X - t / 3 - Y * 0.4) < 40).astype(np.float32))


def door(s: Light, t: float) -> Light:
    if t % 60 < 30:
        return s
    s = s.copy()
    s[40:220, 110:210] = OTHER[40:220, 110:210] * (0.2 if t % 120 < 60 else 5)
    return s


def infrared(s: Light, t: float) -> Light:
    return s if t % 240 < 120 else np.sqrt(s) * (0.02 + 0.1 * lamp(160, 120, 100))


def close_group(s: Light, t: float) -> Light:
    if t > 15 and t % 30 < 8:
        for k in range(5):
            s = person(s, 20 + 70 * k + 3 * np.sin(t + k), -40, 150)
    return s


def walking_group(s: Light, t: float) -> Light:
    for k in range(8):
        s = person(s, (k * 97 + t * (20 + 7 * k) * (-1) ** k) % (W + 100) - 50, 30 + 11 * k, 50 + 5 * k)
    return s


def somebody_waits(s: Light, t: float) -> Light:
    return person(s, 190 + 2 * np.sin(t / 3), 10, 190) if 30 < t < 270 else s


NO_TAMPERING: list[Story] = [
    night, motion_sensor, all_but_black, exit_sign_only, smeared_night, dusk, headlights, flicker,
    exposure_jumps, sun_patch, door, infrared, close_group, walking_group, somebody_waits,
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("story", NO_TAMPERING, ids=lambda story: story.__name__)
def test_what_happens_in_a_corridor_is_no_tampering(story: Story) -> None:
    assert not watch(check(), film(SCENES["corridor"], story, 240, Camera()))
    assert not watch(check(), film(SCENES["coffee"], story, 120, Camera(quality=30)))


@pytest.mark.slow
@pytest.mark.parametrize("scene", SCENES)
def test_a_camera_that_shakes_is_not_out_of_focus(scene: str) -> None:
    def story(s: Light, t: float) -> Light:
        return moved(s, *np.random.default_rng(int(t * 4)).normal(0, 2.5, 2)) if t > 10 else s

    assert not watch(check(), film(SCENES[scene], story, 40, Camera(), step_s=0.25))


@pytest.mark.slow
def test_the_view_is_remembered_over_the_night() -> None:
    def story(s: Light, t: float) -> Light:
        return s if t < 60 else s / 300 if t < 1500 else OTHER

    ((opened_s, opened),) = watch(check(), film(SCENES["corridor"], story, 1530, Camera(), step_s=2))
    assert opened.reason == "turned"
    assert opened_s >= 1500 + AFTER_S


@pytest.mark.slow
def test_a_day_and_a_night_are_no_tampering() -> None:
    def story(s: Light, t: float) -> Light:
        day = 0.5 + 0.5 * np.cos(2 * np.pi * t / 86400)
        return s * np.float32(0.01 ** (1 - day)) * (0.3 + lamp(W * t / 86400, 100, 80))

    # a service whose camera stands still between two looks would start anew: the gap is just short of that
    sped_up = ((image, t / 20) for image, t in film(SCENES["corridor"], story, 86400, Camera(), step_s=90))
    assert not watch(check(), sped_up)


# --- the start, new views, gaps ---


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["hand", "paper", "opaque", "torch"])
def test_what_is_there_from_the_start_is_reported_and_closed_with_the_first_view(kind: str) -> None:
    reason, tampered = TAMPERINGS[kind]

    def story(s: Light, t: float) -> Light:
        return tampered(s, t) if t < 40 else s

    changes = watch(check(), film(SCENES["corridor"], story, 90, Camera(), step_s=0.5))
    assert [(c.opened, c.reason) for _, c in changes] == [(True, reason), (False, reason)]
    assert changes[0][0] <= AFTER_S + 5
    assert 40 <= changes[1][0] <= 46


@pytest.mark.slow
@pytest.mark.parametrize("glow", [(160, 97), (60, 200)], ids=["sign", "something else"])
def test_a_start_in_the_dark_is_no_tampering_in_the_morning(glow: tuple[float, float]) -> None:
    def story(s: Light, t: float) -> Light:
        return s / 1e5 + 0.02 * lamp(*glow, 6) if t < 120 else s

    assert not watch(check(), film(SCENES["corridor"], story, 240, Camera()))


@pytest.mark.slow
def test_a_hand_is_noticed_in_the_noise_of_the_night() -> None:
    def story(s: Light, t: float) -> Light:
        return (HAND if t >= 30 else s) / 100

    changes = watch(check(), film(SCENES["coffee"], story, 60, Camera(max_gain=64), step_s=0.5))
    assert [(c.opened, c.reason) for _, c in changes] == [(True, "covered")]


@pytest.mark.slow
def test_a_new_view_that_stays_becomes_the_reference() -> None:
    story: Story = lambda s, t: s if t < 60 or t >= 900 else OTHER  # noqa: E731
    changes = watch(check(), film(SCENES["astronaut"], story, 1000, Camera()))
    assert [(c.opened, c.reason) for _, c in changes] == [
        (True, "turned"),
        (False, "turned"),
        (True, "turned"),
    ]
    opened, relearned, back = (t for t, _ in changes)
    assert relearned == pytest.approx(opened + 600, abs=3)
    assert "10 minutes" in changes[1][1].message
    assert 900 + AFTER_S <= back <= 915


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["hand", "out of focus"])
def test_only_a_view_is_learned(kind: str) -> None:
    reason, tampered = TAMPERINGS[kind]

    def story(s: Light, t: float) -> Light:
        return tampered(s, t) if t >= 60 else s

    changes = watch(check(), film(SCENES["corridor"], story, 1500, Camera(), step_s=3))
    assert [(c.opened, c.reason) for _, c in changes] == [(True, reason)]


def test_a_pause_proves_nothing() -> None:
    camera, hand = Camera(), Camera(1)
    subject = check()
    assert not watch(subject, film(SCENES["corridor"], lambda s, _: s, 30, camera))
    assert not watch(subject, ((hand.shoot(HAND), 30 + t) for t in times(5)))
    assert not watch(subject, ((hand.shoot(HAND), 600 + t) for t in times(AFTER_S)))


@pytest.mark.slow
def test_pictures_that_come_fast_are_skipped() -> None:
    camera = Camera()
    slow = list(film(SCENES["corridor"], lambda s, t: s if t < 20 else HAND, 40, camera, step_s=0.25))
    black = np.zeros((H, W, 3), np.uint8)
    fast = (each for image, now in slow for each in ((image, now), (black, now + 0.1), (black, now + 0.2)))
    assert watch(check(), fast) == watch(check(), slow) != []


def test_it_can_be_switched_off() -> None:
    off = TamperCheck(TamperingConfig(enabled=False))
    assert not watch(off, film(SCENES["corridor"], lambda _s, _t: HAND, 60, Camera()))


def test_what_lies_between_the_limits_keeps_it_open() -> None:
    white = np.full((H, W, 3), 255, np.uint8)
    pictures = [Camera().shoot(SCENES["coffee"]) for _ in range(4)]

    def half(share: float, k: int) -> Image:
        image = pictures[k % 4].copy()
        image[:, : int(W * share)] = white[:, : int(W * share)]
        return image

    shares = [0.0] * 20 + [0.8] * 20 + [0.65, 0.72] * 20 + [0.0] * 10
    changes = watch(check(), ((half(share, k), float(k)) for k, share in enumerate(shares)))
    assert [(c.opened, c.reason) for _, c in changes] == [(True, "overexposed"), (False, "overexposed")]
    assert changes[1][0] >= 80


@pytest.mark.slow
@pytest.mark.parametrize("size", [(64, 48), (480, 270), (1280, 720)])
def test_any_size_of_picture_will_do(size: tuple[int, int]) -> None:
    frames = film(SCENES["astronaut"], lambda s, t: s if t < 30 else OTHER, 50, Camera())
    changes = watch(
        check(), ((np.asarray(cv2.resize(image, size), dtype=np.uint8), now) for image, now in frames)
    )
    assert [(c.opened, c.reason) for _, c in changes] == [(True, "turned")]


# --- properties ---

_CAMERA = Camera()
STILLS = [
    [_CAMERA.shoot(light) for _ in range(3)]
    for light in (SCENES["astronaut"], HAND, OTHER, blurred(SCENES["astronaut"], 4), HAND * 1e-5, HAND * 1e4)
]
# steps and shifts without rounding, so that nothing hangs on the last bit
phases = st.lists(
    st.tuples(st.integers(0, len(STILLS) - 1), st.integers(1, 40), st.sampled_from([0.25, 1.0, 4.0, 60.0])),
    max_size=8,
)


def played(script: list[tuple[int, int, float]], start_s: float) -> list[tuple[float, TamperChange]]:
    now, pictures = start_s, []
    for which, count, step_s in script:
        for k in range(count):
            pictures.append((STILLS[which][k % 3], now))
            now += step_s
    return watch(check(), pictures)


@pytest.mark.slow
@settings(max_examples=30, deadline=None)
@given(phases)
def test_every_opened_one_closes_once_before_the_next(script: list[tuple[int, int, float]]) -> None:
    changes = [c for _, c in played(script, 0.0)]
    assert all(c.opened == (k % 2 == 0) for k, c in enumerate(changes))
    assert all(b.reason == a.reason for a, b in pairwise(changes) if a.opened)
    assert all(c.duration_s >= AFTER_S - 1e-6 for c in changes)


@pytest.mark.slow
@settings(max_examples=15, deadline=None)
@given(phases, st.integers(-(10**6), 10**6))
def test_a_time_shift_does_not_matter(script: list[tuple[int, int, float]], shift_s: int) -> None:
    one, two = played(script, 0.0), played(script, float(shift_s))
    assert [(c.opened, c.reason) for _, c in one] == [(c.opened, c.reason) for _, c in two]
    assert [t for t, _ in two] == pytest.approx([t + shift_s for t, _ in one], abs=1e-3)
