"use strict";
(() => {
  const every = (where, what) => [...where.querySelectorAll(what)];

  // Tables: a button in each heading sorts by the numbers in data-sort; what is not known stays last.
  const compare = (first, second, number) =>
    number ? Number(first) - Number(second) : first.localeCompare(second, undefined, {numeric: true});
  const key = (row, column) => row.cells[column].dataset.sort ?? "";
  const sort = (table, heading, column) => {
    const up = heading.getAttribute("aria-sort") !== "ascending";
    const number = heading.dataset.kind === "number";
    for (const other of every(table, "thead th")) other.removeAttribute("aria-sort");
    heading.setAttribute("aria-sort", up ? "ascending" : "descending");
    const rows = every(table, "tbody tr").map((row, place) => ({row, place, value: key(row, column)}));
    rows.sort((a, b) => {
      if (a.value === "" || b.value === "") return (a.value === "") - (b.value === "") || a.place - b.place;
      if (a.value === b.value) return a.place - b.place;
      return (up ? 1 : -1) * compare(a.value, b.value, number) || a.place - b.place;
    });
    table.tBodies[0].append(...rows.map(({row}) => row));
  };
  for (const table of every(document, "table.sortable")) {
    every(table, "thead th").forEach((heading, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...heading.childNodes);
      heading.append(button);
      button.addEventListener("click", () => sort(table, heading, column));
    });
  }

  // Galleries: a card is shown where it has every chosen value.
  for (const gallery of every(document, ".gallery")) {
    const selects = every(gallery, "select"), cards = every(gallery, ".card");
    const shown = gallery.querySelector("output");
    const filter = () => {
      for (const card of cards) {
        card.hidden = selects.some((select) => select.value && card.dataset[select.name] !== select.value);
      }
      shown.textContent = `${cards.filter((card) => !card.hidden).length} of ${cards.length} shown here`;
    };
    for (const select of selects) {
      const known = [...new Set(cards.map((card) => card.dataset[select.name]))];
      if (select.name !== "result") known.sort((a, b) => a.localeCompare(b, undefined, {numeric: true}));
      for (const value of known) select.append(new Option(value, value));
      select.closest("label").hidden = known.length < 2;
      select.addEventListener("change", filter);
    }
    gallery.querySelector(".filters").hidden = false;
    filter();
  }

  // Scatter: the reader chooses the pair; it is drawn from the queries in the page, as the first one is.
  const svg = (parent, name, attributes, text = "") => {
    const made = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.textContent = text;
    return parent.appendChild(made);
  };
  const count = (number) => number.toLocaleString("en");
  const scatter = (drawing, pair, queries) => {
    const side = 320, corner = 64, rim = 1.35, lowest = 0.9;
    const highest = Math.max(...pair.map((one) => one.budget)) * rim ** 1.6;
    const scale = (value) => side * Math.log(value / lowest) / Math.log(highest / lowest);
    const across = (value) => corner + scale(value), up = (value) => 8 + side - scale(value);
    const line = (x1, y1, x2, y2, more) => svg(drawing, "line", {x1, y1, x2, y2, stroke: "currentColor", ...more});
    const write = (x, y, text, more) => svg(drawing, "text", {x, y, fill: "currentColor", "font-size": 10, ...more}, text);
    drawing.replaceChildren();
    drawing.setAttribute("viewBox", `0 0 ${corner + side + 12} ${side + 60}`);
    pair.forEach(({budget, name}, place) => {
      const ticks = [budget];
      for (let ten = 1; ten * 1.9 < budget; ten *= 10) ticks.unshift(ten);
      for (const tick of ticks) {
        const faint = {"stroke-opacity": tick === budget ? 1 : 0.25, "stroke-dasharray": tick === budget ? "2 2" : "none"};
        if (place) line(corner, up(tick), corner + side, up(tick), faint);
        else line(across(tick), 8, across(tick), 8 + side, faint);
        if (place) write(corner - 6, up(tick) + 3, count(tick), {"text-anchor": "end"});
        else write(across(tick), side + 22, count(tick), {"text-anchor": "middle"});
      }
      const words = `queries of ${name}`, middle = side / 2;
      if (place) write(0, 0, words, {"text-anchor": "middle", transform: `translate(12 ${8 + middle}) rotate(-90)`});
      else write(corner + middle, side + 44, words, {"text-anchor": "middle"});
    });
    line(across(lowest), up(lowest), across(highest), up(highest), {"stroke-width": 0.8});
    line(corner, 8, corner, 8 + side, {});
    line(corner, 8 + side, corner + side, 8 + side, {});
    const apart = (image, step) => Math.exp(0.18 * ((image * step) % 1 - 0.5));
    const steps = [0.618034, 0.754878];
    for (let image = 0; image < queries[0].length; image += 1) {
      const [x, y] = pair.map(({budget}, place) => queries[place][image] || budget * rim * apart(image, steps[place]));
      svg(drawing, "circle", {cx: across(x).toFixed(1), cy: up(y).toFixed(1), r: 2.4, fill: pair[0].colour, "fill-opacity": 0.75});
    }
  };
  const sentence = (pair, queries, of, unit) => {
    const least = Math.min(...pair.map((one) => one.budget));
    const known = queries.map((some) => some.map((cost) => (cost && cost <= least ? cost : Infinity)));
    const total = known[0].length;
    const better = known[0].filter((cost, image) => cost < known[1][image]).length;
    const worse = known[0].filter((cost, image) => cost > known[1][image]).length;
    const some = total < of ? ` (drawn evenly from ${count(of)})` : "";
    const within = pair[0].budget === pair[1].budget ? "" : ` within ${count(least)} queries`;
    return `Of ${count(total)} ${unit}${total === 1 ? "" : "s"}${some}, ${pair[0].name} needs fewer queries on ${count(better)}, `
      + `${pair[1].name} on ${count(worse)}; on ${count(total - better - worse)} they need the same or both fail${within}.`;
  };
  for (const held of every(document, "script.pairs")) {
    const data = JSON.parse(held.textContent), figure = held.closest("figure");
    const selects = every(figure, "select"), drawing = figure.querySelector(".drawing > svg");
    let chosen = [0, 1];
    const show = (changed) => {
      const wanted = selects.map((select) => Number(select.value));
      if (wanted[0] === wanted[1]) wanted[1 - changed] = chosen[changed];  // they change places
      chosen = wanted;
      selects.forEach((select, place) => { select.value = chosen[place]; });
      const pair = chosen.map((place) => data.methods[place]), queries = chosen.map((place) => data.queries[place]);
      const said = sentence(pair, queries, data.of, data.case);
      scatter(drawing, pair, queries);
      drawing.setAttribute("aria-label", said);
      figure.querySelector("figcaption strong").textContent = said;
      figure.querySelector("h3").textContent = `${pair[0].name} against ${pair[1].name}, ${data.case} by ${data.case}, ${data.subject}`;
    };
    selects.forEach((select, changed) => {
      data.methods.forEach(({name}, place) => select.append(new Option(name, place)));
      select.value = chosen[changed];
      select.addEventListener("change", () => show(changed));
    });
    figure.querySelector(".filters").hidden = false;
  }

  // On a phone a touch, or the button below it, makes a figure large, another one small again.
  document.documentElement.classList.add("script");
  for (const drawing of every(document, "figure .drawing")) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "enlarge";
    button.textContent = "enlarge";
    drawing.after(button);
    const enlarge = () => {
      const large = drawing.classList.toggle("zoomed");
      drawing.tabIndex = large ? 0 : -1;  // a large one is scrolled by keys, too
      button.textContent = large ? "make small" : "enlarge";
    };
    for (const one of [drawing, button]) one.addEventListener("click", enlarge);
  }

  // The numbers inside the page as a file.
  const numbers = document.getElementById("numbers"), link = document.getElementById("download");
  link.href = `data:application/json;charset=utf-8,${encodeURIComponent(numbers.textContent)}`;
  link.closest(".download").hidden = false;

  // On paper everything is open, except the words of very many pairs, whose table is there.
  addEventListener("beforeprint", () => {
    for (const folded of every(document, "details:not(.long)")) folded.open = true;
  });
})();
