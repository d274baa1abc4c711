import { BaseSequencer, type TestSpecification } from "vitest/node";

/**
 * TABLE: files that take long, the longest first, as three at a time took them on two processors. Guests keep
 * a processor busy, and stand apart so that what waits for timers and packets goes on beside them.
 */
export const longest: readonly string[] = [
  "lab/topologies",
  "guest/newest-kernel",
  "netns/numbers-go-on",
  "lab/course",
  "netns/second-daemon",
  "guest/older-kernel",
  "netns/waiting-tunnels",
  "netns/take-over",
  "netns/lan-software",
  "lab/life",
  "lab/link-conditions",
  "guest/kernel-l2tp",
  "netns/recovery",
  "netns/hostile",
  "netns/bulk",
  "netns/path-mtu-search",
  "netns/path-mtu-echo",
  "netns/path-mtu",
  "netns/packet-too-big",
  "netns/moving-ends",
  "netns/link-storm",
  "guest/real-vlans",
  "netns/host-tunnels",
  "netns/dscp",
  "netns/slow-link",
  "lab/nothing-left",
  "lab/checks",
  "netns/many-sessions",
  "guest/ebpf-programs",
  "netns/size-notes",
  "netns/stop",
  "netns/ebpf-bulk",
];

/**
 * Starts the files that take longest before all others of their group, so that none of them is alone at the
 * end.
 */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const placeOf = ({ moduleId }: TestSpecification): number => {
      const place = longest.findIndex((name) => moduleId.endsWith(`/test/${name}.test.ts`));
      return place < 0 ? longest.length : place;
    };
    const groupOf = ({ project }: TestSpecification): number => project.config.sequence.groupOrder;
    const sorted = await super.sort(files);
    return sorted.sort((one, other) => groupOf(one) - groupOf(other) || placeOf(one) - placeOf(other));
  }
}
