import type { RawConfig } from "./fields.ts";
import type { Issue, ReportIssue } from "./issues.ts";
import { isLocal, listenAddressOf, listenText } from "./listen-address.ts";

const NO_LISTEN = "of no use without listen: nothing can be read over HTTP";

/** Issues between the keys of `http:`; `controlSocket` is the path that the local API has. */
export function checkHttp(
  { listen = [], token, hosts }: RawConfig["http"],
  controlSocket: string | undefined,
): readonly Issue[] {
  const issues: Issue[] = [];
  const report: ReportIssue = (path, message, of = []) =>
    issues.push({ path: ["http", ...path], message, of });
  const texts = typeof listen === "string" ? [listen] : listen;
  const seen = new Set<string>();
  for (const [index, text] of texts.entries()) {
    const address = listenAddressOf(text);
    const at = typeof listen === "string" ? ["listen"] : ["listen", index];
    if (token === undefined && !isLocal(address))
      report(
        at,
        `${text} can be reached from other machines: give token: { file: PATH } too, ` +
          "or listen at 127.0.0.1, [::1] or a Unix socket",
        [["http", "token"]],
      );
    if (address.kind === "unix" && address.path === controlSocket)
      report(at, "the control socket has this path: give this one another");
    if (seen.has(listenText(address))) report(at, `${text} is there twice`);
    seen.add(listenText(address));
  }
  if (texts.length > 0) return issues;
  if (token !== undefined) report(["token"], NO_LISTEN, [["http", "listen"]]);
  if (hosts.length > 0) report(["hosts"], NO_LISTEN, [["http", "listen"]]);
  return issues;
}
