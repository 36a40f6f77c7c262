"use strict";
// Reads values from a figure with the pointer or the arrow keys, and hides the seeds that are switched off.
(() => {
  const figures = JSON.parse(document.getElementById("figures").textContent);
  const tip = document.getElementById("tip");
  const SVG = "http://www.w3.org/2000/svg";

  const trim = (value) => String(Number(value.toPrecision(4)));
  const written = (value, percent) => (percent ? `${(100 * value).toFixed(1)} %` : trim(value));

  const offSeeds = (plot) => new Set([...plot.closest(".section").querySelectorAll(".seeds input:not(:checked)")]
    .map((box) => Number(box.dataset.seed)));

  // From data to the screen. The SVG keeps its proportions, so one factor is enough.
  const place = (figure, svg, x, y) => {
    const [left, bottom, right, top] = figure.box, [x0, y0, x1, y1] = figure.limits;
    const box = svg.getBoundingClientRect(), factor = box.width / svg.viewBox.baseVal.width;
    const inside = [left + (right - left) * (x - x0) / (x1 - x0), bottom + (top - bottom) * (y - y0) / (y1 - y0)];
    return { inside, screen: [box.left + factor * inside[0], box.top + factor * inside[1]] };
  };

  const pointOf = (figure, line, at) => {
    const x = figure.x[line.x][at], y = line.y[at];
    const low = line.low ? line.low[at] : null, high = line.high ? line.high[at] : null;
    const mean = figure.lines.find((other) => other.name === line.name && other.seed === undefined);
    const interval = low === null || high === null ? ""
      : ` [${written(low, figure.percent).replace(" %", "")}, ${written(high, figure.percent).replace(" %", "")}]`;
    return {
      at: [x, y], colour: mean ? mean.colour : "currentColor",
      title: line.seed === undefined ? line.name : `${line.name}, seed ${line.seed}`,
      value: written(y, figure.percent) + interval, where: `${figure.label} ${trim(x)}`,
    };
  };

  const cellOf = (figure, row, column) => ({
    at: [column + 0.5, row + 0.5], colour: "currentColor", title: `${figure.rows[row]} · ${figure.columns[column]}`,
    value: figure.cells[row][column][0], where: figure.cells[row][column][1],
  });

  const show = (plot, figure, point) => {
    const svg = plot.querySelector("svg");
    const { inside, screen } = place(figure, svg, ...point.at);
    const lines = [["value", point.value], ["title", point.title], ["where", point.where]].filter(([, text]) => text);
    tip.replaceChildren(...lines.map(([name, text]) => {
      const node = document.createElement("span");
      node.className = name;
      node.textContent = text;
      return node;
    }));
    tip.style.borderLeftColor = point.colour;
    tip.hidden = false;
    const width = tip.offsetWidth, height = tip.offsetHeight;
    const left = screen[0] + 14 + width < innerWidth ? screen[0] + 14 : screen[0] - 14 - width;
    tip.style.left = `${Math.max(4, Math.min(left, innerWidth - width - 4))}px`;
    tip.style.top = `${Math.max(4, Math.min(screen[1] - height - 10, innerHeight - height - 4))}px`;
    mark(svg, figure, inside, point.colour);
  };

  const mark = (svg, figure, [x, y], colour) => {
    let dot = svg.querySelector(".pointed");
    if (!dot) {
      dot = document.createElementNS(SVG, figure.cells ? "rect" : "circle");
      dot.setAttribute("class", "pointed");
      svg.append(dot);
    }
    if (figure.cells) {
      const width = Math.abs(figure.box[2] - figure.box[0]) / figure.columns.length;
      const height = Math.abs(figure.box[3] - figure.box[1]) / figure.rows.length;
      for (const [name, value] of Object.entries({ x: x - width / 2, y: y - height / 2, width, height })) dot.setAttribute(name, value);
    } else {
      for (const [name, value] of Object.entries({ cx: x, cy: y, r: 3.6 })) dot.setAttribute(name, value);
    }
    dot.style.color = colour;
  };

  const hide = (plot) => {
    tip.hidden = true;
    plot.querySelector(".pointed")?.remove();
  };

  const visible = (plot, figure) => {
    const off = offSeeds(plot);
    return figure.lines.filter((line) => line.y.length && !off.has(line.seed));
  };

  // The nearest point of the visible lines; means are preferred by a few pixels, since readers look for them.
  const nearest = (plot, figure, event) => {
    const svg = plot.querySelector("svg");
    let best = null, least = Infinity;
    for (const line of visible(plot, figure)) {
      figure.x[line.x].forEach((x, at) => {
        const { screen } = place(figure, svg, x, line.y[at]);
        const far = Math.hypot(screen[0] - event.clientX, screen[1] - event.clientY) - (line.seed === undefined ? 4 : 0);
        if (far < least) { least = far; best = [line, at]; }
      });
    }
    return best && pointOf(figure, ...best);
  };

  const cellUnder = (plot, figure, event) => {
    const svg = plot.querySelector("svg");
    const [left, top] = place(figure, svg, 0, 0).screen, [right, bottom] = place(figure, svg, figure.columns.length, figure.rows.length).screen;
    const column = Math.floor((event.clientX - left) / (right - left) * figure.columns.length);
    const row = Math.floor((event.clientY - top) / (bottom - top) * figure.rows.length);
    return figure.cells[row] && figure.cells[row][column] ? cellOf(figure, row, column) : null;
  };

  // Left and right move along a line or a row, up and down to the next one.
  const step = (plot, figure, key) => {
    const along = { ArrowRight: 1, ArrowLeft: -1 }[key] || 0, across = { ArrowDown: 1, ArrowUp: -1 }[key] || 0;
    const rows = figure.cells || visible(plot, figure);
    if (!rows.length) return null;
    const fresh = plot.dataset.row === undefined;
    const row = (Number(plot.dataset.row || 0) + (fresh ? 0 : across) + rows.length) % rows.length;
    const length = figure.cells ? figure.columns.length : rows[row].y.length;
    const column = Math.max(0, Math.min(length - 1, Number(plot.dataset.column || 0) + (fresh ? 0 : along)));
    Object.assign(plot.dataset, { row, column });
    return figure.cells ? cellOf(figure, row, column) : pointOf(figure, rows[row], column);
  };

  for (const plot of document.querySelectorAll(".plot")) {
    const figure = figures[Number(plot.dataset.panel)];
    const under = (event) => {
      const point = figure.cells ? cellUnder(plot, figure, event) : nearest(plot, figure, event);
      if (point) show(plot, figure, point); else hide(plot);
    };
    plot.addEventListener("pointermove", under);
    plot.addEventListener("pointerdown", under);
    plot.addEventListener("pointerleave", () => hide(plot));
    plot.addEventListener("blur", () => hide(plot));
    plot.addEventListener("keydown", (event) => {
      if (event.key === "Escape") hide(plot);
      if (!event.key.startsWith("Arrow") || event.altKey || event.ctrlKey || event.metaKey) return;
      const point = step(plot, figure, event.key);
      if (point) show(plot, figure, point);
      event.preventDefault();
    });
  }

  for (const box of document.querySelectorAll(".seeds input")) {
    box.addEventListener("change", () => {
      for (const line of box.closest(".section").querySelectorAll(".seed")) {
        if (line.dataset.seed === box.dataset.seed) line.classList.toggle("off", !box.checked);
      }
    });
  }
})();
