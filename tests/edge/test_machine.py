"""``maskgate.toml`` on the boot partition: every mistake is named, and cuts leave the rest as it was."""

import base64
import hashlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.cli.program import _run, build_parser
from edge.errors import ConfigError
from edge.machine.card_files import CardFiles, read_card
from edge.machine.planned_files import Facts, planned_files
from edge.machine.toml_text import TAKEN_OVER, parse, without_passphrase, without_table
from edge.machine.wanted import KnownSecrets, WantedMachine, read

SITE = '[site]\nid = "hq"\ndevice = "north-door"\n'
NOBODY = KnownSecrets({}, {})


def key(kind: str = "ssh-ed25519", *fields: bytes) -> str:
    blob = b"".join(len(f).to_bytes(4, "big") + f for f in (kind.encode(), *(fields or (b"\x07" * 32,))))
    return f"{kind} {base64.b64encode(blob).decode()} me@laptop"


def wanted(text: str, known: KnownSecrets = NOBODY, **credentials: bytes) -> WantedMachine:
    return read(CardFiles(text.encode(), credentials), known)


def mistakes(text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        wanted(text)
    return str(caught.value)


def test_all_mistakes_of_both_parts_are_named_at_once() -> None:
    message = mistakes(
        '[site]\nid = "a/b"\n[machine]\nhost_name = "north door"\ntimezone = "Asia/Djakarta"\n'
        '[machine.wifi]\nssid = ""\npassphrase = "short"\ncountry = "UK"\n[mqtt]\nprot = 1883\n'
    )
    assert message.startswith("maskgate.toml: 8 mistakes:")
    assert "site.id: found 'a/b'" in message
    assert "machine.host_name: found 'north door'; write letters, digits and -, at most 63" in message
    assert "machine.timezone: found 'Asia/Djakarta', which is not a time zone" in message
    assert (
        "machine.wifi.ssid: found a name of 0 bytes; a network's name has 1 to 32. Example: ssid = \""
        in message
    )
    assert "machine.wifi.passphrase: found 5 characters" in message
    assert "short" not in message.replace("shorter", "")
    assert (
        "machine.wifi.country: found 'UK'; write the country as two capital letters (ISO 3166); the United"
        in message
    )
    assert "mqtt.prot: unknown key" in message
    assert "site.device: missing" in message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[machine]\nhostname = 1\n", "machine.hostname: unknown key. Allowed here: host_name, timezone"),
        ('[machine.wifi]\nssid = "x"\n', 'machine.wifi.country: missing. Example: country = "ID"'),
        (
            '[machine.network]\naddress = "192.0.2.7"\n',
            "write also how long the network's part is, as in /24",
        ),
        (
            '[machine.network]\naddress = "192.0.2.7/24"\ngateway = "10.0.0.1"\n',
            "gateway 10.0.0.1 lies outside the address's network 192.0.2.7/24",
        ),
        ('[machine]\nssh_user = "root"\n', "machine.ssh_user: found 'root', a user of the system"),
        ('[machine]\nssh_user = "a:b"\n', "machine.ssh_user: found 'a:b'"),
        ('[machine]\nupdate_keys = ["RWx"]\n', "found 'RWx'; write the second line of the .pub file"),
        ('[machine]\nntp_servers = ["a b"]\n', "machine.ntp_servers.0: found 'a b'"),
        ('machine.host_name = "x"\n' + SITE, "machine: write it as tables with headers"),
        (
            '[machine]\nwifi = { ssid = "x", country = "ID", passphrase = "longenough" }\n',
            "machine.wifi.passphrase: passphrase must stand on a line of its own",
        ),
        ("a = " + "[" * 30_000, "maskgate.toml: not valid TOML: "),
        ("[site\n", "maskgate.toml: not valid TOML: "),
    ],
)
def test_a_mistake_is_named_with_its_way_out(text: str, message: str) -> None:
    assert message in mistakes(text)


