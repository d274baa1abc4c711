/** The style sheet of reports: light and dark, phone and paper. */
export const reportStyle = `
:root{color-scheme:light dark;--text:#1f2328;--faint:#59636e;--ground:#fff;--panel:#f6f8fa;--line:#d1d9e0;
--good:#1a7f37;--bad:#cf222e;--warn:#9a6700;--accent:#5b3fa8;--badground:#ffebe9}
@media(prefers-color-scheme:dark){:root{--text:#e6edf3;--faint:#9da7b3;--ground:#0d1117;--panel:#161b22;
--line:#30363d;--good:#3fb950;--bad:#ff7b72;--warn:#d29922;--accent:#a48ee8;--badground:#2d1416}}
*{box-sizing:border-box}
body{margin:0 auto;padding:1.5rem;max-width:70rem;background:var(--ground);color:var(--text);
font:15px/1.5 "Segoe UI","Helvetica Neue",Arial,"Liberation Sans","DejaVu Sans",sans-serif}
h1{font-size:1.5rem;line-height:1.25;margin:0 0 .25rem}
h2{font-size:1.15rem;margin:2.25rem 0 .75rem;padding-bottom:.25rem;border-bottom:1px solid var(--line)}
h3{font-size:1rem;margin:1.25rem 0 .4rem}
p{margin:.4rem 0}
code,pre,.mono{font-family:ui-monospace,"SF Mono",Consolas,"Liberation Mono","DejaVu Sans Mono",monospace;
font-size:.86em}
pre{background:var(--panel);border:1px solid var(--line);border-radius:6px;padding:.75rem;margin:.4rem 0;
overflow-x:auto;white-space:pre}
.faint{color:var(--faint)}
.good{color:var(--good)}.bad{color:var(--bad)}.warn{color:var(--warn)}
.verdict{display:inline-block;font-weight:700;padding:.1rem .7rem;border-radius:1rem;border:1.5px solid;
margin:.35rem 0}
.facts{display:flex;flex-wrap:wrap;gap:.15rem 1.4rem;color:var(--faint);font-size:.93em;padding:0;
margin:.3rem 0}
.facts li{list-style:none}
.failures{margin:.3rem 0;padding-left:1.3rem;overflow-wrap:anywhere}
a{color:inherit;text-decoration-color:var(--faint);text-underline-offset:.15em}
.facts b{color:var(--text);font-weight:600}
.drawing{overflow-x:auto;text-align:center}
.drawing svg{max-width:100%;height:auto}
.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-size:.93em}
th,td{text-align:left;vertical-align:top;padding:.35rem .6rem;border-bottom:1px solid var(--line)}
th{color:var(--faint);font-weight:600;white-space:nowrap}
td.number,th.number{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
.check{border:1px solid var(--line);border-left:5px solid var(--good);border-radius:6px;margin:.5rem 0;
padding:.5rem .8rem}
.check.failed{border-left-color:var(--bad);background:var(--badground)}
.check .head{display:flex;gap:.6rem;align-items:baseline}
.check .head b{flex:1;overflow-wrap:anywhere}
.check .time{color:var(--faint);white-space:nowrap;font-size:.9em;font-variant-numeric:tabular-nums}
.check dl{display:grid;grid-template-columns:max-content 1fr;gap:.1rem .8rem;margin:.3rem 0 0;font-size:.93em}
.check dt{color:var(--faint)}
.check dd{margin:0;overflow-wrap:anywhere;min-width:0}
.difference{color:var(--bad);font-weight:600}
details{margin:.4rem 0}
summary{cursor:pointer}
.ladder{border:1px solid var(--line);border-radius:6px;padding:.5rem .8rem;margin:.6rem 0;max-width:48rem}
.ends,.step{display:grid;grid-template-columns:5.5rem 1fr;gap:.6rem}
.ends div:last-child{display:flex;justify-content:space-between;font-weight:700}
.step details{margin:0;border-left:2px solid var(--line);border-right:2px solid var(--line)}
.step summary{list-style:none;padding:.1rem .5rem 0;text-align:center}
.step summary::-webkit-details-marker{display:none}
.step ul{margin:.3rem 0 .5rem;padding-left:2rem;font-size:.86em;overflow-wrap:anywhere}
.step .at{color:var(--faint);text-align:right;font-size:.86em;font-variant-numeric:tabular-nums;
padding-top:.15rem;white-space:nowrap}
.arrow{display:block;position:relative;height:.7rem}
.arrow::before{content:"";position:absolute;left:-.35rem;right:-.35rem;top:.25rem;
border-top:2px solid var(--accent)}
.arrow::after{content:"";position:absolute;top:calc(.25rem + 1px - .35rem);border:.35rem solid transparent}
.arrow.right::after{right:-.45rem;border-left-color:var(--accent);border-right-width:0}
.arrow.left::after{left:-.45rem;border-right-color:var(--accent);border-left-width:0}
.zlb{color:var(--faint)}
.zlb .arrow::before{border-top-style:dotted}
.tag{font-size:.8em;border:1px solid;border-radius:.6rem;padding:0 .45rem;margin-left:.4rem;
white-space:nowrap}
@media(max-width:40rem){body{padding:.8rem}.check dl{grid-template-columns:1fr}.check dt{margin-top:.25rem}
.ends,.step{grid-template-columns:4rem 1fr}}
@media print{body{max-width:none;padding:0;font-size:10pt}.check,.ladder,.drawing,tr{break-inside:avoid}
h2,h3{break-after:avoid}pre{white-space:pre-wrap;overflow-wrap:anywhere}
:root{color-scheme:light;--text:#000;--faint:#444;--ground:#fff;--panel:#f6f8fa;--line:#bbb;--good:#1a7f37;
--bad:#b3151f;--warn:#7a5200;--accent:#5b3fa8;--badground:#fff}}
`;
