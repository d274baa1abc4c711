// Has require() miss the add-on of raw-socket, as after an installation without its build.
const Module = require("node:module");
const resolve = Module._resolveFilename;
Module._resolveFilename = function (request, ...rest) {
  if (request.endsWith("/raw.node")) {
    const error = new Error(`Cannot find module '${request}'\nRequire stack:\n- index.js`);
    error.code = "MODULE_NOT_FOUND";
    throw error;
  }
  return resolve.call(this, request, ...rest);
};
