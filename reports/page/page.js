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

  const groups = byId("groups");
  if (!groups) return;

  // The rows leave their groups and become one table, a page at a time.
  const SIZE = 100;
  const ranks = ["critical", "high", "medium", "low", "info"];
  const rows = [];
  for (const table of groups.querySelectorAll("table")) {
    for (const body of table.tBodies) {
      const where = body.rows[0].textContent;
      for (const tr of [...body.rows].slice(1)) {
        rows.push({ tr, where, provider: body.dataset.provider, ...table.dataset, cells: null, text: "", flat: false });
      }
    }
  }
  groups.replaceWith(byId("flat").content);
  const table = document.querySelector("table.flat");
  const keys = [...table.tHead.rows[0].cells].map((th) => th.dataset.key);
  const own = keys.filter((key) => !["severity", "title", "where"].includes(key));

  const said = (row) => {
    if (!row.cells) {
      row.cells = {};
      own.forEach((key, n) => {
        const td = row.tr.cells[row.flat ? keys.indexOf(key) : n];
        row.cells[key] = (td.querySelector("summary") || td).textContent.trim();
        if (key === "owner") row.owners = td.children.length ? [...td.children].map((e) => e.textContent) : [row.cells.owner];
      });
    }
    return row.cells;
  };
  const searched = (row) => {
    if (!row.text) row.text = [row.tr.textContent, row.severity, row.title, row.check, row.where].join(" ").toLowerCase();
    return row.text;
  };
  const flatten = (row) => {
    if (!row.flat) {
      const severity = document.createElement("td");
      severity.className = row.severity;
      severity.textContent = row.severity;
      const title = document.createElement("td");
      const link = document.createElement("a");
      link.href = `#${row.check}`;
      link.textContent = row.title;
      title.append(link);
      const where = document.createElement("td");
      where.textContent = row.where;
      row.tr.prepend(severity);
      row.tr.insertBefore(title, row.tr.cells[2]);
      row.tr.append(where);
      // The style sheet lays a row out as a grid; the roles keep it a row to a screen reader in every browser.
      row.tr.setAttribute("role", "row");
      keys.forEach((key, n) => {
        const td = row.tr.cells[n];
        td.setAttribute("role", "cell");
        td.classList.add(`c-${key}`);
        td.classList.toggle("none", !td.textContent.trim());
      });
      row.flat = true;
    }
    return row.tr;
  };

  // What is shown: the filter, kept in the address, the order, and the page.
  const names = ["text", "severity", "status", "life", "due", "provider", "area", "owner"].filter((n) => byId(`filter-${n}`));
  const input = Object.fromEntries(names.map((name) => [name, byId(`filter-${name}`)]));
  const tests = {
    severity: (row, value) => row.severity === value,
    provider: (row, value) => row.provider === value,
    area: (row, value) => row.area === value,
    status: (row, value) => said(row).state.startsWith(value),
    life: (row, value) => said(row).state.split(/[ ,]+/).includes(value),
    due: (row, value) => said(row).due.endsWith(value),
    owner: (row, value) => said(row) && row.owners.includes(value),
    text: (row, value) => value.toLowerCase().split(/\s+/).every((word) => searched(row).includes(word)),
  };
  const digits = (n) => n.toLocaleString("en");
  let found = rows;
  let page = 0;

  const show = () => {
    const pages = Math.max(1, Math.ceil(found.length / SIZE));
    page = Math.min(Math.max(page, 0), pages - 1);
    const from = page * SIZE;
    const some = found.slice(from, from + SIZE);
    table.tBodies[0].replaceChildren(...some.map(flatten));
    table.hidden = !some.length;
    byId("none").hidden = some.length > 0;
    const stretch = found.length > SIZE ? `, rows ${digits(from + 1)} to ${digits(from + some.length)} shown` : "";
    byId("shown").textContent = `${digits(found.length)} of ${digits(rows.length)} rows match${stretch}`;
    byId("page").textContent = `Page ${digits(page + 1)} of ${digits(pages)}`;
    document.querySelector(".pager").hidden = pages === 1;
    byId("back").setAttribute("aria-disabled", page === 0);
    byId("next").setAttribute("aria-disabled", page === pages - 1);
  };
  const filter = () => {
    const wanted = names.map((name) => [name, input[name].value.trim()]).filter(([, value]) => value);
    found = rows.filter((row) => wanted.every(([name, value]) => tests[name](row, value)));
    page = 0;
    show();
    return wanted;
  };
  const filterAndKeep = () => {
    const wanted = new URLSearchParams(filter()).toString();
    history.replaceState(null, "", wanted ? `#findings?${wanted}` : "#findings");
  };
  // An address names a filter (#findings?severity=high), or one finding (#v1:…), which is then open.
  const restore = () => {
    const [place, kept] = location.hash.split("?");
    const id = /^#v1:\w+$/.test(place) ? place.slice(1) : "";
    if (!id && (place !== "#findings" || kept === undefined)) return false;
    const wanted = new URLSearchParams(id ? { text: id } : kept);
    for (const name of names) input[name].value = wanted.get(name) || "";
    filter();
    const one = id && found.length === 1;
    if (one) found[0].tr.querySelector("details").open = true;
    (one ? table : byId("findings")).scrollIntoView(); // on a phone the filters above it are a screen high
    return true;
  };
  const clear = () => {
    for (const name of names) input[name].value = "";
  };

  let waiting = 0;
  input.text.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(filterAndKeep, 120);
  });
  for (const name of names.slice(1)) input[name].addEventListener("change", filterAndKeep);
  byId("filter-clear").addEventListener("click", () => {
    clear();
    filterAndKeep();
    input.text.focus();
  });
  for (const card of document.querySelectorAll("a[data-severity]")) card.href = `#findings?severity=${card.dataset.severity}`;
  addEventListener("hashchange", restore);
  const turn = (by) => {
    const before = page;
    page += by;
    show();
    if (page !== before) table.scrollIntoView();
  };
  // Paper gets more than one page of rows, and says how many it does not get.
  const PAPER = 500;
  addEventListener("beforeprint", () => {
    table.tBodies[0].replaceChildren(...found.slice(0, PAPER).map(flatten));
    const rest = found.length - PAPER;
    byId("shown").textContent = `${digits(found.length)} of ${digits(rows.length)} rows match`
      + (rest > 0 ? `; the first ${digits(PAPER)} are printed, ${digits(rest)} are not` : "");
  });
  addEventListener("afterprint", show);
  byId("back").addEventListener("click", () => turn(-1));
  byId("next").addEventListener("click", () => turn(1));

  const collator = new Intl.Collator("en", { numeric: true });
  const value = (row, key) => (key in row ? row[key] : said(row)[key]);
  const compare = (key) => (key === "severity"
    ? (a, b) => ranks.indexOf(b.severity) - ranks.indexOf(a.severity)
    : (a, b) => collator.compare(value(a, key), value(b, key)));
  const heads = [...table.tHead.rows[0].cells];
  for (const head of heads) {
    const key = head.dataset.key;
    head.querySelector("button").addEventListener("click", () => {
      const now = head.getAttribute("aria-sort");
      const up = now === "none" ? key !== "severity" : now === "descending";
      heads.forEach((other) => other.setAttribute("aria-sort", "none"));
      head.setAttribute("aria-sort", up ? "ascending" : "descending");
      const order = compare(key);
      // A row that has no owner or date comes last, whichever way.
      const none = (row) => value(row, key) === "";
      rows.sort((a, b) => none(a) - none(b) || (up ? order(a, b) : order(b, a)));
      filter();
    });
  }
  heads[0].setAttribute("aria-sort", "descending");

  // A command can be copied; a page opened from a disk may have no clipboard, and then it is selected instead.
  const copy = async (code, told) => {
    try {
      await navigator.clipboard.writeText(code.textContent);
      told.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(code);
      told.textContent = "Selected: copy it with the keyboard";
    }
  };
  // A row that is opened also tells the remedy that stands in its check's chapter.
  const byRow = new Map(rows.map((row) => [row.tr, row]));
  const remedy = (row, list) => {
    for (const told of byId(row.check).querySelectorAll(".remedy")) {
      if (!row.where.startsWith(told.dataset.cloud)) continue;
      const name = document.createElement("dt");
      const text = document.createElement("dd");
      name.textContent = "Remedy";
      text.className = "remedy";
      text.textContent = told.lastChild.textContent.trim();
      list.append(name, text);
    }
  };
  const known = new WeakSet();
  table.addEventListener("toggle", (event) => {
    if (known.has(event.target)) return;
    known.add(event.target);
    for (const told of event.target.querySelectorAll("dd")) {
      if (!/^v1:\w+$/.test(told.textContent)) continue;
      const link = document.createElement("a");
      link.href = `#${told.textContent}`;
      link.textContent = told.textContent;
      told.replaceChildren(link);
    }
    remedy(byRow.get(event.target.closest("tr")), event.target.querySelector("dl"));
    for (const code of event.target.querySelectorAll("dd > code:only-child")) {
      const button = document.createElement("button");
      const told = document.createElement("span");
      button.type = "button";
      button.textContent = "Copy command";
      told.setAttribute("role", "status");
      button.addEventListener("click", () => copy(code, told));
      code.after(button, told);
    }
  }, true);

  byId("filter").hidden = false;
  if (!restore()) filter();

  // What a search reads is put together while nothing else is to be done.
  let next = 0;
  const prepare = (left) => {
    while (next < rows.length && left.timeRemaining() > 0) searched(rows[next++]);
    if (next < rows.length) requestIdleCallback(prepare);
  };
  if (self.requestIdleCallback) requestIdleCallback(prepare);
})();
