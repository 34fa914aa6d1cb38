// Theme, and what tables do where no server sorts them. Everything works without this file.
"use strict";
(() => {
  const root = document.documentElement;
  const kept = (() => {
    try { return localStorage.getItem("hokusai-theme"); } catch { return null; }
  })();
  if (kept === "dark" || kept === "light") root.dataset.theme = kept;

  const isDark = () =>
    (root.dataset.theme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";

  document.addEventListener("DOMContentLoaded", () => {
    const toggle = document.querySelector("[data-theme-toggle]");
    if (toggle) {
      const say = () => {
        toggle.textContent = isDark() ? "Light" : "Dark";
        toggle.setAttribute("aria-label", isDark() ? "Switch to light pages" : "Switch to dark pages");
      };
      toggle.hidden = false;
      say();
      toggle.addEventListener("click", () => {
        root.dataset.theme = isDark() ? "light" : "dark";
        try { localStorage.setItem("hokusai-theme", root.dataset.theme); } catch { /* private window */ }
        say();
      });
    }
    for (const select of document.querySelectorAll("form.asked select")) {
      select.addEventListener("change", () => select.form.requestSubmit());
    }
    for (const table of document.querySelectorAll("table[data-sortable]")) sortable(table);
    for (const filter of document.querySelectorAll("[data-filter]")) filtering(filter);
  });

  const keyOf = (cell) => {
    const text = cell.dataset.key ?? cell.textContent.trim();
    if (text === "") return null;
    const number = Number(text);
    return Number.isNaN(number) ? text.toLowerCase() : number;
  };

  function sortable(table) {
    table.tHead.rows[0].querySelectorAll("th").forEach((head, at) => {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = head.textContent;
      head.replaceChildren(button);
      head.setAttribute("aria-sort", "none");
      button.addEventListener("click", () => {
        const down = head.getAttribute("aria-sort") === "none"
          ? head.classList.contains("n") : head.getAttribute("aria-sort") === "ascending";
        for (const other of table.tHead.querySelectorAll("th")) other.setAttribute("aria-sort", "none");
        head.setAttribute("aria-sort", down ? "descending" : "ascending");
        const body = table.tBodies[0];
        const rows = [...body.rows].map((row) => [keyOf(row.cells[at]), row]);
        rows.sort(([a], [b]) => {
          if (a === null || b === null) return (a === null) - (b === null);
          const order = typeof a === typeof b ? (a > b) - (a < b) : (typeof a > typeof b) - (typeof a < typeof b);
          return down ? -order : order;
        });
        body.append(...rows.map(([, row]) => row));
      });
    });
  }

  function filtering(box) {
    const table = box.closest("section").querySelector("table");
    if (!table) return;
    box.hidden = false;
    box.querySelector("input").addEventListener("input", (event) => {
      const wanted = event.target.value.trim().toLowerCase();
      for (const row of table.tBodies[0].rows) {
        row.hidden = wanted !== "" && !row.textContent.toLowerCase().includes(wanted);
      }
    });
  }
})();
