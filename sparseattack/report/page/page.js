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

  // The numbers inside the page as a file.
  const numbers = document.getElementById("numbers"), link = document.getElementById("download");
  link.href = `data:application/json;charset=utf-8,${encodeURIComponent(numbers.textContent)}`;
  link.closest(".download").hidden = false;

  // On paper everything is open.
  addEventListener("beforeprint", () => {
    for (const folded of every(document, "details")) folded.open = true;
  });
})();
