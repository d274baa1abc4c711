import { escapedText } from "../src/bytes/printable-text.ts";
import type { MtuReport } from "../src/daemon/mtu-report.ts";

/** The MTU as a picture: what stands in front of a LAN's packet, and what of it fits the path. */

/** TABLE: how packets are called, by their kind. */
const kinds: Readonly<Record<string, string>> = {
  "tcp-ipv4": "TCP, IPv4",
  "tcp-ipv6": "TCP, IPv6",
  "udp-ipv4-df": "UDP, IPv4, DF",
  "udp-ipv4": "UDP, IPv4",
  "udp-ipv6": "UDP, IPv6",
};

export function Mtu({ report }: { readonly report: MtuReport }) {
  const { lanMtu, headers, needed, pathMtu, hosts, changes, assumptions } = report;
  const layers = [{ name: "IP packet of the LAN", octets: lanMtu }, ...headers].filter(
    ({ octets }) => octets > 0,
  );
  const need = needed[0]?.octets ?? 0;
  const room = pathMtu?.octets;
  const isFit = room === undefined || need <= room;
  return (
    <>
      <h3>MTU explained</h3>
      <div
        class="layers"
        role="img"
        aria-label={`A full-size frame needs ${need} octets; the path takes ${room ?? "an unknown number"}`}
      >
        {layers.toReversed().map(({ name, octets }, index) => (
          <div key={name} class={`layer layer${index === layers.length - 1 ? "-payload" : ""}`}>
            <span>{name}</span>
            <span class="number">{octets}</span>
          </div>
        ))}
        <div class="layer sum">
          <span>one full-size frame, as an IP packet</span>
          <span class="number">{need}</span>
        </div>
        <div class={`layer sum ${isFit ? "good-text" : "warn-text"}`}>
          <span>
            {room === undefined
              ? "the path MTU is not known"
              : isFit
                ? "fits the path MTU"
                : `${need - room} more than the path MTU`}
          </span>
          <span class="number">{room ?? "?"}</span>
        </div>
        {room !== undefined && (
          <svg class="ruler" viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true">
            <rect class={isFit ? "fits" : "over"} width={(100 * need) / Math.max(need, room)} height="6" />
            <rect class="room" width={(100 * Math.min(need, room)) / Math.max(need, room)} height="6" />
          </svg>
        )}
      </div>
      {hosts.slice(0, 1).map(({ tags, wholeOctets, traffic }) => (
        <table key={tags} class="counters">
          <caption>In one piece cross IP packets of up to {wholeOctets} octets.</caption>
          <tbody>
            {traffic.map(({ kind, octets, longest, fragments }) => (
              <tr key={kind}>
                <th scope="row">{kinds[kind] ?? kind}</th>
                <td class="number">{octets}</td>
                <td
                  class={
                    longest === "whole" ? "good-text" : longest === "discarded" ? "bad-text" : "warn-text"
                  }
                >
                  {longest === "fragmented"
                    ? `${fragments} fragments`
                    : longest === "whole"
                      ? "in one piece"
                      : longest}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      ))}
      {changes.map(({ text }, index) => (
        <p key={text} class={index === 0 ? "" : "note"}>
          {escapedText(text)}
        </p>
      ))}
      {assumptions.map((text) => (
        <p key={text} class="note">
          {escapedText(text)}
        </p>
      ))}
    </>
  );
}
