"use strict";
const files = (() => {
  const table = document.getElementById("files");
  const body = table.tBodies[0];
  const heads = [...table.tHead.rows[0].cells];
  const search = document.getElementById("search");
  const only = document.getElementById("only");
  const shown = document.getElementById("shown");
  let by = -1;
  let down = false;
  const value = (row, column) => {
    const cell = row.cells[column];
    return cell.dataset.v === undefined ? cell.textContent : Number(cell.dataset.v);
  };
  const sort = () => {
    if (by < 0) return;
    const rows = [...body.rows].map((row) => [value(row, by), row]);
    rows.sort(([x], [y]) => {
      const order = typeof x === "number" ? x - y : x.localeCompare(y, undefined, { numeric: true });
      return down ? -order : order;
    });
    body.append(...rows.map(([, row]) => row));
  };
  const filter = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    let left = 0;
    for (const row of body.rows) {
      const text = row.textContent.toLowerCase();
      const meant = !only.value || row.cells[1].textContent === only.value;
      row.hidden = !(meant && words.every((word) => text.includes(word)));
      left += row.hidden ? 0 : 1;
    }
    shown.textContent = left + " of " + body.rows.length + " " + (table.dataset.rows || "files");
  };
  heads.forEach((head, column) => {
    head.querySelector("button").addEventListener("click", () => {
      down = by === column && !down;
      by = column;
      for (const other of heads) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      sort();
    });
  });
  search.addEventListener("input", filter);
  only.addEventListener("change", filter);
  filter();
  return { body, changed: () => { sort(); filter(); } };
})();
