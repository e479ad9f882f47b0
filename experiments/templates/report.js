const saved = (name) => ({
  responsive: true, displaylogo: false, plotlyServerURL: "",
  modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d", "sendChartToCloud"],
  toImageButtonOptions: { format: "svg", filename: name },
});
const unpacked = async (text) => {
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).text();
};
const plot = (place, { data, layout, frames }) => {
  Plotly.purge(place);
  return Plotly.newPlot(place, { data, layout: { ...layout, template: look }, frames, config: saved(place) });
};
const drawFigures = async () => {
  for (const figure of document.querySelectorAll("script.figure"))
    await plot(figure.dataset.for, JSON.parse(figure.textContent));
};
const drawDay = async (day) => {
  const packed = document.querySelector(`script.day[data-day="${day}"]`);
  const figures = packed ? JSON.parse(await unpacked(packed.textContent)) : {};
  for (const [place, figure] of Object.entries(figures)) await plot(place, figure);
  if (!packed) await drawFigures();
  document.body.dataset.day = day;
};
const draw = async () => {
  const library = document.createElement("script");
  library.textContent = await unpacked(document.getElementById("plotly").textContent);
  document.head.append(library);
  await drawFigures();
  if (feeder) showFeeder();
  document.body.dataset.drawn = "yes";
};
const resized = (size) => () =>
  document.querySelectorAll(".chart").forEach((chart) => Plotly.relayout(chart, size));
window.addEventListener("beforeprint", resized({ autosize: false, width: 1130 }));
window.addEventListener("afterprint", resized({ autosize: true, width: null }));
document.getElementById("day")?.addEventListener("change", async ({ target }) => {
  target.disabled = true;
  await drawDay(target.value);
  target.disabled = false;
});
const feeder = document.getElementById("feeder");
const showFeeder = () => document.querySelectorAll("[data-feeder]").forEach((part) => {
  part.hidden = feeder.value !== "" && part.dataset.feeder !== feeder.value;
  if (!part.hidden) Plotly.Plots.resize(part.querySelector(".chart"));
});
feeder?.addEventListener("change", showFeeder);
const save = (text, type, download) => {
  const address = URL.createObjectURL(new Blob([text], { type }));
  Object.assign(document.createElement("a"), { href: address, download }).click();
  URL.revokeObjectURL(address);
};
document.querySelectorAll("button[data-saves]").forEach((button) => button.addEventListener("click", () => {
  const picture = new XMLSerializer().serializeToString(document.getElementById(button.dataset.saves));
  save(picture, "image/svg+xml", `${button.dataset.saves}.svg`);
}));
document.querySelectorAll("button[data-csv]").forEach((button) => button.addEventListener("click", async () => {
  save(await unpacked(document.getElementById(`csv-${button.dataset.csv}`).textContent), "text/csv", `${button.dataset.csv}.csv`);
}));
draw();
