import { execFileSync } from "node:child_process";
import { chmodSync, copyFileSync, mkdirSync, readdirSync, readFileSync, statSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { filesOf } from "./files.ts";
import type { NodeBuild } from "./nodes.ts";
import { packagesFolder, repository } from "./paths.ts";
import { emptyFolder, fillPrefix, type Places, setModes, writeInto } from "./system.ts";
import { type Manifest, readManifest, type Tree } from "./tree.ts";

/** The package for Debian 12 and later: it brings a Node of its own, and needs nothing but the C library. */

const MAINTAINER = "The Wirespan authors <wirespan@users.noreply.github.com>";
/** TABLE: what Debian calls processors. */
const architectures: Readonly<Record<string, string>> = { x64: "amd64", arm64: "arm64" };

const places: Places = {
  library: "lib/wirespan",
  documents: "share/doc/wirespan",
  units: "lib/systemd/system",
  command: '#!/bin/sh\nexec /usr/lib/wirespan/node /usr/lib/wirespan/dist/cli/main.js "$@"\n',
};

/** Scripts and the like of the package; `postinst` and others are executed. */
const scripts = join(repository, "packaging/debian");

/** Makes the package, compressed by a level of xz; returns its path. */
export function makeDeb(tree: Tree, node: NodeBuild, date: Date, level: number): string {
  const manifest = readManifest();
  const architecture = architectures[process.arch];
  if (architecture === undefined)
    throw new Error(`make a deb for ${process.arch}: Debian's name is not known`);
  const root = emptyFolder(join(packagesFolder, "deb"));
  const licences = fillPrefix(join(root, "usr"), places, node, tree);
  const documents = join(root, "usr", places.documents);
  writeInto(join(documents, "copyright"), copyright(manifest, tree, licences));
  writeInto(join(documents, "changelog.gz"), zipped(readFileSync(join(documents, "CHANGELOG.md"))));
  execFileSync("rm", [join(documents, "CHANGELOG.md")]);
  const version = `${manifest.version}-1`;
  writeInto(join(documents, "changelog.Debian.gz"), zipped(debianChangelog(version, date)));
  writeInto(
    join(root, "etc/wirespan/wirespan.yaml.example"),
    readFileSync(join(repository, "examples/minimal.yaml")),
  );
  writeInto(
    join(root, "usr/share/lintian/overrides/wirespan"),
    readFileSync(join(scripts, "lintian-overrides")),
  );
  setModes(join(root, "etc"));
  setModes(join(root, "usr/share"));
  const control = join(root, "DEBIAN");
  mkdirSync(control);
  const octets = filesOf(root).reduce((sum, path) => sum + statSync(join(root, path)).size, 0);
  writeInto(join(control, "control"), controlFile(version, architecture, Math.ceil(octets / 1024)));
  writeInto(join(control, "conffiles"), "/etc/wirespan/wirespan.yaml.example\n");
  writeInto(join(control, "md5sums"), md5sums(root));
  for (const name of readdirSync(scripts).filter((one) => /^(?:pre|post)(?:inst|rm)$/.test(one))) {
    copyFileSync(join(scripts, name), join(control, name));
    chmodSync(join(control, name), 0o755);
  }
  for (const path of ["", ...filesOf(root)]) utimesSync(join(root, path), date, date);
  const path = join(packagesFolder, `wirespan_${version}_${architecture}.deb`);
  execFileSync("dpkg-deb", ["--root-owner-group", "-Zxz", `-z${level}`, "--build", root, path], {
    stdio: "ignore",
  });
  return path;
}

function zipped(text: string | Uint8Array): Uint8Array {
  return gzipSync(text, { level: 9 });
}

function md5sums(root: string): string {
  const paths = filesOf(root).filter((path) => path.startsWith("usr/"));
  return execFileSync("md5sum", paths, { cwd: root, encoding: "utf8" });
}

function controlFile(version: string, architecture: string, installed: number): string {
  return `Package: wirespan
Version: ${version}
Section: net
Priority: optional
Architecture: ${architecture}
Maintainer: ${MAINTAINER}
Installed-Size: ${installed}
Depends: libc6 (>= 2.28), libgcc-s1, libstdc++6 (>= 8), init-system-helpers (>= 1.54~)
Recommends: iproute2, libpcap0.8
Suggests: bash-completion, tcpdump
Homepage: https://github.com/wirespan/wirespan
Description: L2TPv3 pseudowires for Ethernet and VLANs
 An LCCE (RFC 3931, RFC 4719) that bridges Ethernet networks across an IP
 network: it negotiates control connections and sessions, authenticates them,
 and carries frames between interfaces or TAP devices, in UDP or IP protocol
 115, over IPv4 and IPv6, by eBPF programs in the kernel or a thread of its
 own.
 .
 This package brings the Node.js that it runs with.
`;
}

/** Fields of a copyright file have no empty lines. */
function indented(text: string): string {
  const lines = text.trim().split("\n");
  return lines.map((line) => (line.trim() === "" ? " ." : ` ${line.trimEnd()}`)).join("\n");
}

function copyright({ name }: Manifest, { licence }: Tree, licences: string): string {
  const [first = "", ...rest] = licence.trim().split("\n\n");
  const holder = rest.shift()?.replace(/^Copyright \(c\) /, "") ?? first;
  return `Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: ${name}
Source: https://github.com/wirespan/wirespan

Files: *
Copyright: ${holder}
License: Expat
${indented(rest.join("\n\n"))}

Files: usr/lib/wirespan/node usr/lib/wirespan/node_modules/* usr/lib/wirespan/dist/bundle/*
Copyright: the authors that the texts below name
License: various
 Node.js and packages of npm, the latter also in the bundle of the program:
 .
${indented(licences)}
`;
}

function debianChangelog(version: string, date: Date): string {
  return `wirespan (${version}) unstable; urgency=medium

  * Made from the sources of this version; what changed is in changelog.gz.

 -- ${MAINTAINER}  ${date.toUTCString().replace("GMT", "+0000")}
`;
}
