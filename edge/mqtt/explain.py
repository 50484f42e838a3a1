"""What went wrong with a broker, as full sentences with the way out."""

import socket
import ssl

from edge.config import Mqtt


def why_unreachable(settings: Mqtt, error: OSError | UnicodeError, timeout_s: float) -> str:
    """Why no connection could be made at all."""
    where = f"{settings.host}:{settings.port}"
    if isinstance(error, (socket.gaierror, UnicodeError)):
        return (
            f"the name {settings.host} can't be resolved ({error}): check [mqtt] host and the network's DNS"
        )
    if isinstance(error, ConnectionRefusedError):
        return (
            f"nothing listens at {where} (connection refused): is the broker running, is [mqtt] port right?"
        )
    if isinstance(error, ssl.SSLCertVerificationError):
        return (
            f"the certificate of {where} is not accepted ({error.verify_message}): check [mqtt] ca_file, "
            "that host is the name in the certificate, and this device's clock"
        )
    if isinstance(error, ssl.SSLError):
        return (
            f"no encrypted connection to {where} ({error}): is [mqtt] port the broker's TLS port, and does "
            "the broker accept this device's cert_file?"
        )
    if isinstance(error, TimeoutError):
        return (
            f"{where} does not answer within {timeout_s:.0f} s: is the network up, is [mqtt] host right, "
            "does a firewall close the port?"
        )
    return f"{where} can't be reached ({error}): is the network up, is [mqtt] host right?"


def why_silent(settings: Mqtt, protocol: str) -> str:
    """Why a connection that was made ended before the broker said yes or no."""
    other = "3.1.1" if protocol == "5" else "5"
    plain = "" if settings.ca_file else " that needs no TLS"
    return (
        f"{settings.host}:{settings.port} accepts connections but does not answer: check that [mqtt] port is "
        f'the port of an MQTT broker{plain}; and if it speaks only MQTT {other} set protocol = "{other}"'
    )


def why_refused(settings: Mqtt, reason: str) -> str:
    """Why the broker said no."""
    start = f"{settings.host}:{settings.port} refused"
    if reason in ("Not authorized", "Bad user name or password"):
        if settings.username is None:
            return f"{start} a connection without login ({reason}): set [mqtt] username and password_file"
        user = settings.username
        return f"{start} the login of user {user!r} ({reason}): check [mqtt] username and password_file"
    return f"{start} the connection ({reason}): see the broker's log"


def why_lost(settings: Mqtt, client_id: str, reason: str, *, brief: bool) -> str:
    """Why a connection that worked ended; ``brief`` if it had hardly begun."""
    lost = f"the connection to {settings.host}:{settings.port} was lost ({reason}); connecting again"
    if brief or reason == "Session taken over":  # not every broker says so
        return (
            f"{lost}. If this repeats, another client calls itself {client_id!r} too: "
            "give every device its own [site] id and device"
        )
    return lost