@pytest.mark.parametrize(
    ("ssh_key", "message"),
    [
        ("-----BEGIN OPENSSH PRIVATE KEY-----", "this is a private key, which must never leave"),
        ("AAAAC3NzaC1lZDI1NTE5 me", "this is not a public key of OpenSSH"),
        ("ssh-ed25519", "this is not a public key of OpenSSH"),
        (key()[:40], "this ssh-ed25519 key is damaged or cut short"),
        (key().replace("ssh-ed25519 ", "ssh-rsa "), "this ssh-rsa key is damaged"),
        (key("ssh-rsa", b"\1\0\1", b"\xff" * 128), "this RSA key has 1024 bits"),
        (key() + "\\n" + key(), "this is not one line of text"),
    ],
)
def test_what_is_not_a_public_key_is_refused_and_not_shown(ssh_key: str, message: str) -> None:
    text = mistakes(f'[machine]\nssh_keys = ["{ssh_key}"]\n')
    assert f"machine.ssh_keys.0: {message}" in text
    assert ssh_key[20:] == "" or ssh_key[20:] not in text


def test_keys_are_taken_as_they_are() -> None:
    keys = [key(), key("ssh-rsa", b"\1\0\1", b"\xff" * 256)]
    found = wanted(f"[machine]\nssh_keys = ['{keys[0]}', ' {keys[1]} ']\n")
    assert list(found.config.machine.ssh_keys) == keys


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("[site]\n".encode("utf-16"), 'is saved as UTF-16, or is not text; choose "UTF-8"'),
        (b"[site]\nid = 'caf\xe9'\n", "line 2 holds a letter that is not UTF-8, as when saved as ANSI"),
        (b"#" * 300_000, "is longer than 64 KiB"),
    ],
)
def test_what_an_editor_may_have_done_is_named(data: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / "maskgate.toml").write_bytes(data)
    with pytest.raises(ConfigError, match=r"maskgate\.toml: ") as caught:
        read_card(tmp_path)
    assert message in str(caught.value)


@pytest.mark.parametrize("text", ["", "\n \r\n", "# [site]\n"])
def test_a_file_that_says_nothing_takes_nothing_away(text: str) -> None:
    assert mistakes(text).startswith("maskgate.toml: is empty, or holds only comments, and so is not applied")


def test_curly_quotes_are_called_so() -> None:
    assert mistakes("[site]\nid = \u201chq\u201d\n").endswith(
        "(at line 2, column 6). Its quotes are curly: write \" or '"
    )
    assert "curly" not in mistakes("# \u201chq\u201d\n[site]\nid = hq\n")


def test_a_name_that_windows_made_longer_a_folder_and_a_link_are_named(tmp_path: Path) -> None:
    assert read_card(tmp_path) is None
    (tmp_path / "maskgate.toml.txt").touch()
    with pytest.raises(ConfigError, match=r"the name ends in \.txt, .*: rename it to maskgate\.toml"):
        read_card(tmp_path)
    (tmp_path / "maskgate.toml").mkdir()
    with pytest.raises(ConfigError, match="is a folder or a device, not a file"):
        read_card(tmp_path)
    (tmp_path / "maskgate.toml").rmdir()
    (tmp_path / "maskgate.toml").symlink_to("/etc/shadow")
    with pytest.raises(ConfigError, match=r"maskgate\.toml: can't be read"):
        read_card(tmp_path)


def test_marks_of_windows_editors_change_nothing(tmp_path: Path) -> None:
    text = (SITE + '[machine.wifi]\nssid = "x"\ncountry = "ID"\npassphrase = "longenough"\n').replace(
        "\n", "\r\n"
    )
    (tmp_path / "maskgate.toml").write_bytes(b"\xef\xbb\xbf" + text.encode())
    card = read_card(tmp_path)
    assert card is not None
    assert read(card, NOBODY).service_text == SITE.replace("\n", "\r\n")
    cut = without_passphrase(card.text)
    assert cut is not None
    assert (
        card.with_text(cut)
        == b"\xef\xbb\xbf" + text.replace('passphrase = "longenough"', TAKEN_OVER).encode()
    )


