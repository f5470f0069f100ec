"use strict";
(() => {
  const byId = (id) => document.getElementById(id);

  // A link to a check opens its chapter, also in browsers that do not do so themselves.
  const reveal = () => {
    const target = document.querySelector(":target");
    const chapter = target && target.closest("details");
    if (chapter && !chapter.open) {
      chapter.open = true;
      target.scrollIntoView();
    }
  };
  addEventListener("hashchange", reveal);
  reveal();

  let closed = [];
  addEventListener("beforeprint", () => {
    closed = [...document.querySelectorAll("details:not([open])")];
    closed.forEach((details) => { details.open = true; });
  });
  addEventListener("afterprint", () => closed.forEach((details) => { details.open = false; }));

  const table = byId("rows");
  if (!table) return;

  const first = table.tBodies[0];
  const rest = byId("rest");
  const more = rest && byId("more").tBodies[0];
  const limit = first.rows.length;
  const area = new Map([...document.querySelectorAll("[data-check]")].map((e) => [e.dataset.check, e.dataset.area]));
  const rows = [...first.rows, ...(more ? more.rows : [])].map((tr) => ({
    tr,
    cells: [...tr.cells].map((td) => (td.querySelector("summary") || td).textContent.trim().toLowerCase()),
    area: area.get(tr.querySelector("a").getAttribute("href").slice(1)),
    text: "",
  }));
  const SEVERITY = 0, STATUS = 1, PROVIDER = 4;
  const input = Object.fromEntries(
    ["text", "severity", "status", "provider", "area"].map((name) => [name, byId(`filter-${name}`)]),
  );
  const ranks = [...input.severity.options].map((option) => option.value);
  const digits = (n) => n.toLocaleString("en");

  const matching = () => {
    const wanted = input.text.value.trim().toLowerCase();
    return rows.filter((row) => {
      if (wanted && !row.text) row.text = row.tr.textContent.toLowerCase();
      return (!wanted || row.text.includes(wanted))
        && (!input.severity.value || row.cells[SEVERITY] === input.severity.value)
        && (!input.status.value || row.cells[STATUS] === input.status.value)
        && (!input.provider.value || row.cells[PROVIDER] === input.provider.value)
        && (!input.area.value || row.area === input.area.value);
    });
  };
  const count = (found) => {
    const folded = Math.max(0, found - limit);
    byId("shown").textContent = `${digits(found)} of ${digits(rows.length)} rows match`;
    if (!rest) return;
    rest.hidden = !folded;
    rest.querySelector("summary").textContent = `${digits(folded)} more ${folded === 1 ? "row" : "rows"}`;
  };
  const filter = () => {
    const found = matching().map((row) => row.tr);
    first.replaceChildren(...found.slice(0, limit));
    if (more) more.replaceChildren(...found.slice(limit));
    count(found.length);
  };

  let waiting = 0;
  input.text.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(filter, 120);
  });
  for (const name of ["severity", "status", "provider", "area"]) input[name].addEventListener("change", filter);
  byId("filter-clear").addEventListener("click", () => {
    for (const field of Object.values(input)) field.value = "";
    filter();
    input.text.focus();
  });
  for (const card of document.querySelectorAll("a[data-severity]")) {
    card.addEventListener("click", () => {
      for (const field of Object.values(input)) field.value = "";
      input.severity.value = card.dataset.severity;
      filter();
    });
  }

  const collator = new Intl.Collator("en", { numeric: true });
  const compare = (column) => (column === SEVERITY
    ? (a, b) => ranks.indexOf(b.cells[SEVERITY]) - ranks.indexOf(a.cells[SEVERITY])
    : (a, b) => collator.compare(a.cells[column], b.cells[column]));
  const heads = [...table.tHead.rows[0].cells];
  const sort = (column) => {
    const head = heads[column];
    const now = head.getAttribute("aria-sort");
    const way = now === "ascending" || (now === "none" && column === SEVERITY) ? "descending" : "ascending";
    heads.forEach((other) => other.setAttribute("aria-sort", other === head ? way : "none"));
    const order = compare(column);
    rows.sort(way === "ascending" ? order : (a, b) => order(b, a));
    filter();
  };
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = head.textContent;
    button.addEventListener("click", () => sort(column));
    head.replaceChildren(button);
    head.setAttribute("aria-sort", column === SEVERITY ? "descending" : "none");
  });

  byId("filter").hidden = false;
  count(rows.length);
})();
