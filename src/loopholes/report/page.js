"use strict";
// Model text reaches the page only through textContent; nothing here builds markup from data.
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const at = (id) => document.getElementById(id);
  const WINDOW = 200; // entries of the list that exist at once
  let matching = [];
  let current = 0;
  let off = new Set();

  // Characters that are invisible, reorder their line or have no glyph are shown by their codes.
  const visible = (text) =>
    String(text).replace(/[\u0000-\u0008\u000b-\u001f\u202a-\u202e\u2066-\u2069]|\p{Surrogate}/gu,
      (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`);
  const make = (tag, name, text) => {
    const node = document.createElement(tag);
    if (name) node.className = name;
    if (text !== undefined) node.textContent = visible(text);
    return node;
  };
  const number = (value) =>
    value === null || value === undefined ? "none" : String(Math.round(value * 1000) / 1000);
  const show = (value) =>
    typeof value === "number" ? number(value) : value === null ? "none" : typeof value === "object" ? JSON.stringify(value) : String(value);

  const offer = (select, values, names) => {
    for (const value of new Set(values)) {
      const option = make("option", "", names ? names[value] : value);
      option.value = value;
      select.append(option);
    }
  };

  const matches = (row) => {
    const from = at("f-from").value, to = at("f-to").value, text = at("f-text").value.toLowerCase();
    return (!at("f-section").value || row.section === Number(at("f-section").value))
      && (!at("f-arm").value || row.arm === at("f-arm").value)
      && (!at("f-seed").value || String(row.seed) === at("f-seed").value)
      && !off.has(`${row.section} ${row.seed}`)
      && (from === "" || row.step >= Number(from))
      && (to === "" || row.step <= Number(to))
      && (!at("f-exploit").checked || row.exploit > 0)
      && (!text || row.text.toLowerCase().includes(text) || data.prompts[row.prompt].toLowerCase().includes(text));
  };

  // Seeds that are switched off beside the figures; only their boxes hold this state.
  const switchedOff = () => new Set([...document.querySelectorAll(".seeds input:not(:checked)")]
    .map((box) => `${box.closest(".section").id.slice("section-".length)} ${box.dataset.seed}`));

  const filter = () => {
    off = switchedOff();
    matching = data.rollouts.filter(matches);
    current = 0;
    at("items").dataset.start = "";
    draw();
  };

  const exists = (value) => value !== null && value !== undefined;
  const source = (row) => [exists(row.step) ? `step ${row.step}` : "",
    exists(row.seed) ? `seed ${row.seed}` : "", row.arm, data.sections[row.section]].filter(Boolean).join(" · ");

  const drawList = () => {
    const start = Math.floor(current / WINDOW) * WINDOW;
    const list = at("items");
    if (list.dataset.start !== String(start)) {
      list.dataset.start = String(start);
      list.replaceChildren(...matching.slice(start, start + WINDOW).map((row, offset) => {
        const item = make("li", row.exploit > 0 ? "exploit" : "");
        item.id = `item-${start + offset}`;
        item.setAttribute("role", "option");
        const meta = make("div", "meta");
        meta.append(make("span", "source", source(row)));
        if (row.exploit > 0) meta.append(make("span", "flag", "exploit"));
        item.append(meta, make("div", "snippet", row.text.trim().slice(0, 120).replace(/\s+/g, " ") || "(empty)"));
        item.addEventListener("click", () => { current = start + offset; draw(); });
        return item;
      }));
    }
    [...list.children].forEach((item, offset) => item.setAttribute("aria-selected", String(start + offset === current)));
    if (matching.length) list.setAttribute("aria-activedescendant", `item-${current}`);
    else list.removeAttribute("aria-activedescendant");
    const item = list.children[current - start];
    if (item) list.scrollTop = Math.max(0, Math.min(list.scrollTop, item.offsetTop - list.offsetTop),
      item.offsetTop - list.offsetTop + item.offsetHeight - list.clientHeight);
    const exploits = matching.filter((row) => row.exploit > 0).length;
    const sampled = data.rollouts.length < data.total;
    at("sampled").hidden = !sampled;
    at("count").textContent = `${matching.length} answers, ${exploits} exploiting`
      + (sampled ? `; the page holds a sample of ${data.rollouts.length} of ${data.total}` : "");
  };

  const fact = (what, value, alarm) => {
    const box = make("div", alarm ? "fact alarm" : "fact");
    box.append(make("span", "what", what), make("span", "value", value));
    return box;
  };

  const drawDetail = () => {
    const row = matching[current];
    at("prev").disabled = current <= 0;
    at("next").disabled = current >= matching.length - 1;
    at("place").textContent = row ? `${current + 1} of ${matching.length}` : "no answer matches";
    for (const id of ["facts", "answer", "prompt", "details"]) at(id).replaceChildren();
    at("detail").className = row && row.exploit > 0 ? "exploit" : "";
    if (!row) return;
    at("facts").append(
      fact("paid (reward)", row.reward === null ? `none: ${row.reason || "not scored"}` : number(row.reward)),
      fact("true (task score)", number(row.task_score)),
      fact("exploit", row.exploit === null ? "per set only" : row.exploit > 0 ? "yes" : "no", row.exploit > 0),
      fact("arm", row.arm), ...["seed", "step", "task"].filter((what) => exists(row[what])).map((what) => fact(what, row[what])));
    if (row.truncated) at("facts").append(fact("answer", "cut at the length limit"));
    at("answer").textContent = visible(row.text) || "(empty)";
    at("prompt").textContent = visible(data.prompts[row.prompt]);
    const details = Object.entries(row.details);
    at("details-title").hidden = !details.length;
    for (const [key, value] of details) at("details").append(make("dt", "", key.replaceAll("_", " ")), make("dd", "", show(value)));
    at("detail").scrollTop = 0;
  };

  const draw = () => { drawList(); drawDetail(); };
  const move = (by) => {
    const next = current + by;
    if (next >= 0 && next < matching.length) { current = next; draw(); }
  };

  offer(at("f-section"), data.rollouts.map((row) => row.section), data.sections);
  offer(at("f-arm"), data.rollouts.map((row) => row.arm));
  offer(at("f-seed"), data.rollouts.map((row) => row.seed).filter(exists).sort((a, b) => a - b));
  // A select that is used without a pointer may only fire the change event.
  at("filters").addEventListener("change", (event) => { if (event.target.tagName === "SELECT") filter(); });
  at("filters").addEventListener("input", (event) => { if (event.target.tagName !== "SELECT") filter(); });
  at("filters").addEventListener("submit", (event) => event.preventDefault());
  for (const box of document.querySelectorAll(".seeds input")) box.addEventListener("change", filter);
  at("prev").addEventListener("click", () => move(-1));
  at("next").addEventListener("click", () => move(1));
  at("browser").addEventListener("keydown", (event) => {
    if (/^(INPUT|SELECT)$/.test(event.target.tagName)) return;
    const inList = event.target.id === "items";
    const by = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: inList ? -1 : 0, ArrowDown: inList ? 1 : 0 }[event.key];
    if (by) { move(by); event.preventDefault(); }
  });
  for (const link of document.querySelectorAll(".jump")) {
    link.addEventListener("click", () => {
      const rows = data.rollouts.filter((row) => String(row.section) === link.dataset.section);
      at("f-section").value = rows.length ? link.dataset.section : "";
      at("f-arm").value = rows.some((row) => row.arm === "vulnerable") ? "vulnerable" : "";
      at("f-exploit").checked = rows.some((row) => (!at("f-arm").value || row.arm === at("f-arm").value) && row.exploit > 0);
      at("f-seed").value = at("f-from").value = at("f-to").value = at("f-text").value = "";
      filter();
    });
  }
  const first = data.rollouts.findIndex((row) => row.exploit > 0 && row.arm === "vulnerable");
  filter();
  if (first > 0) { current = first; draw(); }
})();