def test_the_service_gets_its_part_as_its_author_wrote_it() -> None:
    text = (
        '# ours\n[site] # here\nid=\'hq\'\ndevice = "d"\n\n[machine]\nhost_name = "x" # gone\n# gone\n'
        "[machine.wifi]\nssid = '''\n[site]'''\ncountry = \"ID\"\n\n# the broker\n[mqtt]\nport = 1884\n"
        '[machine.network]\naddress = "192.0.2.7/24"\n'
    )
    assert wanted(text).service_text == (
        "# ours\n[site] # here\nid='hq'\ndevice = \"d\"\n\n\n# the broker\n[mqtt]\nport = 1884\n"
    )


TABLES = st.lists(
    st.sampled_from(
        [
            "[machine]\nhost_name = 'x'\n", '[machine.wifi]\nssid = """\n[mqtt]\n"""\n# secret\n',
            "[ machine . network ] # [a]\naddress = '''x'''\n", "# about\n[mqtt]\nhost = 'a'\n\n",
            "[[zones]]\nname = '[machine]'\n", "[faces]\na = [\n[ 1 ],\n  [2]]\n",
            "[site]\r\nid = 'x'\r\n# end\r\n",
            "['machine'.\"login\"]\nkeys = [\n'[mqtt]',\n]\n",
        ]
    ),
    unique=True,
)  # fmt: skip


@given(TABLES)
def test_whatever_stands_around_it_a_table_is_cut_out_alone(tables: list[str]) -> None:
    text = "# first\n" + "".join(tables)
    cut = without_table(text, "machine")
    assert cut is not None
    assert parse(cut) == {k: v for k, v in (parse(text) or {}).items() if k != "machine"}
    assert "# first\n" in cut
    assert all(table in cut for table in tables if "machine" not in table)


@pytest.mark.parametrize(
    "line", ["passphrase='a b\"c#d=e'", '  "passphrase" = "longenough"  # x', 'passphrase= "\\u0041bcdefgh"']
)
def test_only_the_passphrase_is_taken_from_the_text(line: str) -> None:
    before, after = "[machine.wifi]\nssid = 'x'\n", "\ncountry = 'ID'\n[speaker]\n# passphrase = \"\"\n"
    assert without_passphrase(before + line + after) == before + TAKEN_OVER + after
    assert without_passphrase(before + after) is None


def wifi(passphrase: str, ssid: str = "IEEE") -> str:
    return f"[machine.wifi]\nssid = '{ssid}'\ncountry = 'ID'\n{passphrase}\n"


def test_the_key_of_a_network_is_wpas() -> None:
    # the test vector of IEEE 802.11i, annex H.4
    key = "f42c6fc52df0ebef9ebb4b90b38a5f902e83fe1b135a70e23aed762e9710a12e"
    assert wanted(wifi("passphrase = 'password'")).psk == key
    assert wanted(wifi(f"passphrase = '{key.upper()}'")).psk == key
    umlaut = hashlib.pbkdf2_hmac("sha1", b"password", "Büro".encode(), 4096, 32).hex()
    assert wanted(wifi("passphrase = 'password'", "Büro")).psk == umlaut
    opened = wanted(wifi("passphrase = ''"))
    assert (opened.psk, opened.missing) == (None, ())


def test_a_passphrase_that_was_taken_over_is_known_and_any_other_is_missing() -> None:
    known = KnownSecrets({}, {"IEEE": "ab" * 32})
    assert wanted(wifi(""), known).psk == "ab" * 32
    (missing,) = wanted(wifi("", "other"), known).missing
    assert missing.startswith(
        "machine.wifi.passphrase: not given, and this device does not know the one of 'other'"
    )


