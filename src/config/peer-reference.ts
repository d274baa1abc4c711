import { abilitiesOf, type PeerAbilities, peerKinds } from "./peer-kinds.ts";

/** The section of docs/configuration.md on `peer`: what each value sets, and what it stands for. */
export function peerReference(): string {
  const rows = peerKinds.map((kind) => {
    const peer = abilitiesOf(kind);
    const cells = [`\`${kind}\``, setsText(peer), ...abilityTexts(peer), peer.known];
    return `| ${cells.join(" | ")} |`;
  });
  return `## What \`peer\` sets

Keys in the second column have these values unless the tunnel or pseudowire has its own; the others are what
\`wirespan check\` goes by. "From its documentation" means that nobody has run it against Wirespan: tell us.
How to write the other end is in [other-ends.md](other-ends.md).

| \`peer\` | sets | control | in | cookies | sublayer | numbers | digests | known |
| --- | --- | --- | --- | --- | --- | --- | --- | --- |
${rows.join("\n")}`;
}

function setsText({ sets: { tunnel, pseudowire } }: PeerAbilities): string {
  const keys = [...Object.entries(tunnel), ...Object.entries(pseudowire)];
  return keys.map(([key, value]) => `\`${key}: ${value}\``).join(", ") || "-";
}

function abilityTexts(peer: PeerAbilities): readonly string[] {
  const encapsulations = peer.encapsulations.map((one) => one.toUpperCase()).join(", ");
  const families = peer.families.map((family) => `v${family}`).join(", ");
  const digests = peer.authentication.filter((mode) => mode !== "none");
  return [
    peer.control.join(", "),
    `${encapsulations}; ${families}`,
    peer.cookieOctets.join(", "),
    peer.sublayer,
    peer.sequencing,
    digests.join(", ") || "no",
  ];
}
