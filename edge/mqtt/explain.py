"""Errors of a connection to a broker, as full sentences that say what to do."""

import socket
import ssl

from edge.clock import SystemClock, trusted
from edge.config import Mqtt

_NOT_YET_VALID, _EXPIRED = 9, 10
"""OpenSSL's X509_V_ERR_CERT_NOT_YET_VALID and X509_V_ERR_CERT_HAS_EXPIRED."""


def why_unreachable(settings: Mqtt, error: OSError | UnicodeError, timeout_s: float) -> str:
    """Explain why no connection could be made."""
    where = f"{settings.host}:{settings.port}"
    if isinstance(error, (socket.gaierror, UnicodeError)):
        return (
            f"the name {settings.host} can't be resolved ({error}): check [mqtt] host and the network's DNS"
        )
    if isinstance(error, ssl.SSLError):
        return _why_not_encrypted(where, error)
    if isinstance(error, ConnectionRefusedError):
        return (
            f"nothing listens at {where} (connection refused): is the broker running, is [mqtt] port right?"
        )
    if isinstance(error, TimeoutError):
        return (
            f"{where} does not answer within {timeout_s:g} s: is the network up, is [mqtt] host right, "
            "does a firewall close the port?"
        )
    if settings.transport == "websockets" and isinstance(error, ConnectionError):
        return (
            f"{where} does not speak WebSockets at {settings.shown_websocket_path} ({error}): check [mqtt] "
            'port and websocket_path, or set transport = "tcp"'
        )
    return f"{where} can't be reached ({error}): is the network up, is [mqtt] host right?"


def _why_not_encrypted(where: str, error: ssl.SSLError) -> str:
    """Explain a failed TLS handshake. A wrong clock is named: then the certificate is not the cause."""
    if not isinstance(error, ssl.SSLCertVerificationError):
        return (
            f"no encrypted connection to {where} ({error}): is [mqtt] port the broker's TLS port, and does "
            "the broker accept this device's cert_file?"
        )
    start = f"the certificate of {where} is not accepted ({error.verify_message})"
    if error.verify_code not in (_NOT_YET_VALID, _EXPIRED):
        return (
            f"{start}: check [mqtt] ca_file, that host is the name in the certificate, and this device's "
            "clock"
        )
    clock = SystemClock()
    says = f"this device's clock says {clock.utc():%Y-%m-%d %H:%M} UTC"
    if trusted(clock):
        return f"{start}: {says}; set it if that is wrong (timedatectl), else renew the broker's certificate"
    return (
        f"{start}: {says}, which can't be right. The device gets the time from the network, and connects as "
        "soon as it has it; let NTP through, or set the clock (timedatectl)"
    )


def why_silent(settings: Mqtt) -> str:
    """Explain that a connection was made, but the broker did not answer CONNECT."""
    plain = "" if settings.encrypted else " that needs no TLS"
    return (
        f"{settings.host}:{settings.port} accepts connections but does not answer: check that "
        f"[mqtt] port is the port of an MQTT broker{plain}, and that the broker works"
    )


def why_refused(settings: Mqtt, reason: str) -> str:
    """Explain why the broker refused the connection."""
    start = f"{settings.host}:{settings.port} refused"
    if reason in ("Not authorized", "Bad user name or password"):
        if settings.username is None and settings.cert_file is not None:
            return (
                f"{start} the certificate of {settings.cert_file} ({reason}): check the broker's access list"
            )
        if settings.username is None:
            return f"{start} a connection without login ({reason}): set [mqtt] username and password_file"
        user = settings.username
        return f"{start} the login of user {user!r} ({reason}): check [mqtt] username and password_file"
    return f"{start} the connection ({reason}): see the broker's log"


def why_lost(settings: Mqtt, reason: str) -> str:
    """Explain why a connection that worked has ended."""
    return f"the connection to {settings.host}:{settings.port} was lost ({reason}); connecting again"


def why_malformed(settings: Mqtt, error: Exception) -> str:
    """Explain that the broker has sent a packet that can't be read, and that the connection was ended."""
    reason = str(error) or type(error).__name__
    return (
        f"{settings.host}:{settings.port} sent a packet that breaks MQTT ({reason}): check that it is "
        "an MQTT broker, and that nothing on the way changes its packets; connecting again"
    )


def why_cut(settings: Mqtt) -> str:
    """Explain that one connection after the other ends after seconds, and that it is not a second client."""
    return (
        f"each connection to {settings.host}:{settings.port} is lost within seconds, without a word from "
        "the broker: check the network on the way, and the broker's log; connecting again"
    )


def why_replaced(settings: Mqtt, client_id: str, pause_s: float) -> str:
    """Explain that another client has taken our client id.

    Args:
        settings: the broker.
        client_id: ours.
        pause_s: seconds until we connect again.
    """
    return (
        f"another client calls itself {client_id!r} at {settings.host}:{settings.port} too. Is it a copied "
        f"card? Give every device its own [site] id and device. This one connects again in {pause_s:.0f} s, "
        "so that the two don't throw each other out all the time"
    )
