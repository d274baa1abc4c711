import { shellWord } from "../bytes/shell-words.ts";
import type { BoundSocket } from "../os/bound-sockets.ts";
import type { Facts, TunnelFacts } from "./facts.ts";
import { openFilesFor } from "./machine-check-table.ts";
import { type CheckRow, type Found, judge, judgeEach } from "./outcome.ts";

/** Peers, and other programs of this machine that want the same. */

/** TABLE: services that speak L2TP, by the names of their processes. */
export const l2tpServices: Readonly<Record<string, string>> = {
  xl2tpd: "xl2tpd",
  openl2tpd: "openl2tpd",
  "accel-pppd": "accel-ppp",
  l2tpd: "l2tpd",
};

function stopCommand({ command, pid }: { readonly command: string; readonly pid: number }): string {
  const service = l2tpServices[command];
  return service === undefined ? `kill ${pid}` : `systemctl disable --now ${service}`;
}

const WILDCARDS = ["0.0.0.0", "::"];

/** The socket of somebody else that keeps a tunnel from its port; undefined for none. */
function takenBy({ config, ends }: TunnelFacts, sockets: readonly BoundSocket[]): BoundSocket | undefined {
  const { encapsulation, localPort } = config;
  if (encapsulation !== "udp" || localPort === 0) return undefined;
  const local = ends?.value?.local;
  return sockets.find(
    ({ kind, port, address }) =>
      kind === "udp" &&
      port === localPort &&
      (local === undefined || address === local || WILDCARDS.includes(address)),
  );
}

/** TABLE: checks of peers and of other programs. */
export const peerChecks = {
  "peer-name": {
    group: "peers",
    looksAt: "whether the name of each peer has an address",
    why: "a tunnel waits until its peer's name is answered",
    remedy: "correct the name, the name server or /etc/hosts",
    find: ({ tunnels }) =>
      judgeEach(tunnels, ({ config, name }) => {
        if (name === undefined || config.remote.kind !== "name") return undefined;
        const text = config.remote.name;
        if (name.addresses.length > 0) return [];
        return [
          {
            severity: "error",
            what: `${text} has no address: ${name.problem ?? "no answer"}`,
            advice: `see: getent ahosts ${text}, and /etc/resolv.conf`,
            path: ["tunnels", config.name, "remote"],
          },
        ];
      }),
  },
  "next-hop": {
    group: "peers",
    looksAt: "whether the next hop to each peer answers for its MAC address",
    why: "nothing leaves the link without it",
    remedy: "look at the router or the peer on this link, VLANs and addresses",
    find: ({ tunnels }) =>
      judgeEach(tunnels, ({ config, echo, path }) =>
        judge(echo, (answer) =>
          answer !== "next hop silent"
            ? []
            : [
                {
                  severity: "error",
                  what:
                    `${path?.value?.nextHop} does not answer at ${path?.value?.interfaceName}, ` +
                    `the next hop to the peer of ${config.name}`,
                  advice:
                    `see: ip neighbour show dev ${path?.value?.interfaceName}; ` +
                    "look at the link, VLANs, addresses",
                  path: ["tunnels", config.name, "remote"],
                },
              ],
        ),
      ),
  },
  "peer-reachable": {
    group: "peers",
    looksAt: "whether each peer answers an ICMP echo request (ping)",
    why: "who does not answer may be off, or elsewhere; many drop ICMP alone",
    remedy: "look at the other end, and at the way there",
    find: ({ tunnels, daemon }) =>
      judgeEach(tunnels, ({ config, echo, ends }) => {
        const status = daemon.status?.value?.controlConnections.find(({ tunnel }) => tunnel === config.name);
        if (status?.state === "established") return [];
        return judge(echo, (answer) =>
          answer !== "silent"
            ? []
            : [
                {
                  severity: "warning",
                  what: `the peer of ${config.name}, ${ends?.value?.remote}, answers no ping`,
                  advice: `see: tracepath -n ${ends?.value?.remote}; a firewall there may drop ICMP alone`,
                  path: ["tunnels", config.name, "remote"],
                },
              ],
        );
      }),
  },
  "port-taken": {
    group: "neighbours",
    looksAt: "whether another program has the UDP port of a tunnel, or IP protocol 115",
    why: "a tunnel waits for its port; and two programs that read protocol 115 both answer",
    remedy: "stop the other program, or give the tunnel another local_port (and the peer remote_port)",
    find: ({ tunnels, sockets }) => {
      if (tunnels.length === 0) return undefined;
      return judge(sockets, (all) => {
        const ofUdp = tunnels.flatMap((tunnel): readonly Found[] => {
          const taken = takenBy(tunnel, all);
          if (taken === undefined) return [];
          const path = ["tunnels", tunnel.config.name, "local_port"];
          return [takenFinding(taken, `UDP port ${taken.port} of ${taken.address}`, "error", path)];
        });
        const overIp = tunnels.find(({ config }) => config.encapsulation === "ip");
        const raw = all.filter(({ kind }) => kind === "raw");
        const path = ["tunnels", overIp?.config.name ?? "", "encapsulation"];
        const ofIp =
          overIp === undefined ? [] : raw.map((one) => takenFinding(one, "IP protocol 115", "warning", path));
        return [...ofUdp, ...ofIp];
      });
    },
  },
  "other-l2tp": {
    group: "neighbours",
    looksAt: "other software for L2TP that runs here: xl2tpd, openl2tpd, accel-ppp",
    why: "it wants UDP port 1701 too, at its next start at the latest",
    remedy: "stop and disable it, unless it is wanted",
    find: ({ otherPrograms }) =>
      judge(otherPrograms, (programs) =>
        programs.map((program) => ({
          severity: "note",
          what: `${program.command} (pid ${program.pid}) runs here, which speaks L2TP too`,
          commands: [stopCommand(program)],
          advice: "unless it is wanted",
        })),
      ),
  },
  "kernel-l2tp": {
    group: "neighbours",
    looksAt: "tunnels of the kernel's own L2TP (`ip l2tp`) between the ends of a tunnel of the file",
    why: "the kernel takes their messages before Wirespan sees any",
    remedy: "ip l2tp del tunnel",
    find: ({ tunnels, kernelTunnels }) => {
      if (tunnels.length === 0) return undefined;
      return judge(kernelTunnels, (all) =>
        tunnels.flatMap(({ config, ends }) =>
          all
            .filter(({ local, remote }) => local === ends?.value?.local && remote === ends.value.remote)
            .map(({ id, local, remote }) => ({
              severity: "warning",
              what: `the kernel has a tunnel ${id} of its own from ${local} to ${remote} (ip l2tp)`,
              commands: [`ip l2tp del tunnel tunnel_id ${id}`],
              path: ["tunnels", config.name, "remote"],
            })),
        ),
      );
    },
  },
  "other-daemons": {
    group: "neighbours",
    looksAt: "other daemons of Wirespan in this network namespace",
    why: "what one of them has, the other waits for",
    remedy: "nothing, where two are wanted; else stop one",
    find: ({ otherDaemons }) =>
      judge(otherDaemons, (owners) =>
        owners.map((owner) => ({
          severity: "note",
          what: `another daemon of Wirespan runs here${owner === undefined ? "" : ` (pid ${owner.pid})`}`,
          advice: "stop one of the two unless both are wanted",
        })),
      ),
  },
  unit: {
    group: "neighbours",
    looksAt: "the systemd unit: whether it is there, enabled, with this file, and has room for it",
    why: "without it no tunnel comes up when the machine starts again",
    remedy: "copy packaging/wirespan.service and enable it",
    find: ({ unit, ...facts }) => {
      if (unit.value === undefined && unit.unseen === undefined) return undefined;
      return judge(unit, (value) => (value === undefined ? [] : unitFindings(value, facts)));
    },
  },
} as const satisfies Readonly<Record<string, CheckRow>>;

