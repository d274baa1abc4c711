import type { Router, Topology } from "../format/topology.ts";
import { natRules } from "../network/nat.ts";
import { forwardingSettings, UDP_TIMEOUT_SETTING } from "../network/routers.ts";
import { type ExportedFile, plainFile } from "./exported-file.ts";
import type { PortName } from "./port-names.ts";
import type { UserTexts } from "./wirespan-files.ts";

/** What a router needs beside its addresses: settings of the kernel, NAT, FRR. */
export function routerFiles(
  topology: Topology,
  router: Router,
  texts: UserTexts,
  nameOf: PortName,
): readonly ExportedFile[] {
  const { name, nat, frr } = router;
  const settings = Object.entries({ ...forwardingSettings, ...timeouts(router) });
  const sysctl = settings.map(([key, value]) => `${key.replaceAll("/", ".")} = ${value}\n`).join("");
  const files = [plainFile(`${name}/sysctl.conf`, `# For /etc/sysctl.d/90-router.conf.\n${sysctl}`)];
  if (nat !== undefined) files.push(plainFile(`${name}/nftables.conf`, rules(topology, router, nameOf)));
  if (frr !== undefined) {
    const text = texts.get(frr);
    if (text === undefined) throw new Error(`export ${name}: the text of ${frr} is missing`);
    files.push(plainFile(`${name}/frr.conf`, text));
  }
  return files;
}

function timeouts({ nat }: Router): Readonly<Record<string, number>> {
  const seconds = nat?.udp_timeout_s;
  if (seconds === undefined) return {};
  return { [UDP_TIMEOUT_SETTING]: seconds, [`${UDP_TIMEOUT_SETTING}_stream`]: seconds };
}

/** The rules, which replace their own table alone when they are loaded again. */
function rules(topology: Topology, router: Router, nameOf: PortName): string {
  const outer = router.nat?.out ?? "";
  const text = natRules(router, topology).replaceAll(
    JSON.stringify(outer),
    JSON.stringify(nameOf(router.name, outer)),
  );
  return `#!/usr/sbin/nft -f\ntable inet nat\ndelete table inet nat\n${text}`;
}
