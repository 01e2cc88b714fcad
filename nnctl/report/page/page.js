"use strict";
// Draws every figure from the specification beside it. Expressions are interpreted, so the page's policy need not
// allow the making of code from text; the loader fetches nothing.
const axis = {
  domainColor: "var(--line)",
  gridColor: "var(--line)",
  tickColor: "var(--line)",
  labelColor: "var(--muted)",
  titleColor: "var(--muted)",
  titleFontWeight: "normal",
  labelFontSize: 11,
  titleFontSize: 11,
};
const font = getComputedStyle(document.body).fontFamily;
const config = {
  background: null,
  font,
  view: { stroke: null },
  axis,
  axisX: { grid: false, tickCount: 5 },
  axisY: { tickCount: 5, domain: false, ticks: false },
  rule: { color: "var(--muted)" },
};
const refuse = () => Promise.reject(new Error("a report fetches nothing"));
const loader = { load: refuse, sanitize: refuse, http: refuse, file: refuse };
const options = {
  actions: false,
  ast: true,
  config,
  defaultStyle: false,
  loader,
  mode: "vega-lite",
  renderer: "svg",
  tooltip: { disableDefaultStyle: true },
};

async function draw() {
  for (const figure of document.querySelectorAll("figure")) {
    const spec = JSON.parse(figure.querySelector("script").textContent);
    await vegaEmbed(figure.querySelector(".plot"), spec, options);
  }
  document.documentElement.dataset.drawn = "yes";
}
draw();
