import { expect, test } from "vitest";
import { listenAddressOf, listenText } from "../../src/config/listen-address.ts";
import { planChange } from "../../src/config/plan.ts";
import { configOf, configText, marksOf } from "../support/configuration.ts";

const withHttp = (keys: string) => configText({ top: `http: { ${keys} }` });

test.each([
  ["127.0.0.1:9701", { kind: "ip", address: "127.0.0.1", port: 9701 }],
  ["[0:0::1]:9701", { kind: "ip", address: "::1", port: 9701 }],
  ["[::]:80", { kind: "ip", address: "::", port: 80 }],
  ["unix:/run/wirespan/http.sock", { kind: "unix", path: "/run/wirespan/http.sock" }],
])("%s is an address to listen at", (text, address) => {
  const token = "token: { file: t }";
  expect(configOf(withHttp(`listen: "${text}", ${token}`)).http.listen).toEqual([address]);
  expect(listenAddressOf(listenText(listenAddressOf(text)))).toEqual(address);
});

const WANTED = "wanted ADDRESS:PORT, [IPV6-ADDRESS]:PORT or unix:PATH, such as 127.0.0.1:9701";

test.each([
  ["127.0.0.1", "the port is missing: 127.0.0.1:9701"],
  ["::1", "an IPv6 address stands in brackets: [::1]:9701"],
  ["::1:9701", "an IPv6 address stands in brackets: [::1:9701]:9701"],
  ["[127.0.0.1]:80", "an IPv4 address stands without brackets: 127.0.0.1:80"],
  ["127.0.0.1:0", "wanted a port from 1 to 65535"],
  ["127.0.0.1:70000", "wanted a port from 1 to 65535"],
  [":9701", WANTED],
  ["9701", WANTED],
  ["[fe80::1%eth0]:9701", `${WANTED}; names and zones are not looked up here`],
  ["example.net:9701", `${WANTED}; names and zones are not looked up here`],
  ["localhost:9701", "write the address: 127.0.0.1:9701 or [::1]:9701, or both as a list"],
  ["http.sock", WANTED],
  ["/run/http.sock", "for a Unix socket write unix:/run/http.sock"],
  ["unix:http.sock", "wanted the whole path of a Unix socket: unix:/run/wirespan/http.sock"],
  [
    `unix:/${"x".repeat(107)}`,
    "longer than 107 octets, all that the kernel takes of the path of a Unix socket",
  ],
])("%s is none, and what to write is said", (text, message) => {
  for (const listen of [`"${text}"`, `["${text}"]`]) {
    const found = marksOf(withHttp(`token: { file: t }, listen: ${listen}`));
    expect(found).toEqual([expect.stringContaining(`${message}: http.listen`)]);
  }
});

test.each([
  [
    'listen: ["127.0.0.1:80", "192.0.2.1:80"]',
    [
      "192.0.2.1:80 can be reached from other machines: give token: { file: PATH } too, " +
        'or listen at 127.0.0.1, [::1] or a Unix socket: http.listen[1] <"192.0.2.1:80"]>',
    ],
  ],
  [
    'listen: "[::]:80"',
    [
      "[::]:80 can be reached from other machines: give token: { file: PATH } too, " +
        'or listen at 127.0.0.1, [::1] or a Unix socket: http.listen <"[::]:80">',
    ],
  ],
  ['listen: ["[::1]:80", "[0::1]:80"]', ['[0::1]:80 is there twice: http.listen[1] <"[0::1]:80"]>']],
  [
    'listen: "unix:/run/wirespan/wirespan.sock"',
    [
      "the control socket has this path: give this one another: " +
        'http.listen <"unix:/run/wirespan/wirespan.sock">',
    ],
  ],
  ["token: { env: A }", ["of no use without listen: nothing can be read over HTTP: http.token <token:>"]],
  ["hosts: [a]", ["of no use without listen: nothing can be read over HTTP: http.hosts <[a]>"]],
  [
    'listen: "127.0.0.1:80", token: abc',
    [
      "wanted { file: PATH }, { credential: NAME } or { env: NAME }: the secret itself does not belong in " +
        "this file: http.token <abc>",
    ],
  ],
  [
    'listen: "127.0.0.1:80", hosts: ["a:80", "a b"]',
    [
      'wanted a DNS name or an address, without port and brackets: http.hosts[0] <"a:80">',
      'wanted a DNS name or an address, without port and brackets: http.hosts[1] <"a>',
    ],
  ],
])("%s is refused", (keys, found) => {
  expect(marksOf(withHttp(keys))).toEqual(found);
});

test("an address that needs a token is told of only where the token is in order", () => {
  const found = marksOf(withHttp('listen: "192.0.2.1:80", token: { fil: t }'));
  expect(found.filter((line) => line.includes("http.listen"))).toEqual([]);
  expect(found.length).toBe(1);
});

test("a reload takes all of it in place, and shows no token", () => {
  const before = configOf(withHttp('listen: "127.0.0.1:80", token: { file: a }'));
  const after = configOf(withHttp('listen: ["127.0.0.1:80", "[::1]:80"], hosts: [A.example]'));
  expect(planChange(before, after)).toEqual([
    {
      action: "update",
      kind: "http",
      name: "http",
      reasons: [
        'listen: 127.0.0.1:80 -> ["127.0.0.1:80","[::1]:80"]',
        "token: { file: a } -> (none)",
        "hosts.0: (none) -> a.example",
      ],
    },
  ]);
});
