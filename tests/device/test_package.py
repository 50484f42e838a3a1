"""The package in a clean Debian without a network: installed, upgraded, downgraded, removed, purged."""

import csv
import json
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from debian import Root, done

import edge.cli

if TYPE_CHECKING:
    from conftest import Lab

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
CLIP = "/usr/lib/maskgate/edge/demo/clip/visitors.mp4"
CONFIG = "etc/maskgate/config.toml"
each_release = pytest.mark.parametrize("release", ["bookworm", "trixie"], indirect=True)


@pytest.fixture(scope="session")
def newer(lab: "Lab", tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The next version: another default configuration, too."""
    folder = tmp_path_factory.mktemp("newer")
    done("dpkg-deb", "--raw-extract", lab.deb("bookworm"), folder / "tree")
    control = folder / "tree/DEBIAN/control"
    control.write_text(re.sub(r"^(Version: .*)$", r"\1+next", control.read_text(), flags=re.MULTILINE))
    config = folder / "tree" / CONFIG
    config.write_text(config.read_text() + "# new in this version\n")
    done(
        "dpkg-deb",
        "--root-owner-group",
        "-Znone",
        "--build",
        folder / "tree",
        folder / "maskgate_next_amd64.deb",
    )
    return folder / "maskgate_next_amd64.deb"


def version(root: Root) -> str:
    return root.run("dpkg-query", "--show", "--showformat=${Version} ${db:Status-Abbrev}", "maskgate").stdout


def files(root: Root) -> set[str]:
    """All of them, without what apt and dpkg keep for themselves."""
    own = ("var/lib/dpkg", "var/lib/apt", "var/cache", "var/log", "proc", "root", "tmp", "run")
    names = (str(p.relative_to(root.folder)) for p in root.folder.rglob("*"))
    return {n for n in names if not n.startswith(own)}


@each_release
def test_it_installs_offline_and_judges_as_it_does_here(root: Root, deb: Path, lab: "Lab") -> None:
    began = time.monotonic()
    said = root.apt("install", root.give(deb)).stdout
    lab.measured(f"{deb.name}, apt install, offline, s", time.monotonic() - began)
    lab.measured(f"{deb.name}, MB", deb.stat().st_size / 1e6)
    assert "edit /etc/maskgate/config.toml, then: systemctl enable --now maskgate" in said
    found = lab.judged(root.run("maskgate", "replay", "--jsonl", CLIP).stdout)
    assert len(found) > 5
    assert found == lab.judged_here()  # every score to the last bit


def test_its_bill_of_materials_has_the_versions_of_what_opencv_carries(installed: Root) -> None:
    bill = json.loads((installed / "usr/lib/maskgate/maskgate.cdx.json").read_bytes())
    packages = {each["name"]: each for each in bill["components"]}
    inside = {each["name"]: each["version"] for each in packages["opencv-python-headless"]["components"]}
    assert re.fullmatch(r"\d+\.\d[\w.]*", inside["ffmpeg"])
    assert re.fullmatch(r"\d+\.\d[\w.]*", inside["openssl"])


def test_what_is_installed_is_whole_and_in_order(installed: Root) -> None:
    assert installed.run("dpkg", "--verify", "maskgate").stdout == ""
    assert installed.run("maskgate", "--version").stdout.startswith("maskgate ")
    assert installed.run("maskgate", "config", "--check", f"/{CONFIG}").stdout == f"/{CONFIG}: fine\n"
    assert (installed / "usr/lib/maskgate/edge/cli/__pycache__/program.cpython-311.pyc").exists()
    pins = "import sys; sys.path.insert(0, '/usr/lib/maskgate'); import gpiozero, lgpio"
    installed.run("sh", "-c", f'cd /tmp && python3 -sPc "{pins}"')
    rights = installed.run("stat", "--format=%a %U:%G", f"/{CONFIG}", "/etc/maskgate/credentials").stdout
    assert rights == "640 root:maskgate\n700 root:root\n"
    assert installed.run("systemctl", "is-enabled", "maskgate", check=False).stdout == "disabled\n"
    for unit in ("maskgate.service", "maskgate-speaker.service"):
        result = installed.run("systemd-analyze", "verify", "--man=no", unit)
        assert result.stderr == ""


def test_no_list_speaks_of_files_that_are_not_there(installed: Root) -> None:
    library = installed / "usr/lib/maskgate"
    listed = [
        library / row[0]
        for record in library.glob("*.dist-info/RECORD")
        for row in csv.reader(record.read_text().splitlines())
    ]
    assert len(listed) > 500
    assert [p for p in listed if not p.exists()] == []


def test_no_path_of_the_machine_that_built_it_is_inside(installed: Root) -> None:
    here = str(Path(__file__).resolve().parents[2]).encode()
    library = installed / "usr/lib/maskgate"
    ours = [p for p in (library / "edge").rglob("*") if p.is_file()]
    described = [p for d in library.glob("*.dist-info") for p in d.rglob("*") if p.is_file()]
    assert len(ours) > 100
    assert len(described) > 20
    assert [
        p for p in [*ours, *described] if here in p.read_bytes() or b"maskgate-deb-" in p.read_bytes()
    ] == []


def test_the_documents_are_on_the_device_and_hang_together_without_a_network(installed: Root) -> None:
    site = installed / "usr/share/doc/maskgate/html"
    assert (site / "docs/troubleshooting.html").exists()
    here = str(Path(__file__).resolve().parents[2])
    pages = sorted(site.rglob("*.html"))
    assert len(pages) > 50
    for page in pages:
        text = page.read_text(encoding="utf-8")
        assert here not in text, page
        links = re.findall(r"""(?:href|src)=["']([^"'#?]+)""", text)
        near = [link for link in links if "://" not in link and not link.startswith(("mailto:", "data:"))]
        assert [link for link in near if not (page.parent / link).exists()] == [], page


def test_an_upgrade_and_a_downgrade_keep_the_configuration(root: Root, deb: Path, newer: Path) -> None:
    root.apt("install", root.give(deb))
    before = version(root)
    mine = '[site]\nid = "headquarters"\n'
    (root / CONFIG).write_text(mine)
    keep = ("-o", "Dpkg::Options::=--force-confdef", "-o", "Dpkg::Options::=--force-confold")
    root.apt(*keep, "install", root.give(newer))
    assert version(root) == before.replace(" ", "+next ", 1)
    assert (root / CONFIG).read_text() == mine
    assert "new in this version" in (root / f"{CONFIG}.dpkg-dist").read_text()
    root.apt(*keep, "install", "--allow-downgrades", root.give(deb))
    assert version(root) == before
    assert (root / CONFIG).read_text() == mine
    root.run("maskgate", "config", "--check", f"/{CONFIG}")


def test_an_upgrade_brings_the_new_configuration_where_nobody_changed_it(
    root: Root, deb: Path, newer: Path
) -> None:
    root.apt("install", root.give(deb))
    root.apt("install", root.give(newer))
    assert "new in this version" in (root / CONFIG).read_text()
    assert root.run("stat", "--format=%a %U:%G", f"/{CONFIG}").stdout == "640 root:maskgate\n"


@each_release
def test_removal_keeps_what_is_yours_and_purging_nothing(root: Root, deb: Path) -> None:
    before = files(root)
    root.apt("install", root.give(deb))
    root.run("systemctl", "enable", "maskgate", "maskgate-speaker")
    (root / "var/lib/maskgate").mkdir()
    (root / "var/lib/maskgate/outbox.sqlite").touch()
    (root / CONFIG).write_text("# mine\n")
    root.apt("remove", "maskgate")
    assert version(root).split() == [version(root).split()[0], "rc"]
    kept = files(root) - before
    assert {CONFIG, "var/lib/maskgate/outbox.sqlite"} <= kept
    assert [n for n in kept if "systemd" in n or n.startswith("usr/")] == []
    root.apt("purge", "maskgate")
    # the user stays, as Debian advises: these are useradd's
    left = {
        n for n in files(root) - before if not re.match(r"etc/(\.pwd\.lock|(passwd|group|g?shadow)-?)$", n)
    }
    assert left == set()


def test_what_was_removed_and_comes_again_is_enabled_but_not_what_is_masked(root: Root, deb: Path) -> None:
    units = ["maskgate-machine.service", "maskgate-machine-report.timer", "maskgate-update-boot.service"]
    units += ["maskgate-update.path", "maskgate-update-fetch.path", "maskgate-update-return.timer"]

    def enabled() -> list[str]:
        return root.run("systemctl", "is-enabled", "maskgate", *units, check=False).stdout.split()

    root.apt("install", root.give(deb))
    assert enabled() == ["disabled"] + ["enabled"] * 6
    root.apt("remove", "maskgate")
    root.apt("install", root.give(deb))
    assert enabled() == ["disabled"] + ["enabled"] * 6
    root.run("systemctl", "mask", units[-1])
    root.apt("install", "--reinstall", root.give(deb))
    assert enabled() == ["disabled"] + ["enabled"] * 5 + ["masked"]


def test_another_release_is_refused_and_its_package_is_the_newer_one(root: Root, lab: "Lab") -> None:
    debs = {release: lab.deb(release) for release in ("bookworm", "trixie")}
    refused = root.apt("install", root.give(debs["trixie"]), check=False)
    assert refused.returncode != 0
    assert "Depends: python3 (>= 3.13)" in refused.stdout
    older, newer = (done("dpkg-deb", "--field", deb, "Version").strip() for deb in debs.values())
    done("dpkg", "--compare-versions", older, "lt", newer)


def test_the_manual_names_commands_that_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        edge.cli.main(["--help"])
    commands = set(re.findall(r"^    ([a-z-]+)(?: |$)", capsys.readouterr().out, re.MULTILINE))
    manual = (
        (Path(__file__).resolve().parents[2] / "systemd/package/maskgate.1").read_text().replace("\\-", "-")
    )
    named = set(re.findall(r"^\.TP\n\.B (\S+)$", manual, re.MULTILINE))
    assert "run" in named
    assert named <= commands
