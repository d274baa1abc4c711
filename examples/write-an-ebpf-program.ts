/**
 * Writes a program that counts packets by EtherType, and shows it as the kernel will see it: as text and as
 * octets. Run it with `node examples/write-an-ebpf-program.ts` (Node 22.18 or later). In a program of your
 * own, import from "wirespan".
 */
import { bpf } from "../src/index.ts";

const { Register, skbContext, updateModes, verdicts, label } = bpf;
const { load16, load32, store32, store64, loadMapFd, atomicAdd64 } = bpf;
const { move, add, toBigEndian16, jump, jumpIfEqual, jumpIfGreater, call, exit } = bpf;
const { result, arg1, arg2, arg3, arg4, saved1, saved2, saved3, frame } = Register;

const ETHERNET_OCTETS = 14;
const ETHER_TYPE = 12;

/** Where on the stack what helpers take by its address stands. */
const KEY = -4;
const VALUE = -16;

/**
 * Adds 1 to the count of a packet's EtherType and lets it pass. `map` is the descriptor of a hash whose keys
 * are EtherTypes as numbers of 4 octets, and whose values are counts of 8; a type that the map has no room
 * for is not counted.
 */
export function countByEtherType({ map }: { map: number }): readonly bpf.Line[] {
  return [
    // if (skb->data + 14 > skb->data_end) goto pass;
    load32(saved1, arg1, skbContext.data),
    load32(saved2, arg1, skbContext.dataEnd),
    move(arg2, saved1),
    add(arg2, ETHERNET_OCTETS),
    jumpIfGreater(arg2, saved2, "pass"),
    // u32 key = ntohs(ethernet->type);
    load16(saved3, saved1, ETHER_TYPE),
    toBigEndian16(saved3),
    store32(frame, KEY, saved3),
    // u64 *count = bpf_map_lookup_elem(map, &key); if (count == NULL) goto first;
    ...mapAndKey(map),
    call("map_lookup_elem"),
    jumpIfEqual(result, 0, "first"),
    // __sync_fetch_and_add(count, 1); goto pass;
    move(arg1, 1),
    atomicAdd64(result, 0, arg1),
    jump("pass"),
    // u64 one = 1; bpf_map_update_elem(map, &key, &one, BPF_NOEXIST);
    label("first"),
    store64(frame, VALUE, 1),
    ...mapAndKey(map),
    move(arg3, frame),
    add(arg3, VALUE),
    move(arg4, updateModes.onlyNew),
    call("map_update_elem"),
    // return TCX_NEXT;
    label("pass"),
    move(result, verdicts.next),
    exit(),
  ];
}

/** A part that is needed twice is a function, as it would be anywhere. */
function mapAndKey(map: number): readonly bpf.Line[] {
  return [loadMapFd(arg1, map), move(arg2, frame), add(arg2, KEY)];
}

export function main(print: (line: string) => void): void {
  // The kernel gives a descriptor to who makes a map; here nothing is loaded, and any number will do.
  const program = countByEtherType({ map: 3 });
  for (const line of bpf.list(program)) print(line);
  const octets = bpf.assemble(program);
  print(`${octets.length / 8} slots, the first: ${Buffer.from(octets.subarray(0, 8)).toString("hex")}`);
  // What is written wrongly is told where it is written.
  try {
    move(result, 0xffff_ffff);
  } catch (error) {
    if (!(error instanceof bpf.AssemblyError)) throw error;
    print(error.message);
  }
}

if (process.argv[1] === import.meta.filename) main(console.log);
