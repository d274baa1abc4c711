/**
 * Why no interface can be put into a bridge of a name, and what to do; undefined where one can. `found` is
 * what has the name.
 */
export function bridgeProblem(
  name: string,
  found: { readonly kind: string | undefined } | undefined,
): string | undefined {
  if (found === undefined) return `bridge ${name} does not exist; create it: ip link add ${name} type bridge`;
  if (found.kind === "bridge") return undefined;
  return `${name} is no bridge; name a bridge in the file (they are listed by: ip link show type bridge)`;
}

/** Why a TAP device cannot have the name of another interface, and what to do. */
export function takenName(name: string): string {
  return `there is already an interface ${name} that is not a TAP device: choose another name or delete it`;
}

/** Why a TAP device cannot have the name of one that another daemon has, and what to do. */
export function othersTap(name: string): string {
  return (
    `${name} is the TAP device of another Wirespan daemon (of another lcce.control_socket): ` +
    "choose another name or stop that daemon"
  );
}
