/** A picture of a lab, laid out: where everything is. The unit is a pixel; y grows downward. */

/** A rectangle. */
export interface Rectangle {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** A place. */
export interface Point {
  readonly x: number;
  readonly y: number;
}

/** A line of text, with its middle in the middle of `x`, and its baseline at `y`. */
export interface PictureText extends Point {
  readonly text: string;
  readonly size: number;
  readonly bold: boolean;
  /** What follows it in the same line, in the font of lines. */
  readonly tail?: string;
}

/** A host, router or LCCE. */
export interface PictureNode extends Rectangle {
  readonly name: string;
  readonly kind: "host" | "router" | "lcce" | "peer";
  readonly vlans: readonly number[];
  readonly texts: readonly PictureText[];
  readonly title: string;
}

/** A network or a LAN. */
export interface PictureBar extends Rectangle {
  readonly name: string;
  readonly kind: "network" | "lan";
  readonly texts: readonly PictureText[];
  readonly title: string;
}

/** A text on a background of its own, which stands on a line. */
export interface PictureLabel extends Rectangle {
  readonly texts: readonly PictureText[];
}

/** A connection of a node with a segment, or of two segments. */
export interface PictureLink {
  /** NODE.PORT, or the names of two segments with `--` between. */
  readonly name: string;
  readonly points: readonly Point[];
  readonly label: PictureLabel | undefined;
  readonly title: string;
}

/** One pseudowire, or several between the same LCCEs as one. */
export interface PicturePseudowire {
  /** LCCE and name of each pseudowire in it, at one end and the other. */
  readonly ends: readonly { readonly lcce: string; readonly name: string }[];
  readonly points: readonly Point[];
  readonly label: PictureLabel;
  readonly title: string;
}

/** A picture of a lab. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly name: string;
  readonly heading: readonly PictureText[];
  readonly bars: readonly PictureBar[];
  readonly nodes: readonly PictureNode[];
  readonly links: readonly PictureLink[];
  readonly pseudowires: readonly PicturePseudowire[];
}
