"""``maskgate install-units``: every file, in its place, with the right program in it."""

from pathlib import Path

import pytest

import edge.cli
from edge.config import load_config
from edge.errors import UsageError
from edge.machine.install_units import PLACES, SHIPPED, install, require_visible, texts

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = Path("/opt/pipx/venvs/maskgate/bin/maskgate")


def written(root: Path) -> set[str]:
    return {str(p.relative_to(root)) for p in root.rglob("*") if p.is_file()}


def test_all_files_are_written_and_the_units_start_this_program(tmp_path: Path) -> None:
    steps = list(install(tmp_path, PROGRAM, dry=False))
    assert written(tmp_path) == {*(f"etc/{place}" for place in PLACES.values()), "etc/maskgate/config.toml"}
    assert len(steps) == len(written(tmp_path))
    for unit in ("maskgate", "maskgate-speaker"):
        text = (tmp_path / f"etc/systemd/system/{unit}.service").read_text()
        assert f"ExecStart={PROGRAM} " in text
        assert "/usr/bin/maskgate" not in text


def test_a_configuration_that_is_there_stays(tmp_path: Path) -> None:
    config = tmp_path / "etc/maskgate/config.toml"
    config.parent.mkdir(parents=True)
    config.write_text("# mine\n")
    assert f"leave {config} as it is" in list(install(tmp_path, PROGRAM, dry=False))
    assert config.read_text() == "# mine\n"


def test_the_first_configuration_is_fine_and_for_the_services_alone(tmp_path: Path) -> None:
    list(install(tmp_path, PROGRAM, dry=False))
    config = tmp_path / "etc/maskgate/config.toml"
    assert config.stat().st_mode & 0o777 == 0o640
    assert load_config(config).speaker.socket == Path("/run/maskgate-speaker/local.sock")


def test_a_dry_run_writes_nothing_and_says_the_same(tmp_path: Path) -> None:
    message = list(install(tmp_path, PROGRAM, dry=True))
    assert written(tmp_path) == set()
    assert message == list(install(tmp_path, PROGRAM, dry=False))


def test_beside_the_package_it_refuses(tmp_path: Path) -> None:
    unit = tmp_path / "usr/lib/systemd/system/maskgate.service"
    unit.parent.mkdir(parents=True)
    unit.touch()
    with pytest.raises(UsageError, match="package is installed"):
        list(install(tmp_path, PROGRAM, dry=False))
    assert written(tmp_path) == {"usr/lib/systemd/system/maskgate.service"}


@pytest.mark.parametrize(
    "path",
    ["/root/.local/bin/maskgate", "/home/pi/.local/bin/maskgate", "/var/tmp/m"],  # noqa: S108
)
def test_a_program_that_services_can_not_see_is_refused_with_the_way_out(path: str) -> None:
    with pytest.raises(
        UsageError, match=r"can't see what lies in /[a-z/]+\. Install it for all users instead"
    ):
        require_visible(PROGRAM, Path(path))
    require_visible(PROGRAM)


def test_a_place_that_can_not_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "etc").touch()
    with pytest.raises(Exception, match=f"{tmp_path}/etc/systemd/system/maskgate.service: can't be written"):
        list(install(tmp_path, PROGRAM, dry=False))


def test_the_command_says_what_it_does(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = edge.cli.main(["install-units", "--dry-run", "--root", str(tmp_path)])
    out, err = capsys.readouterr()
    if code == 0:
        assert f"would write {tmp_path}/etc/systemd/system/maskgate.service\n" in out
    else:  # this checkout, or its Python, lies where no service sees it
        assert (code, out) == (2, "")
        assert "Install it for all users instead" in err


def test_the_wheel_brings_what_is_installed() -> None:
    project = (ROOT / "pyproject.toml").read_text()
    for name in (*PLACES, "config.toml"):
        assert f'"systemd/units/{name}" = "edge/shipped/systemd/{name}"' in project
        assert (SHIPPED / name).is_file()


def test_nothing_else_is_changed_in_the_files() -> None:
    for place, text in texts("/usr/bin/maskgate").items():
        name = next(n for n, p in PLACES.items() if p == place)
        assert text == (ROOT / "systemd" / "units" / name).read_text()
        assert f"Installed as /usr/lib/{place}" in text
