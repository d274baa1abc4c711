/**
 * TABLE: programs that networks rely on, each as what runs at site 1 while site 2 tries it. Both are scripts
 * of bash with `N` and `M`, the number of the own site and of the other one, and folders of their own; site 2
 * has succeeded when its script ends with 0.
 */
export interface LanProgram {
  readonly name: string;
  /** Debian packages that it is of, beside those of the lab. */
  readonly packages: readonly string[];
  readonly one: string;
  readonly two: string;
}

/** Waits until a command succeeds. */
const UNTIL =
  'until_() { local end=$((SECONDS + 40)); until "$@"; do ((SECONDS < end)) || return 1; sleep 0.2; done; }';

/** What every script begins with: folders of its own, a name. */
export const PRELUDE = `set -u
for folder in /run /var/lib /var/tmp /tmp; do mount -t tmpfs tmpfs $folder || exit 1; done
cd /tmp || exit 1
hostname site$N
${UNTIL}`;

const frr = `install -d -o frr -g frr /run/frr
echo "interface eth0
 ip ospf area 0
 ip ospf hello-interval 1
 ip ospf dead-interval 4
router ospf
 ospf router-id 10.1.0.$N" >ospfd.conf
echo "interface eth0
 ip router isis 1
 isis hello-interval 1
router isis 1
 net 49.0001.0000.0000.000$N.00
 is-type level-2-only" >isisd.conf
echo "bfd
 peer 10.1.0.$M" >bfdd.conf
touch zebra.conf
for d in zebra ospfd isisd bfdd; do
  /usr/lib/frr/$d -d -P 0 --vty_socket /run/frr -i /run/frr/$d.pid -z /run/frr/zserv.api \\
    -f /tmp/$d.conf || exit 1
done
ask() { vtysh --vty_socket /run/frr -c "$1" 2>/dev/null | grep -qE "$2"; }`;

const keepalived = `echo "vrrp_instance lan {
  interface eth0
  virtual_router_id 7
  priority $((200 - 50 * N))
  advert_int 1
  virtual_ipaddress { 10.1.0.77/24 }
}" >k.conf
start() { exec keepalived -n -P -f /tmp/k.conf -p /run/k.pid -r /run/v.pid -l -D; }`;

const ptp = "ptp4l -i eth0 -2 -S -m --free_running 1";

const lldp = "mkdir -p /run/lldpd; lldpd -d -u /run/l.sock -I eth0 -f /dev/null";

const dnsmasq =
  "dnsmasq -k -C /dev/null -u root -i eth0 -z --port=0 -F 10.1.0.50,10.1.0.99 " +
  "-l /run/leases -x /run/d.pid --enable-tftp --tftp-root=/tmp";

const pattern = (octets: number) =>
  `head -c ${octets} /dev/zero | openssl enc -aes-128-ctr -K 00 -iv 00 2>/dev/null`;

export const lanPrograms: readonly LanProgram[] = [
  {
    name: "dnsmasq and udhcpc: a lease by DHCP",
    packages: ["dnsmasq-base"],
    one: dnsmasq,
    two: "until_ busybox udhcpc -i eth0 -n -q -f -t 3 -T 1 -s /bin/true",
  },
  {
    name: "FRR: OSPF, IS-IS with padded hellos, BFD",
    packages: ["frr"],
    one: `${frr}; sleep infinity`,
    two: `${frr}
until_ ask "show ip ospf neighbor" "Full/" && until_ ask "show isis neighbor" "site|Up" &&
until_ ask "show bfd peers" "Status: up"`,
  },
  {
    name: "keepalived: a backup hears the master, and takes over when it goes",
    packages: ["keepalived"],
    one: `${keepalived}; start 2>/dev/null & pid=$!; busybox nc -l -p 7000 >/dev/null; kill $pid; wait $pid`,
    two: `${keepalived}
start 2>k.log & until_ grep -q "Entering BACKUP STATE" k.log || exit 1
until_ ping -q -c1 -W1 10.1.0.77 >/dev/null || exit 1
! ip addr show dev eth0 | grep -q 10.1.0.77 && echo | busybox nc -w 2 10.1.0.1 7000
has() { ip addr show dev eth0 | grep -q 10.1.0.77; }
until_ has`,
  },
  {
    name: "avahi: a name by multicast DNS",
    packages: ["avahi-daemon"],
    one: `mkdir -p /run/avahi-daemon; printf '%s\\n' '[server]' host-name=printer enable-dbus=no \\
  allow-interfaces=eth0 >a.conf
avahi-daemon -f /tmp/a.conf --no-drop-root --no-chroot --no-rlimits`,
    two: `question='000100000001000000000000 077072696e746572 056c6f63616c 00 0001 0001'
ask() { python3 -c "
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(1)
s.setsockopt(0, socket.IP_MULTICAST_IF, socket.inet_aton('10.1.0.2')); s.bind(('10.1.0.2', 0))
s.sendto(bytes.fromhex('$question'), ('224.0.0.251', 5353))
assert socket.inet_aton('10.1.0.1') in s.recv(1500)" 2>/dev/null; }
until_ ask`,
  },
  {
    name: "ptp4l: delays are measured, and no port is faulty",
    packages: ["linuxptp"],
    one: `${ptp} --priority1 10`,
    two: `${ptp} >p.log & until_ eval 'test $(grep -c "path delay" p.log) -ge 3' && ! grep -qi fault p.log`,
  },
  {
    name: "lldpd: a neighbour",
    packages: ["lldpd"],
    one: lldp,
    two: `${lldp} & until_ eval 'lldpcli -u /run/l.sock show neighbors | grep -q site1'`,
  },
];

/** TABLE: those that fill the line, and so run alone. */
export const lanLoads: readonly LanProgram[] = [
  ...[512, 1428].map((octets) => ({
    name: `TFTP of dnsmasq: 300 kB in blocks of ${octets}`,
    packages: ["dnsmasq-base"],
    one: `${pattern(300_000)} >file; ${dnsmasq}`,
    two: `get() { busybox tftp -g -b ${octets} -r file -l got 10.1.0.1 && cmp got <(${pattern(300_000)}); }
until_ get`,
  })),
  ...[16, 1472, 8972].map((octets) => ({
    name: `iperf3 -u: datagrams of ${octets} octets, none lost`,
    packages: ["iperf3"],
    one: "iperf3 -s -B 10.1.0.1",
    two: `try() { iperf3 -u -c 10.1.0.1 -b 2M -t 1 -l ${octets} -J >i.json && python3 -c '
import json
s = json.load(open("i.json"))["end"]["sum"]
assert s["packets"] > 10 and s["lost_packets"] == 0, s'; }
until_ try`,
  })),
  {
    name: "HTTP: 200 MB, equal by their hash",
    packages: [],
    one: `${pattern(200_000_000)} >file; busybox httpd -f -p 80 -h /tmp`,
    two: `get() { busybox wget -q -O - http://10.1.0.1/file | sha256sum >got; test "\${PIPESTATUS[0]}" = 0; }
until_ get && diff got <(${pattern(200_000_000)} | sha256sum)`,
  },
];
