import { expect, test } from "vitest";
import { problemLines } from "../../../src/lab/report/problem-lines.ts";
import { redactedYaml } from "../../../src/lab/report/redact.ts";

test.each([
  ["a: { receive_cookie: '0011', transmit_cookie: 99 }", ["0011", "99"]],
  ["a:\n  receive_cookie: 0011223344556677\n", ["0011223344556677"]],
  ["tunnels: { t: { secret: hunter2 } }", ["hunter2"]],
  ["tunnels: { t: { next_secret: hunter2, password: xyzzy, psk: plugh } }", ["hunter2", "xyzzy", "plugh"]],
  ["tunnels: { t: { secret: { secret_value: hunter2 } } }", ["hunter2"]],
  ["tunnels: [ hunter2", ["hunter2"]],
])("secrets of %j are not shown", (text, secrets) => {
  const shown = redactedYaml(text);
  for (const secret of secrets) expect(shown).not.toContain(secret);
});

test("everything else stays, comments and paths of secrets too", () => {
  const text = "# an office\ntunnels:\n  t:\n    secret: { file: /run/wirespan.secret }\n    cookie: 8\n";
  expect(redactedYaml(text)).toBe(text);
});

test("lines of a log that tell of something wrong", () => {
  const log = [
    '{"level":"info","time":"t1","text":"started"}',
    '{"level":"warn","time":"t2","text":"careful"}',
    '{"level":"fatal","time":"t3","text":"fatal"}',
    "Segmentation fault",
    "",
  ].join("\n");
  expect(problemLines(log)).toEqual([
    { time: "t2", level: "warn", text: "careful" },
    { time: "t3", level: "fatal", text: "fatal" },
    { time: "", level: "error", text: "Segmentation fault" },
  ]);
});
