// Puts a bug into a daemon, by `node --import`: once SIGUSR2 came, the next call of the method that
// WIRESPAN_TEST_BUG names ("file class method", the file below dist) reads a property of undefined.
import { isMainThread } from "node:worker_threads";

// The daemon's threads are given the option too.
if (isMainThread) {
  const [file, name, method] = process.env.WIRESPAN_TEST_BUG.split(" ");
  const { [name]: type } = await import(new URL(`../../dist/${file}`, import.meta.url));
  const original = type.prototype[method];
  let isBroken = false;
  process.on("SIGUSR2", () => {
    isBroken = true;
  });
  type.prototype[method] = function (...parameters) {
    const broken = isBroken ? undefined : { bug: "none" };
    isBroken = false;
    broken.bug;
    return original.apply(this, parameters);
  };
}