MQTT = '[mqtt]\nusername = "x"\npassword_file = "mqtt-password"\n'


def test_credentials_are_those_that_are_named_from_the_card_or_the_device() -> None:
    known = KnownSecrets({"mqtt-password": b"old", "more": b""}, {})
    assert wanted(SITE + MQTT, known).credentials == {"mqtt-password": b"old"}
    card = CardFiles((SITE + MQTT).encode(), {"mqtt-password": b"new", "notes": b""})
    found = read(card, known)
    assert found.credentials == {"mqtt-password": b"new"}
    assert found.remarks == (
        "credentials/notes: maskgate.toml does not name it; it was not used, and is still on the card",
    )
    (missing,) = read(CardFiles(card.toml, {"mqtt-password.txt": b""}), NOBODY).missing
    assert missing == (
        "credentials/mqtt-password: named by mqtt.password_file, and neither here nor on the device; "
        "mqtt-password.txt is there: rename it"
    )


def test_the_speaker_gets_a_certificate_of_its_own_if_the_card_has_one() -> None:
    text = SITE + '[mqtt]\nca_file = "ca.pem"\ncert_file = "client.pem"\nkey_file = "client.key"\n'
    names = ("ca.pem", "client.pem", "client.key", "speaker-client.pem", "speaker-client.key")
    found = wanted(text, NOBODY, **{name: name.encode() for name in names})
    assert found.remarks == ()
    planned = {file.path: file for file in planned_files(found, Facts(frozenset(), ""))}
    assert planned["/etc/maskgate/credentials/speaker-client.pem"].data == b"speaker-client.pem"
    lines = {
        unit: planned[f"/etc/systemd/system/{unit}.service.d/50-maskgate-machine.conf"].data.decode()
        for unit in ("maskgate", "maskgate-speaker")
    }
    assert "LoadCredential=client.pem:/etc/maskgate/credentials/client.pem\n" in lines["maskgate"]
    assert "speaker-" not in lines["maskgate"]
    own = "LoadCredential=client.key:/etc/maskgate/credentials/speaker-client.key\n"
    assert own in lines["maskgate-speaker"]
    assert "LoadCredential=ca.pem:/etc/maskgate/credentials/ca.pem\n" in lines["maskgate-speaker"]


HORN = '[speaker.webhook]\nurl = "https://horn.example.org/"\ntoken_file = "horn-token"\n'


@pytest.mark.parametrize("name", ["credentials/horn-token", "horn token", "../x", ".hidden"])
def test_a_credential_is_named_by_its_bare_name(name: str) -> None:
    message = mistakes(SITE + HORN.replace("horn-token", name))
    assert f"speaker.webhook.token_file: found '{name}'; write the bare name of a file in credent" in message


def test_one_secret_that_only_the_device_has_hides_no_mistake_in_another(tmp_path: Path, capsys: Any) -> None:
    (tmp_path / "credentials").mkdir()
    (tmp_path / "credentials/horn-token").write_text("two words")
    file = tmp_path / "maskgate.toml"
    file.write_text(SITE + MQTT.replace("mqtt-password", "/etc/mqtt-password") + HORN)
    assert run("check", file) == 78
    assert "speaker.webhook.token_file: credentials/horn-token holds no token" in capsys.readouterr().err


