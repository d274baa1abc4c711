import type { Command } from "commander";
import type { Shell } from "../../shell.ts";
import { labArguments } from "./options.ts";

/** `wirespan lab draw`: the picture of a topology. */
export function addLabDraw(lab: Command, shell: Shell): void {
  lab
    .command("draw")
    .description("draw a topology: SVG on standard output, or to a file")
    .argument(...labArguments.topology)
    .option("-o, --output <file>", "write to this file")
    .option("--mermaid", "a flowchart of Mermaid, for Markdown, instead of SVG")
    .option("--text", "lines of text, as `up` and `test` print them, instead of SVG")
    .action(
      async (
        name: string,
        options: { output?: string; mermaid?: boolean; text?: boolean },
      ): Promise<void> => {
        const { readTopology } = await import("../../../lab/format/read.ts");
        const { readConfigurations } = await import("../../../lab/drawing/configurations.ts");
        const { mermaidOfTopology, svgOfTopology } = await import("../../../lab/drawing/draw.ts");
        const { textDrawing } = await import("../../../lab/drawing/text-drawing.ts");
        const { writeText } = await import("../../../os/files.ts");
        const topology = readTopology(name);
        const draw =
          options.mermaid === true ? mermaidOfTopology : options.text === true ? textDrawing : svgOfTopology;
        const text = draw(topology, readConfigurations(topology));
        if (options.output === undefined) shell.out(text);
        else writeText(options.output, text);
      },
    );
}
