// A name server on UDP port 53 of 127.0.0.1. The records are in a JSON file, which is read for each question:
// { "name": { "ttl": 5, "addresses": ["192.0.2.1", "2001:db8::1"] } }; without the file nothing is answered.
// With "refused": [28] questions for records of that type (AAAA) are refused.
import { createSocket } from "node:dgram";
import { appendFileSync, readFileSync } from "node:fs";

const [, , file, log] = process.argv;
const groups = (text) => text.split(":").filter((part) => part !== "");

/** The 4 or 16 octets of an address; "::" stands in the middle, if at all. */
function octetsOf(address) {
  if (!address.includes(":")) return address.split(".").map(Number);
  const [head, tail = ""] = address.split("::");
  const zeros = Array(8 - groups(head).length - groups(tail).length).fill("0");
  return [...groups(head), ...zeros, ...groups(tail)].flatMap((part) => {
    const value = Number.parseInt(part, 16);
    return [value >> 8, value & 255];
  });
}

const server = createSocket("udp4").on("message", (query, from) => {
  const labels = [];
  let at = 12;
  for (; query[at] !== 0; at += query[at] + 1)
    labels.push(query.toString("latin1", at + 1, at + 1 + query[at]));
  const [name, type] = [labels.join(".").toLowerCase(), query.readUInt16BE(at + 1)];
  appendFileSync(log, `${name} ${type}\n`);
  let records;
  try {
    records = JSON.parse(readFileSync(file, "utf8"));
  } catch {
    return;
  }
  const { ttl = 0, addresses = [], refused = [] } = records[name] ?? {};
  const wanted = addresses
    .map(octetsOf)
    .filter(({ length }) => length === (type === 1 ? 4 : type === 28 ? 16 : 0));
  const answers = wanted.map((octets) => {
    const head = Buffer.from([0xc0, 12, 0, type, 0, 1, 0, 0, 0, 0, 0, octets.length]);
    head.writeUInt32BE(ttl, 6);
    return Buffer.concat([head, Buffer.from(octets)]);
  });
  const header = Buffer.alloc(12);
  query.copy(header, 0, 0, 2);
  const code = refused.includes(type) ? 5 : records[name] === undefined ? 3 : 0;
  header.writeUInt16BE(0x8180 | code, 2);
  header.writeUInt16BE(1, 4);
  header.writeUInt16BE(answers.length, 6);
  server.send(Buffer.concat([header, query.subarray(12, at + 5), ...answers]), from.port, from.address);
});
server.bind(53, "127.0.0.1", () => console.log("ready"));
