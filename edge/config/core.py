"""The sections that every device has: site, camera, models, faces, decision, outbox, reporting."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from edge.config.secret_files import Secret
from edge.config.section import SHIPPED_MODELS, File, Fingerprint, Name, Section, state_dir


def _no_speaker(device: str) -> str:
    if device.endswith("-speaker"):
        own = device.removesuffix("-speaker")
        raise ValueError(
            f"names that end in -speaker belong to speakers: name this device {own}, and its speaker will be "
            f"called {device}"
        )
    return device


class SiteConfig(Section):
    """Where the device stands; these names become topic levels."""

    id: Name = Field("site-1", examples=["headquarters"])
    """One for each building."""
    device: Annotated[Name, AfterValidator(_no_speaker)] = Field("gate-1", examples=["north-door"])
    """One for each entrance of the building; no two devices may share both names."""
    zone: Name = Field("entrance", examples=["lobby"])
    """The name of the whole picture if no ``[[zones]]`` divide it."""


class CameraConfig(Section):
    """Where pictures come from."""

    source: str = Field("/dev/video0", min_length=1, examples=["rtsp://user:password@192.0.2.7/stream1"])
    """A V4L2 device, ``rtsp://``, ``http://``, ``picamera``, ``gst:`` and a pipeline, a clip, or a folder."""
    width: int = Field(640, ge=160, le=7680, examples=[640])
    """The width to ask the camera for, in px; if it sends another one, that is used."""
    height: int = Field(480, ge=120, le=4320, examples=[480])
    """The height to ask the camera for, in px."""
    fps: float = Field(15.0, gt=0, le=120, examples=[15.0])
    """The pictures per second to ask the camera for."""
    rotate: Literal[0, 90, 180, 270] = Field(0, examples=[90])
    """Turns every picture clockwise by this many degrees: for a camera that hangs on its side or head."""
    flip: bool = Field(False, examples=[True])
    """Mirrors every picture left to right, after ``rotate``."""
    open_timeout_s: float = Field(10.0, gt=0, le=120, examples=[10.0])
    """How long the camera may take to open."""
    read_timeout_s: float = Field(5.0, gt=0, le=120, examples=[5.0])
    """How long the next picture may take before the camera is opened again."""
    frozen_after_s: float = Field(10.0, gt=0, examples=[10.0])
    """A picture that stays exactly the same this long is a fault."""
    password_file: Secret | None = Field(None, examples=["/etc/maskgate/camera-password"])
    """The password on its first line, so that none stands in ``source``; the user name stands there."""
    ca_file: Secret | None = Field(None, examples=["/etc/maskgate/camera-ca.pem"])
    """Who signed the certificate of an https or rtsps camera; without it, the system's authorities."""
    certificate_sha256: Fingerprint | None = Field(None, examples=["3f9a" * 16])
    """Pins the camera's certificate by its SHA-256 fingerprint: only this one is taken, whoever signed it."""
    certificate: Literal["verified", "insecure"] = Field("verified", examples=["verified"])
    """``insecure`` takes any: anybody on the way can then pretend to be the camera and read its password."""
    max_megapixels: float = Field(16.0, gt=0, le=100, examples=[16.0])
    """Larger pictures are not decoded, because they would take too much memory: about 6 MB a megapixel."""
    fault_after_s: float = Field(15.0, gt=0, examples=[15.0])
    """A camera that fails this long is reported as ``camera.fault``."""

    @model_validator(mode="after")
    def _insecure_is_a_decision(self) -> "CameraConfig":
        if self.certificate == "insecure" and (self.ca_file or self.certificate_sha256):
            raise ValueError(
                'certificate = "insecure" takes any: ca_file or certificate_sha256 would mean '
                "nothing: keep one of them"
            )
        return self


class Models(Section):
    """The two models and what runs them."""

    mask: File = Field(SHIPPED_MODELS / "mask.tflite", examples=["/usr/share/maskgate/models/mask.tflite"])
    """The mask classifier; its contract ``.json`` lies beside it."""
    face: File = Field(SHIPPED_MODELS / "face.tflite", examples=["/usr/share/maskgate/models/face.tflite"])
    """The face detector; its contract ``.json`` lies beside it."""
    runtime: Literal["auto", "litert", "tflite"] = Field("auto", examples=["auto"])
    """``auto`` takes LiteRT where it is installed, and tflite-runtime elsewhere."""
    threads: int = Field(1, ge=1, le=8, examples=[1])
    """Threads of one inference."""
    mask_threshold: float | None = Field(None, gt=0, lt=1, examples=[0.5])
    """Overrides the model's own threshold."""
    detector_score: float | None = Field(None, gt=0, lt=1, examples=[0.75])
    """What the detector finds with a lower score is not a face; overrides the model's own threshold."""


class Faces(Section):
    """Which faces can be judged; all others are ``cannot_judge`` and never raise an alarm."""

    min_width_px: float = Field(20.0, ge=8, examples=[20.0])
    """Narrower faces are too small to judge."""
    min_sharpness: float = Field(10.0, ge=0, examples=[10.0])
    """Variance of the Laplacian of the face's luma at 48x48."""
    min_brightness: float = Field(25.0, ge=0, le=255, examples=[25.0])
    """Mean luma of the face, 0 to 255; darker faces are not judged."""
    max_brightness: float = Field(245.0, ge=0, le=255, examples=[245.0])
    """Mean luma of the face, 0 to 255; brighter faces are not judged."""
    max_turn: float = Field(1.2, gt=0, examples=[1.2])
    """Nose tip's distance from the middle of the eyes, in half eye distances: 0 frontal, 1 profile."""


class Decision(Section):
    """When several looks at a person become a verdict, and a verdict becomes a violation."""

    min_looks: int = Field(3, ge=2, examples=[3])
    """A verdict needs at least this many looks at the person..."""
    min_time_s: float = Field(0.4, ge=0, examples=[0.4])
    """...over at least this time."""
    evidence: float = Field(5.0, gt=0, examples=[5.0])
    """The pooled log-odds that decide about a person; 5 is 150 to 1."""
    recheck_s: float = Field(0.5, gt=0, examples=[0.5])
    """How often a decided person is looked at again: masks come off."""
    revisit_s: float = Field(2.0, gt=0, examples=[2.0])
    """A person not seen for this long has left; who comes later is another person: nobody is recognised."""


class OutboxConfig(Section):
    """Events that the broker has not acknowledged yet."""

    path: File = Field(
        default_factory=lambda: state_dir() / "outbox.sqlite", examples=["/var/lib/maskgate/outbox.sqlite"]
    )
    """The SQLite file that holds them."""
    max_rows: int = Field(100_000, ge=100, examples=[100_000])
    """The most events that are kept; beyond that the oldest summaries are dropped first."""
    max_bytes: int = Field(100_000_000, ge=1_000_000, examples=[100_000_000])
    """The most bytes of the events' bodies; the file is about a tenth larger."""
    max_age_days: float = Field(90.0, gt=0, examples=[90.0])
    """Older events are dropped."""


class Reporting(Section):
    """What ops receives besides violations."""

    health_every_s: float = Field(15.0, ge=1, examples=[15.0])
    """How often ``health`` is sent."""
    summary_every_s: float = Field(60.0, ge=1, examples=[60.0])
    """How often ``summary`` is sent; each counts what happened since the one before."""
