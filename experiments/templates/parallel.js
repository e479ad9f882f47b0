const drawParallel = ({ axes, lines }) => {
  const svg = document.getElementById("parallel"), kept = document.getElementById("kept");
  const [width, top, bottom, side] = [1130, 64, 384, 70];
  const made = (name, attributes, text = "") => {
    const element = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    element.textContent = text;
    return element;
  };
  const shown = (axis, value) => (axis.texts.length ? axis.texts[Math.round(value)] : String(+value.toPrecision(4)));
  axes.forEach((axis, place) => {
    const values = lines.map((line) => line[place]).filter((value) => value !== null);
    [axis.low, axis.high] = values.length ? [Math.min(...values), Math.max(...values)] : [0, 1];
    if (axis.low === axis.high) [axis.low, axis.high] = [axis.low - 0.5, axis.high + 0.5];
    axis.x = side + (place * (width - 2 * side)) / (axes.length - 1);
    axis.y = (value) => bottom - ((value - axis.low) / (axis.high - axis.low)) * (bottom - top);
    axis.from = axis.low;
    axis.to = axis.high;
  });
  const last = axes.length - 1, hue = (line) => {
    const value = line[last];
    if (value === null) return "#5b6672";
    const share = (value - axes[last].low) / (axes[last].high - axes[last].low);
    return `rgb(${Math.round(213 * share)},${Math.round(114 - 20 * share)},${Math.round(178 * (1 - share))})`;
  };
  const paths = lines.map((line) => {
    const points = axes.map((axis, place) => (line[place] === null ? null : `${axis.x},${axis.y(line[place]).toFixed(1)}`));
    return svg.appendChild(made("polyline", { points: points.filter(Boolean).join(" "), fill: "none", stroke: hue(line), "stroke-width": 1.4 }));
  });
  const brush = () => {
    let count = 0;
    lines.forEach((line, number) => {
      const isKept = axes.every(({ from, to, low, high }, place) =>
        (from <= low && to >= high) || (line[place] !== null && line[place] >= from && line[place] <= to));
      count += isKept;
      paths[number].setAttribute("stroke-opacity", isKept ? 0.75 : 0.06);
    });
    kept.textContent = `${count} of ${lines.length}`;
  };
  const handle = (axis, end) => {
    const mark = svg.appendChild(made("path", { d: end === "to" ? "M-9,-12 H9 L0,0 Z" : "M-9,12 H9 L0,0 Z", fill: "#1d2733",
      tabindex: 0, role: "slider", "aria-orientation": "vertical", "aria-label": `${axis.name}, ${end === "to" ? "highest" : "lowest"}`,
      "aria-valuemin": axis.low, "aria-valuemax": axis.high, style: "cursor:ns-resize;touch-action:none" }));
    const move = (value) => {
      const [least, most] = end === "to" ? [axis.from, axis.high] : [axis.low, axis.to];
      axis[end] = Math.min(most, Math.max(least, value));
      mark.setAttribute("transform", `translate(${axis.x},${axis.y(axis[end])})`);
      mark.setAttribute("aria-valuenow", axis[end]);
      mark.setAttribute("aria-valuetext", shown(axis, axis[end]));
      brush();
    };
    const step = (axis.high - axis.low) / 40;
    const keys = { ArrowUp: step, ArrowRight: step, ArrowDown: -step, ArrowLeft: -step, PageUp: 10 * step, PageDown: -10 * step,
      Home: axis.low - axis.high, End: axis.high - axis.low };
    mark.addEventListener("keydown", (event) => {
      if (!(event.key in keys)) return;
      event.preventDefault();
      move(axis[end] + keys[event.key]);
    });
    mark.addEventListener("pointerdown", (event) => mark.setPointerCapture(event.pointerId));
    mark.addEventListener("pointermove", (event) => {
      if (!mark.hasPointerCapture(event.pointerId)) return;
      const box = svg.getBoundingClientRect(), y = ((event.clientY - box.top) * 420) / box.height;
      move(axis.low + ((bottom - y) / (bottom - top)) * (axis.high - axis.low));
    });
    move(axis[end]);
  };
  axes.forEach((axis, place) => {
    const text = { x: axis.x, "text-anchor": "middle", "font-size": 11, fill: "#1d2733", "font-family": "Helvetica, Arial, sans-serif" };
    svg.appendChild(made("line", { x1: axis.x, x2: axis.x, y1: top, y2: bottom, stroke: "#66727f" }));
    svg.appendChild(made("text", { ...text, y: place % 2 ? 14 : 32 }, axis.name));
    if (axis.texts.length) axis.texts.forEach((label, value) =>
      svg.appendChild(made("text", { ...text, x: axis.x + 6, y: axis.y(value) + 4, "text-anchor": "start" }, label)));
    else [[axis.high, top - 16], [axis.low, bottom + 26]].forEach(([value, y]) =>
      svg.appendChild(made("text", { ...text, y }, shown(axis, value))));
    handle(axis, "from");
    handle(axis, "to");
  });
};
drawParallel(JSON.parse(document.getElementById("parallel-data").textContent));
