// Text and numbers that programs print are compared: a run in colours (FORCE_COLOR) would have them in it.
delete process.env["FORCE_COLOR"];
process.env["NO_COLOR"] = "1";
