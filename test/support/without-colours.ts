// What is printed is compared with text: a run in colours (FORCE_COLOR, CI) has the code print them too.
delete process.env["FORCE_COLOR"];
process.env["NO_COLOR"] = "1";
