import { expect, test } from "vitest";
import { eventually, Lab, MAIN, output } from "../support/lab.ts";

async function edit(lab: Lab, change: (text: string) => string): Promise<string> {
  const { stdout: text } = await lab.exec("lcce-a", "cat", "/run/wirespan-a.yaml");
  await lab.shell("lcce-a", "cat > /run/wirespan-a.yaml", change(text));
  return text;
}

function reload(lab: Lab) {
  return lab.exec("lcce-a", process.execPath, MAIN, "reload", "--socket", "/run/wirespan-a.sock");
}

test("reload changes only what differs: another VLAN loses no frame; a bad file has no effect", async () => {
  await using lab = await Lab.up("vlan-trunk");
  await lab.reached("a10", "10.0.0.14");
  const before = await lab.status("a");
  const traffic = lab.spawn("a10", "ping", "-q", "-c", "200", "-i", "0.02", "-W1", "10.0.0.14");
  const pinged = output(traffic);

  const original = await edit(lab, (text) => text.replace(/\n {6}twenty:\n(?: {8}.*\n)*/, "\n"));
  const removed = await reload(lab);
  expect(removed.status).toBe(0);
  expect(removed.stdout).toContain("remove pseudowire twenty of tunnel to-b");
  expect(removed.stdout.trim().split("\n")).toHaveLength(1);
  expect((await lab.status("a")).pseudowires.map(({ name }) => name)).toEqual(["ten", "thirty"]);
  await eventually(
    "b's session of VLAN 20 is gone",
    async () => (await lab.pseudowire("b", "twenty")).state !== "established",
  );

  await edit(lab, (text) => `${text}nonsense: 1\n`);
  const refused = await reload(lab);
  expect(refused.status).toBe(3);
  expect(refused.stderr).toMatch(/wirespan-a\.yaml:\d+:1\s+nonsense: unknown key/);
  expect((await lab.status("a")).pseudowires).toHaveLength(2);

  await edit(lab, () => original.replaceAll("/run/wirespan.secret", "/run/absent.secret"));
  const unreadable = await reload(lab);
  expect(unreadable.status).toBe(1);
  expect(unreadable.stderr).toContain("tunnel to-b is unchanged and keeps its secret: read a secret");
  expect(unreadable.stderr).toContain("ENOENT (/run/absent.secret)");
  expect((await lab.status("a")).pseudowires).toHaveLength(2);

  await edit(lab, () =>
    original.replace("hello_interval_s", "x").replace("  to-b:\n", "  to-b:\n    hello_interval_s: 30\n"),
  );
  const restored = await reload(lab);
  expect(restored.stdout).toContain("update tunnel to-b");
  expect(restored.stdout).toContain("create pseudowire twenty of tunnel to-b");
  await eventually("VLAN 20 is back", () => lab.reaches("a20", "10.0.0.15"));

  expect(await pinged).toContain("200 packets transmitted, 200 received, 0% packet loss");
  const after = await lab.status("a");
  expect(after.controlConnections[0]?.localControlConnectionId).toBe(
    before.controlConnections[0]?.localControlConnectionId,
  );
  expect(after.pseudowires[0]?.localSessionId).toBe(before.pseudowires[0]?.localSessionId);
});
