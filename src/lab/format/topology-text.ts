import { configFields } from "../../config/fields.ts";
import type { FileSchema, KeyPath } from "../../config/schema-text.ts";
import { checkKinds } from "./check-keys.ts";
import { topologyFields } from "./file-keys.ts";

/** What messages about a topology file need to know of it. */
export const topologySchema: FileSchema = {
  root: topologyFields,
  mappings: [
    ["the top of the file", []],
    ["a network", ["networks", "NAME"]],
    ["a LAN", ["lans", "NAME"]],
    ["a router", ["routers", "NAME"]],
    ["the `nat` of a router", ["routers", "NAME", "nat"]],
    ["a host", ["hosts", "NAME"]],
    ["an LCCE", ["lcces", "NAME"]],
    ["a link", ["links", "NAME"]],
    ["a site", ["sites", "NAME"]],
  ],
  unknownKey,
};

function unknownKey(key: string, [first, index, ...inner]: KeyPath): string | undefined {
  if (first === "lcces" && inner.join() === "wirespan" && Object.hasOwn(configFields.shape, key))
    return "not beside file: what the configuration says stands in that file";
  if (first !== "checks" || index === undefined || inner.length > 0) return undefined;
  return Object.hasOwn(checkKinds, key)
    ? `a check is of one kind, and this one has another already: make a second check of ${key}`
    : undefined;
}
