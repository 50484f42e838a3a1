"""Credentials for the connection: password, certificate authority, client certificate."""

import logging
import ssl

from edge.config import Mqtt
from edge.config.secret_files import check_pem, credential_hint, read_secret
from edge.errors import ConfigError

_log = logging.getLogger(__name__)


def read_password(settings: Mqtt) -> str | None:
    """The first line of ``password_file``, or None if there is no such file in the configuration.

    Logs a warning if the password would cross a network in clear.

    Raises:
        ConfigError: the file can't be read or is empty, or the configuration gives no user name.
    """
    path = settings.password_file
    if path is None:
        return None
    if settings.username is None:
        raise ConfigError("[mqtt] password_file is given without username: add username, or take both away")
    password = read_secret("[mqtt] password_file", path)
    for broker in settings.brokers():
        if not settings.encrypted and not broker.local:
            where = f"{broker.host}:{broker.port}"
            _log.warning(
                "the password for %s crosses the network in clear: give [mqtt] ca_file to encrypt it", where
            )
    return password


def make_tls_context(settings: Mqtt) -> ssl.SSLContext | None:
    """The TLS context for a connection that checks the broker's certificate; None for plain text.

    Raises:
        ConfigError: a file can't be read, is not a certificate or key, or its counterpart is missing.
    """
    cert, key = settings.cert_file, settings.key_file
    if not settings.encrypted:
        if cert or key:
            raise ConfigError("[mqtt] cert_file and key_file need ca_file: without it nothing is encrypted")
        return None
    if key and not cert:
        raise ConfigError("[mqtt] key_file is given without cert_file: add the client certificate")
    for name, path in (("ca_file", settings.ca_file), ("cert_file", cert), ("key_file", key)):
        if path is not None:  # OpenSSL would wait for a pipe, and read a device without an end
            check_pem(f"[mqtt] {name}", path)
    try:
        # Without a ca_file, this uses the system's authorities.
        context = ssl.create_default_context(cafile=settings.ca_file)
    except OSError as e:  # ssl.SSLError is one
        ca = settings.ca_file
        raise ConfigError(
            f"[mqtt] ca_file: {ca} can't be used ({e}): give a PEM file{credential_hint(ca)}"
        ) from e
    if cert:
        try:
            context.load_cert_chain(cert, key)
        except OSError as e:
            raise ConfigError(
                f"[mqtt] cert_file and key_file: {cert} and {key or cert} can't be used ({e}): give two PEM "
                f"files that belong together, readable for maskgate's user, the key without a passphrase"
                f"{credential_hint(cert)}"
            ) from e
    return context
