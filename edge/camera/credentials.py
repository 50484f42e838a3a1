"""What proves who a network camera is, and who we are: certificate, user name and password."""

import hashlib
import socket
import ssl
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from edge.camera.shown import shown_source
from edge.camera.state import CameraSettings
from edge.config.secret_files import credential_hint
from edge.errors import CameraError, ConfigError
from edge.files import open_plain

_PASSWORD_BYTES = 4096
_ENCRYPTED = ("https", "rtsps")


class Login(NamedTuple):
    """User name and password."""

    user: str
    password: str


def login_of(settings: CameraSettings) -> Login | None:
    """The login for a camera: the user name stands in its URL, the password there or in ``password_file``.

    Raises:
        ConfigError: the file can't be used, or there is no user name or a second password.
    """
    parts = urlsplit(settings.source)
    user = unquote(parts.username or "")
    if settings.password_file is None:
        return Login(user, unquote(parts.password or "")) if user else None
    if not user:
        raise ConfigError(
            "camera.password_file is given, and no user name: write it into camera.source, as in "
            f"{parts.scheme}://USER@HOST/PATH"
        )
    if parts.password is not None:
        raise ConfigError("camera.source holds a password, and camera.password_file another: keep the file")
    return Login(user, _read_password(settings.password_file))


def _read_password(path: Path) -> str:
    key = "camera.password_file"
    try:
        with open_plain(path, follow=True) as file:
            data = file.read(_PASSWORD_BYTES + 1)
        lines = data.decode("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as e:
        raise ConfigError(
            f"{key}: {path} can't be read ({e}): put the camera's password into it as UTF-8 text, readable "
            f"for the user that runs maskgate{credential_hint(path)}"
        ) from e
    if len(data) > _PASSWORD_BYTES or "\0" in (lines or [""])[0]:
        raise ConfigError(f"{key}: {path} is not a text file with a password on its first line")
    if not lines or not lines[0]:
        raise ConfigError(f"{key}: {path} is empty: put the password on its first line")
    return lines[0]


def tls_context(settings: CameraSettings) -> ssl.SSLContext:
    """How to speak TLS to a camera: its certificate is checked, unless the configuration pins or waives it.

    Raises:
        ConfigError: ``ca_file`` can't be read or holds no certificate.
    """
    try:
        if settings.ca_file is not None:
            open_plain(settings.ca_file, follow=True).close()  # a pipe would be waited for without an end
        # Without a file: the system's authorities.
        context = ssl.create_default_context(cafile=settings.ca_file)
    except OSError as e:  # ssl.SSLError is one
        raise ConfigError(
            f"camera.ca_file: {settings.ca_file} can't be used ({e}): give a PEM file"
            f"{credential_hint(settings.ca_file)}"
        ) from e
    if settings.certificate == "insecure" or settings.certificate_sha256 is not None:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def secured(plain: socket.socket, settings: CameraSettings) -> ssl.SSLSocket:
    """Speak TLS over a connection, and check who answers before anything is sent.

    Raises:
        CameraError: the certificate is not the pinned one, or can't be verified.
        OSError: the connection broke off.
    """
    shown, parts = shown_source(settings.source), urlsplit(settings.source)
    context = tls_context(settings)
    try:
        tls = context.wrap_socket(plain, server_hostname=parts.hostname)
    except ssl.SSLCertVerificationError as e:
        raise CameraError(
            f"{shown}: its certificate can't be trusted ({e.verify_message}). Nothing was sent. Give "
            "camera.ca_file with the certificate of who signed it, or pin the camera's own: "
            "camera.certificate_sha256 = the SHA-256 fingerprint that the camera's own page shows"
        ) from e
    pinned = settings.certificate_sha256
    if pinned is not None:
        shows = hashlib.sha256(tls.getpeercert(binary_form=True) or b"").hexdigest()
        if shows != pinned.replace(":", "").lower():
            tls.close()
            raise CameraError(
                f"{shown}: its certificate has the SHA-256 fingerprint {shows}, which is not the pinned "
                "camera.certificate_sha256. Nothing was sent. If the camera got a new certificate, pin that"
            )
    return tls


def check_security(settings: CameraSettings) -> None:
    """Check that all files can be used.

    Raises:
        ConfigError: one can't, or one is given for a camera whose address does not encrypt.
    """
    login_of(settings)
    if urlsplit(settings.source).scheme.lower() in _ENCRYPTED:
        tls_context(settings)
        return
    given = [key for key in ("ca_file", "certificate_sha256") if getattr(settings, key) is not None]
    if given:
        raise ConfigError(
            f"camera.{given[0]} is given, and nothing encrypts the way to {shown_source(settings.source)}: "
            "write https:// or rtsps://, or take the key away"
        )
