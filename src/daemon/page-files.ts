import { isThere, readOctets } from "../os/files.ts";

/** The files of the web page, which `npm run build` makes of web/. */

/** Beside our own folder in dist/; from there too where we run as sources. */
const places = [new URL("../web/", import.meta.url), new URL("../../dist/web/", import.meta.url)];

/** TABLE: path and file of each, and what it is. */
export const pageFiles = [
  { path: "/", file: "index.html", contentType: "text/html; charset=utf-8" },
  { path: "/app.js", file: "app.js", contentType: "text/javascript; charset=utf-8" },
  { path: "/app.css", file: "app.css", contentType: "text/css; charset=utf-8" },
] as const;

/** Nothing but what we serve ourselves runs, and no other site can have the page in a frame. */
const headers = {
  "Content-Security-Policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; " +
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
};

/** What an answer with a file has. Throws SystemError where the page is not built. */
export function pageFile({ file, contentType }: (typeof pageFiles)[number]) {
  const [built] = places;
  const folder = places.find(({ pathname }) => isThere(pathname)) ?? built;
  return { status: 200, contentType, headers, body: readOctets(new URL(file, folder).pathname) };
}
