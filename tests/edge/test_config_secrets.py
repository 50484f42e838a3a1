"""Files with secrets: whatever they are, they are read within bounds and never shown."""

import os
import sys
from pathlib import Path

import pytest

from edge.config.secret_files import read_secret
from edge.errors import ConfigError
from edge.programs import run

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("content", "password"),
    [
        (b"s3cret", "s3cret"),
        (b"s3cret\n", "s3cret"),
        (b"\xef\xbb\xbfs3cret\r\n", "s3cret"),
        (b"s3cret\nand a remark\n", "s3cret"),
        (b" s3 cret ", " s3 cret "),
        ("sécret\x85\u2028x\n".encode(), "sécret\x85\u2028x"),
    ],
)
def test_the_first_line_is_the_secret_whichever_editor_wrote_it(
    tmp_path: Path, content: bytes, password: str
) -> None:
    (tmp_path / "secret").write_bytes(content)
    (tmp_path / "link").symlink_to("secret")
    assert read_secret("key", tmp_path / "secret") == password
    assert read_secret("key", tmp_path / "link") == password


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("s3cret\r\n".encode("utf-16"), r'is saved as UTF-16, or is not text; choose "UTF-8" in the editor'),
        ("s3cret".encode("utf-16-le"), "is saved as UTF-16"),
        ("s3cret".encode("utf-16-be"), "is saved as UTF-16"),
        ("s3cret".encode("utf-32"), "is saved as UTF-16, or is not text"),
        (b"s3cret\0", "is saved as UTF-16, or is not text"),
        ("s3cret\u00e9".encode("latin-1"), 'holds a letter that is not UTF-8; choose "UTF-8"'),
        (b"{\\rtf1\\ansi s3cret}", r"is a document of a word processor \(RTF\): save it as plain text"),
        (b"", "is empty: put the secret on its first line"),
        (b"\xef\xbb\xbf", "is empty"),
        (b"\ns3cret", "is empty"),
        (b"s3cret" * 1000, "is longer than 4096 bytes: is it the right file"),
    ],
)
def test_another_file_is_refused_with_the_way_out_and_never_shown(
    tmp_path: Path, content: bytes, message: str
) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=f"^key: {path} {message}") as wrong:
        read_secret("key", path)
    error: BaseException | None = wrong.value
    while error is not None:
        assert "s3cret" not in str(error)
        assert "xe9" not in str(error)
        error = error.__cause__


EACH = """
import sys
from edge.config import Mqtt
from edge.errors import ConfigError
from edge.mqtt.security import make_tls_context, read_password
from edge.speaker.endpoint import Endpoint
from pathlib import Path
for path in sys.argv[1:]:
    tls = {"encryption": "tls", "cert_file": path}
    for keys in ({"username": "u", "password_file": path}, {"ca_file": path}, tls, tls | {"key_file": path}):
        for read in (read_password, make_tls_context):
            try:
                read(Mqtt.model_validate(keys))
            except ConfigError as e:
                print(e)
    try:
        Endpoint("speaker.webhook", "http://horn.example/", Path(path), 1.0)
    except ConfigError as e:
        print(e)
"""


@pytest.mark.slow
def test_no_secret_file_is_read_or_waited_for_without_an_end(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    paths = ["/dev/zero", str(pipe), str(tmp_path)]
    command = 'ulimit -v 4000000; exec "$@"'  # with 4 GB of memory and a minute of time
    said = run(
        "sh", "-c", command, "-", sys.executable, "-c", EACH, *paths, timeout_s=60, folder=ROOT
    ).text.splitlines()  # fmt: skip
    assert len(said) == 5 * len(paths)
    for n, path in enumerate(paths):
        assert [line.split(path)[0] for line in said[5 * n : 5 * n + 5]] == [
            "[mqtt] password_file: ", "[mqtt] ca_file: ", "[mqtt] cert_file: ", "[mqtt] cert_file: ",
            "speaker.webhook.token_file: ",
        ]  # fmt: skip
        assert all("can't be " in line for line in said[5 * n : 5 * n + 5])


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_a_file_of_another_user_says_how_both_services_can_read_it(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("s3cret")
    secret.chmod(0o600)
    for folder in (tmp_path, tmp_path.parent, tmp_path.parent.parent):
        folder.chmod(0o755)
    os.seteuid(65534)
    try:
        with pytest.raises(
            ConfigError, match=r"can't be read \(Permission denied\): the services are two users"
        ):
            read_secret("key", secret)
    finally:
        os.seteuid(0)