def test_names_are_the_cards_even_where_the_environment_has_credentials(
    tmp_path: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", "/run/credentials/x")
    file = tmp_path / "maskgate.toml"
    file.write_text(SITE + HORN)
    assert run("check", file) == 0
    assert "note: credentials/horn-token: named by speaker.webhook.token_file" in capsys.readouterr().err
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", "/run/credentials/x")
    (tmp_path / "credentials").mkdir()
    (tmp_path / "credentials/horn-token").write_text("t0ken")
    root = tmp_path / "root"
    root.mkdir()
    assert run("apply", "--boot", tmp_path, "--root", root) == 0
    assert (root / "etc/maskgate/credentials/horn-token").read_text() == "t0ken"


def test_the_tokens_of_other_speakers_are_credentials_too(tmp_path: Path, capsys: Any) -> None:
    card = CardFiles((SITE + HORN).encode(), {"horn-token": b"t0ken"})
    assert read(card, NOBODY).credentials == {"horn-token": b"t0ken"}
    (missing,) = wanted(SITE + HORN).missing
    assert missing == (
        "credentials/horn-token: named by speaker.webhook.token_file, and neither here nor on the device: "
        "put it into the folder credentials beside maskgate.toml"
    )
    file = tmp_path / "maskgate.toml"
    file.write_text(SITE + '[camera]\nsource = "/dev/video0"\n' + HORN)
    (tmp_path / "credentials").mkdir()
    (tmp_path / "credentials/horn-token").write_text("two words")
    assert run("check", file) == 78
    message = capsys.readouterr().err
    assert (
        "speaker.webhook.token_file: credentials/horn-token holds no token: one line without spaces"
        in message
    )
    (tmp_path / "credentials/horn-token").write_text("t0ken")
    file.write_text(file.read_text() + '[speaker.home_assistant]\nurl = "http://ha.local:8123"\n'
                    'token_file = "/etc/token"\nentity = "media_player.lobby"\nmedia = "x"\n')  # fmt: skip
    assert run("check", file) == 0  # what lies on the device alone is not looked for


@pytest.mark.parametrize(
    ("source", "code"),
    [("/srv/clip.mp4", 0), ("/dev/video7", 0), ("rtsp:/admin:pw@camera/1", 78), ("clip.mp4", 78)],
)
def test_a_camera_that_no_device_can_have_is_named_before_the_card_goes_in(
    source: str, code: int, tmp_path: Path, capsys: Any
) -> None:
    file = tmp_path / "maskgate.toml"
    file.write_text(f'{SITE}[camera]\nsource = "{source}"\n')
    assert run("check", file) == code
    assert ("camera.source: " in capsys.readouterr().err) == bool(code)


def test_a_password_that_stays_readable_is_reported() -> None:
    message = wanted(SITE + '[camera]\nsource = "rtsp://a:s3cret@192.0.2.7/x"\n').remarks
    assert message == (
        "camera.source holds a password, which whoever takes the card out can read in maskgate.toml",
    )


def test_so_are_those_of_other_speakers() -> None:
    text = '[speaker.webhook]\nurl = "https://a:s3cret@horn.example.org/"\n[speaker.home_assistant]\n'
    text += 'url = "http://b:s3cret@ha.local:8123"\ntoken_file = "/etc/t"\nentity = "media_player.x"\n'
    assert [remark.split(" ")[0] for remark in wanted(SITE + text).remarks] == [
        "speaker.webhook.url",
        "speaker.home_assistant.url",
    ]


def run(*arguments: object) -> int:
    return _run(build_parser().parse_args(["machine", *map(str, arguments)]))


def test_a_file_is_checked_before_the_card_goes_in(tmp_path: Path, capsys: Any) -> None:
    file = tmp_path / "north-door.toml"
    source = '[camera]\nsource = "/srv/clip.mp4"\n[hours]\ntimezone = "Asia/Jakarta"\n'
    file.write_text(SITE + source + MQTT + wifi("passphrase = 'password'"))
    assert run("check", file) == 0
    out, err = capsys.readouterr()
    assert out == f"{file}: fine\n"
    assert err.startswith("note: credentials/mqtt-password: named by mqtt.password_file")
    (tmp_path / "credentials").mkdir()
    (tmp_path / "credentials/mqtt-password").write_bytes(b"\xef\xbb\xbf\r\n")
    assert run("check", file) == 78
    assert "[mqtt] password_file: credentials/mqtt-password is empty" in capsys.readouterr().err
    assert run("check", tmp_path / "nothing.toml") == 78