function takenFinding(
  { owner }: BoundSocket,
  what: string,
  severity: "error" | "warning",
  path: readonly string[],
): Found {
  const who = owner === undefined ? "another program" : `${owner.command} (pid ${owner.pid})`;
  return {
    severity,
    what: `${who} has ${what}`,
    commands: owner === undefined ? [] : [stopCommand(owner)],
    advice: owner === undefined ? "who it is, root sees" : "or give the tunnel another local_port",
    path,
  };
}

const UNIT = "/etc/systemd/system/wirespan.service";

function unitFindings(
  unit: NonNullable<Facts["unit"]["value"]>,
  { config, file, packageFolder }: Pick<Facts, "config" | "file" | "packageFolder">,
): readonly Found[] {
  if (!unit.isLoaded)
    return [
      {
        severity: "note",
        what: "there is no unit wirespan.service: no daemon comes up when this machine starts",
        commands: [
          `cp ${shellWord(`${packageFolder}/packaging/wirespan.service`)} ${UNIT}`,
          "systemctl daemon-reload",
          "systemctl enable --now wirespan",
        ],
      },
    ];
  const found: Found[] = [];
  if (unit.fileState === "disabled")
    found.push({
      severity: "warning",
      what: "wirespan.service is not enabled: no daemon comes up when this machine starts",
      commands: ["systemctl enable wirespan"],
    });
  if (file !== undefined && unit.command !== "" && !unit.command.split(" ").includes(file))
    found.push({
      severity: "note",
      what: `wirespan.service runs another file than ${file}: ${unit.command}`,
      advice: "systemctl edit --full wirespan",
    });
  const wanted = config === undefined ? 0 : openFilesFor(config);
  if (unit.openFiles !== undefined && unit.openFiles < wanted)
    found.push({
      severity: "error",
      what: `wirespan.service may open ${unit.openFiles} files, and this file needs some ${wanted}`,
      advice: `systemctl edit wirespan, and write [Service] and LimitNOFILE=${wanted}`,
    });
  const socket = config?.lcce.controlSocket ?? "";
  if (socket.startsWith("/run/wirespan/") && !unit.runtimeDirectories.includes("wirespan"))
    found.push({
      severity: "note",
      what: "wirespan.service makes no /run/wirespan, where the control socket is",
      advice: "systemctl edit wirespan, and write [Service] and RuntimeDirectory=wirespan",
    });
  return found;
}
