import { BaseSequencer, type TestSpecification } from "vitest/node";

/**
 * TABLE: files that take long, the longest first, as three at a time took them on two processors. Guests keep
 * a processor busy, and stand apart so that what waits for timers and packets goes on beside them.
 */
export const longest: readonly string[] = [
  "netns/numbers-go-on",
  "guest/newest-kernel",
  "lab/topologies",
  "netns/second-daemon",
  "guest/older-kernel",
  "netns/waiting-tunnels",
  "netns/take-over",
  "netns/lan-software",
  "guest/kernel-l2tp",
  "netns/recovery",
  "netns/hostile",
  "netns/bulk",
  "netns/link-storm",
  "guest/real-vlans",
  "netns/host-tunnels",
  "netns/dscp",
  "netns/slow-link",
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
