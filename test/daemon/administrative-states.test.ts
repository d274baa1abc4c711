import { expect, test } from "vitest";
import { AdministrativeStates } from "../../src/daemon/administrative-states.ts";
import { configOf, configText } from "../support/configuration.ts";

test("what is closed stays so since the first time, under its new name, while the file has it", () => {
  const states = new AdministrativeStates();
  const config = configOf(configText());
  const [tunnel] = config.tunnels;
  const pseudowire = tunnel?.pseudowires[0]?.name ?? "";
  states.close("tunnel", "former", 5);
  states.close("tunnel", "former", 9);
  states.close("tunnel", "other", 6);
  states.close("pseudowire", pseudowire, 7);
  states.rename(
    new Map([
      ["former", tunnel?.name ?? ""],
      ["other", "former"],
    ]),
  );
  expect(states.downMs("tunnel", tunnel?.name ?? "")).toBe(5);
  expect(states.downMs("tunnel", "former")).toBe(6);
  states.retain(config);
  expect(states.isDown("tunnel", "former")).toBe(false);
  expect([states.isDown("tunnel", tunnel?.name ?? ""), states.isDown("pseudowire", pseudowire)]).toEqual([
    true,
    true,
  ]);
  states.open("tunnel", tunnel?.name ?? "");
  expect(states.downMs("tunnel", tunnel?.name ?? "")).toBe(undefined);
});
