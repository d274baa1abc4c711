import { type Document, isMap, isNode, parseDocument, type Scalar, type YAMLMap } from "yaml";
import { isPathWithin, keysOfPath } from "./gaps.ts";
import { exerciseOf } from "./grade.ts";

/** Text of a comment where a student has something to find. */
const HIDDEN = " Your part: what is missing here?";
const BROKEN = " Your part: what is wrong here?";
/** Text of a comment before something in which a student has to look for it. */
const OPEN = " Your part: all of this may be changed. Something in it may be missing or wrong.";

/**
 * A student's copy of an exercise: the author's text without what is hidden, with what is broken, and with
 * room for the answers. `name` is what the copy names the exercise by. Throws where a path leads nowhere.
 */
export function handout(text: string, name: string): string {
  const document = parseDocument(text);
  const exercise = exerciseOf(document.toJS());
  const isWithin = (path: string): boolean => exercise.open.some((whole) => isPathWithin(path, whole));
  for (const path of exercise.hide) hide(document, path, isWithin(path) ? undefined : HIDDEN);
  for (const [path, value] of Object.entries(exercise.break))
    breakAt(document, path, value, isWithin(path) ? undefined : BROKEN);
  for (const path of exercise.open) comment(nodeAt(document, path), OPEN);
  const own = document.createNode({
    of: name,
    ...(exercise.questions.length === 0 ? {} : { answers: exercise.questions.map(() => "") }),
  });
  const answers = own.get("answers", true) as { items?: Scalar[] } | undefined;
  for (const [index, { ask, form }] of exercise.questions.entries()) {
    const item = answers?.items?.[index];
    if (item !== undefined) item.commentBefore = form === undefined ? ` ${ask}` : ` ${ask} (a ${form})`;
  }
  document.set("exercise", own);
  return document.toString({ lineWidth: 0 });
}

function hide(document: Document, path: string, text: string | undefined): void {
  const keys = keysOfPath(path);
  const parent = requireParent(document, keys, path);
  parent.delete(keys.at(-1));
  if (parent.items.length === 0) parent.flow = true;
  comment(parent, text);
}

function breakAt(document: Document, path: string, value: unknown, text: string | undefined): void {
  const keys = keysOfPath(path);
  const parent = requireParent(document, keys, path);
  const node = document.createNode(value);
  const old = parent.get(keys.at(-1), true);
  if (isMap(node) && isMap(old) && old.flow === true) node.flow = true;
  parent.set(keys.at(-1), node);
  comment(parent, text);
}

/** The mapping that has the last key of a path. */
function requireParent(document: Document, keys: readonly string[], path: string): YAMLMap {
  const parent = keys.length === 1 ? document.contents : document.getIn(keys.slice(0, -1), true);
  if (!isMap(parent) || !parent.has(keys.at(-1)))
    throw new Error(`make a copy of the exercise: ${path} is nowhere in its file`);
  return parent;
}

/** The mapping at a path. */
function nodeAt(document: Document, path: string): YAMLMap {
  const found = document.getIn(keysOfPath(path), true);
  if (!isMap(found)) throw new Error(`make a copy of the exercise: ${path} is no mapping in its file`);
  return found;
}

/** Adds a comment once. Within braces nothing can be commented: then it stands before the whole. */
function comment(map: YAMLMap, text: string | undefined): void {
  if (text === undefined) return;
  const at = map.flow === true || map.items.length === 0 ? map : map.items[0]?.key;
  if (!isNode(at) || at.commentBefore?.includes(text)) return;
  at.commentBefore = [at.commentBefore, text].filter(Boolean).join("\n");
}
