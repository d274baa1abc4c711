import { writeFileSync } from "node:fs";
import { createServer, type ServerResponse } from "node:http";

/**
 * A small web server: node http-server.js PORT NAME UP-FILE. It answers /octets/N with N octets, and any
 * other path with a line that has its name. It makes UP-FILE once it listens.
 */
const MOST_OCTETS = 10_000_000_000;
const PIECE = Buffer.alloc(65_536, "0123456789abcdef");

const [port = "80", name = "", upFile = ""] = process.argv.slice(2);

function sendOctets(response: ServerResponse, wanted: number): void {
  response.writeHead(200, { "content-type": "application/octet-stream", "content-length": wanted });
  let left = wanted;
  const send = (): void => {
    while (left > 0) {
      const piece = PIECE.subarray(0, Math.min(left, PIECE.length));
      left -= piece.length;
      if (!response.write(piece)) {
        response.once("drain", send);
        return;
      }
    }
    response.end();
  };
  send();
}

const server = createServer(({ method, url, socket }, response) => {
  process.stdout.write(`${socket.remoteAddress} ${method} ${url}\n`);
  const octets = /^\/octets\/(\d{1,11})$/.exec(url ?? "")?.[1];
  if (octets !== undefined && Number(octets) <= MOST_OCTETS) return sendOctets(response, Number(octets));
  response.writeHead(200, { "content-type": "text/plain; charset=utf-8" });
  response.end(`It works at ${name}\n`);
});
server.listen(Number(port), "::", () => writeFileSync(upFile, ""));
