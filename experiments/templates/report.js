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
const draw = async () => {
  const library = document.createElement("script");
  library.textContent = await unpacked(document.getElementById("plotly").textContent);
  document.head.append(library);
  for (const figure of document.querySelectorAll("script.figure")) {
    const { data, layout, frames } = JSON.parse(figure.textContent);
    await Plotly.newPlot(figure.dataset.for, { data, layout, frames, config: saved(figure.dataset.for) });
  }
  document.body.dataset.drawn = "yes";
};
draw();
