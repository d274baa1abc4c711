import { expect, test, vi } from "vitest";
import { readCapture } from "../../src/os/capture-file.ts";

vi.mock("pcap", () => {
  throw new Error("libpcap.so.0.8: cannot open shared object file");
});

test("without libpcap it is said what to install", async () => {
  const path = new URL(import.meta.url).pathname;
  await expect(readCapture(path, () => {})).rejects.toThrow(
    new RegExp(
      "reading captures: not supported here; needs libpcap: " +
        "apt-get install libpcap0.8.*npm rebuild pcap",
    ),
  );
});
