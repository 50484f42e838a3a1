"""The network's files for two managers: NetworkManager, or systemd-networkd with wpa_supplicant."""

import uuid
from collections.abc import Iterator

from edge.machine.settings import Machine, Network, Wifi

WIRELESS = "wlan0"
NETWORKD = "systemd-networkd.service"
SUPPLICANT = f"wpa_supplicant@{WIRELESS}.service"
_WIRELESS = """\
[Match]
Type=wlan

[Link]
RequiredForOnline=no

[Network]
DHCP=yes

# the cable goes first where there are both
[DHCPv4]
RouteMetric=600

[IPv6AcceptRA]
RouteMetric=600
"""
Text = tuple[str, str, int]
"""Path, content, permissions."""
_KEYFILES = "/etc/NetworkManager/system-connections"
_HEADER = "# written by maskgate machine from maskgate.toml, and again when that changes\n"


def network_manager(machine: Machine, psk: str | None) -> Iterator[Text]:
    """NetworkManager's keyfiles; it reads only files that nobody but root can read."""
    if machine.wifi is not None:
        name = "".join(f"{byte};" for byte in machine.wifi.ssid.encode())
        lines = [
            "[wifi]",
            "mode=infrastructure",
            f"ssid={name}",
            f"hidden={str(machine.wifi.hidden).lower()}",
            "",
        ]
        lines += ["[wifi-security]", "key-mgmt=wpa-psk", f"psk={psk}", ""] if psk else []
        lines += ["[ipv4]", "method=auto", "", "[ipv6]", "method=auto"]
        yield _keyfile("maskgate-wifi", "wifi", lines)
    if machine.network is not None:
        yield _keyfile("maskgate-ethernet", "ethernet", _fixed_keyfile(machine.network))


def _keyfile(name: str, kind: str, lines: list[str]) -> Text:
    own = uuid.uuid5(uuid.NAMESPACE_DNS, f"{name}.maskgate")
    head = ["[connection]", f"id={name}", f"uuid={own}", f"type={kind}", "autoconnect-priority=10", ""]
    return f"{_KEYFILES}/{name}.nmconnection", _HEADER + "\n".join([*head, *lines]) + "\n", 0o600


def _fixed_keyfile(network: Network) -> list[str]:
    given, other = ("ipv4", "ipv6") if network.address.version == 4 else ("ipv6", "ipv4")
    gateway = f",{network.gateway}" if network.gateway is not None else ""
    servers = [s for s in network.dns_servers if s.version == network.address.version]
    names = [f"dns={''.join(f'{s};' for s in servers)}"] if servers else []
    head = [f"[{given}]", "method=manual", f"address1={network.address}{gateway}", *names]
    return [*head, "", f"[{other}]", "method=auto"]


def networkd(machine: Machine, psk: str | None) -> Iterator[Text]:
    """The files of systemd-networkd, and wpa_supplicant's for the wireless card."""
    if machine.wifi is not None:
        yield (
            "/etc/systemd/network/10-maskgate-wireless.network",
            _HEADER + _WIRELESS,
            0o644,
        )
        yield f"/etc/wpa_supplicant/wpa_supplicant-{WIRELESS}.conf", _supplicant(machine.wifi, psk), 0o600
    if machine.network is not None:
        fixed = machine.network
        lines = [f"Address={fixed.address}"]
        lines += [f"Gateway={fixed.gateway}"] if fixed.gateway is not None else []
        lines += [f"DNS={server}" for server in fixed.dns_servers]
        yield (
            "/etc/systemd/network/10-maskgate-ethernet.network",
            f"{_HEADER}[Match]\nName=e* usb*\n\n[Link]\nRequiredForOnline=no\n\n[Network]\n"
            + "\n".join(lines)
            + "\n",
            0o644,
        )


def _supplicant(wifi: Wifi, psk: str | None) -> str:
    """wpa_supplicant's configuration, with the name in hexadecimal digits: it may hold any byte."""
    lines = [f"ssid={wifi.ssid.encode().hex()}"]
    lines += [f"psk={psk}", "key_mgmt=WPA-PSK WPA-PSK-SHA256", "ieee80211w=1"] if psk else ["key_mgmt=NONE"]
    lines += ["scan_ssid=1"] if wifi.hidden else []
    network = "".join(f"\t{line}\n" for line in lines)
    head = f"ctrl_interface=DIR=/run/wpa_supplicant\ncountry={wifi.country}\np2p_disabled=1\n"
    return f"{_HEADER}{head}network={{\n{network}}}\n"
