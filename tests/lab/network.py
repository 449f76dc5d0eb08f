"""The networks of the lab: a router that is the internet, a bridge per provider, a cable per host."""

from __future__ import annotations

from dataclasses import dataclass

from tests.lab.keeper import Keeper

NO_SHORTCUTS = "for f in /proc/sys/net/ipv?/conf/*/accept_redirects; do echo 0 > $f; done"
"""The router may say that two hosts are neighbours; they shall not listen."""


@dataclass(frozen=True)
class Network:
    """One provider's network, from the blocks set aside for documentation (RFC 5737, RFC 3849)."""

    name: str
    ipv4_block: str
    """The first three numbers of a /24."""
    ipv6_block: str
    """The first three groups of a /64."""

    @property
    def bridge(self) -> str:
        """The bridge's name."""
        return f"br-{self.name}"

    def ipv4(self, number: int) -> str:
        """The IPv4 address with this last number."""
        return f"{self.ipv4_block}.{number}"

    def ipv6(self, number: int) -> str:
        """The IPv6 address that ends in the same digits."""
        return f"{self.ipv6_block}::{number}"

    def mac(self, number: int) -> str:
        """A fixed hardware address: a host built anew keeps it, so that no neighbour has a stale one."""
        numbers = [*(int(part) for part in self.ipv4_block.split(".")), number]
        return "02:00:" + ":".join(f"{part:02x}" for part in numbers)


@dataclass(frozen=True)
class Plug:
    """Where a host is plugged in: its network, its own addresses, the machine it is a guest of."""

    host: str
    network: Network
    numbers: tuple[int, ...]
    guest_of: str = ""
    has_guests: bool = False
    beside: tuple[int, ...] = ()
    """The addresses on the same machine: its guests', or that of the machine and its other guests."""

    @property
    def cable(self) -> str:
        """The far end of the host's cable."""
        return f"v-{self.host}"

    def address(self) -> str:
        """The host's first IPv4 address."""
        return self.network.ipv4(self.numbers[0])

    @property
    def interface(self) -> str:
        """The interface that carries the host's addresses; guests hang on the same bridge."""
        return "br0" if self.has_guests else "eth0"


def build_internet(keeper: Keeper, networks: list[Network]) -> None:
    """Make the router and one bridge per network; nothing leads to the machine's real network."""
    lines = ["link set lo up"]
    for network in networks:
        bridge = network.bridge
        lines += [
            f"link add {bridge} address {network.mac(1)} type bridge",
            f"link set {bridge} up",
            f"addr add {network.ipv4(1)}/24 dev {bridge}",
            f"addr add {network.ipv6(1)}/64 dev {bridge} nodad",
        ]
    _batch(keeper, lines)
    keeper.sh("echo 1 > /proc/sys/net/ipv4/ip_forward; echo 1 > /proc/sys/net/ipv6/conf/all/forwarding")


def plug_in(keeper: Keeper, plug: Plug) -> None:
    """Make the host's network namespace and its cable; addresses answer at once (no duplicate detection)."""
    keeper.sh(f"ip netns add {plug.host}; ip netns exec {plug.host} sh -c '{NO_SHORTCUTS}'")
    where = plug.guest_of or None
    bridge = "br0" if where else plug.network.bridge
    mac = plug.network.mac(plug.numbers[0])
    _batch(
        keeper,
        [
            f"link add {plug.cable} type veth peer name eth0 netns {plug.host}",
            f"link set {plug.cable} master {bridge} up",
        ],
        where,
    )
    _batch(keeper, _host_side(plug, mac), plug.host)
    _batch(keeper, _neighbours(plug, mac))


def _host_side(plug: Plug, mac: str) -> list[str]:
    lines = ["link set lo up"]
    if plug.has_guests:
        lines += [f"link add br0 address {mac} type bridge", "link set eth0 master br0 up", "link set br0 up"]
    else:
        lines += [f"link set eth0 address {mac} up"]
    network, at, own = plug.network, plug.interface, plug.numbers[0]
    for number in plug.numbers:
        lines += [f"addr add {network.ipv4(number)}/32 dev {at}", f"addr add {network.ipv6(number)}/128 dev {at} nodad"]
    # As at large providers, customers are no neighbours: everything goes by the router, but what is on one machine.
    for number in (1, *plug.beside):
        lines += [f"route add {network.ipv4(number)}/32 dev {at}", f"route add {network.ipv6(number)}/128 dev {at}"]
    return [
        *lines,
        f"route add default via {network.ipv4(1)} src {network.ipv4(own)}",
        f"route add ::/0 via {network.ipv6(1)} src {network.ipv6(own)}",
    ]


def _neighbours(plug: Plug, mac: str) -> list[str]:
    """Tell the router who is who for good: behind a pulled cable packets vanish, as they do on the real internet."""
    network = plug.network
    addresses = [address(number) for number in plug.numbers for address in (network.ipv4, network.ipv6)]
    return [f"neigh replace {address} lladdr {mac} dev {network.bridge} nud permanent" for address in addresses]


def unplug_for_good(keeper: Keeper, plug: Plug) -> None:
    """Take the host's network namespace away (its cable goes with it)."""
    keeper.sh(f"ip netns del {plug.host} 2>/dev/null || true")


def set_cable(keeper: Keeper, plug: Plug, *, plugged: bool) -> None:
    """Pull the host's cable, or plug it in again."""
    _batch(keeper, [f"link set {plug.cable} {'up' if plugged else 'down'}"], plug.guest_of or None)


def set_filter(keeper: Keeper, plug: Plug, port: int, verdict: str) -> None:
    """Let the host `drop` or `reject` what comes in on a TCP port, as a firewall in front of it would."""
    end = {"drop": "drop", "reject": "reject with icmpx admin-prohibited"}[verdict]
    rules = [
        "add table inet lab",
        "add chain inet lab in { type filter hook input priority 0; }",
        f"add rule inet lab in tcp dport {port} {end}",
    ]
    keeper.run(["ip", "netns", "exec", plug.host, "nft", "; ".join(rules)])


def clear_filter(keeper: Keeper, plug: Plug) -> None:
    """Take every filter of the host away."""
    keeper.run(["ip", "netns", "exec", plug.host, "nft", "add table inet lab; delete table inet lab"])


def _batch(keeper: Keeper, lines: list[str], where: str | None = None) -> None:
    keeper.run(["ip", *(["-n", where] if where else []), "-batch", "-"], stdin="\n".join(lines) + "\n")
