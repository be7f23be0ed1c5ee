'use strict';
// Sorting, filtering and CSV of the tables, hiding of backends, light and dark. All of it is added here, so that the page is whole without scripts.
(() => {
  const make = (tag, props, ...children) => { const e = Object.assign(document.createElement(tag), props); e.append(...children); return e; };

  // A spreadsheet would run a cell that begins like a formula; numbers stay as they are. The same rule as safe_cell in plots/tables.py.
  const safe = text => (/^[=+\-@\t\r\n]/.test(text) && Number.isNaN(Number(text)) ? "'" + text : text);
  const quoted = text => (/[",\r\n]/.test(text) ? '"' + text.replaceAll('"', '""') + '"' : text);
  const csvOf = table => [...table.querySelectorAll('tr')].filter(r => !r.hidden)
    .map(r => [...r.cells].map(c => quoted(safe(c.dataset.v ?? c.textContent))).join(',')).join('\n') + '\n';
  window.convroofCsv = csvOf;  // for the tests

  const sortable = table => {
    [...table.tHead.rows[0].cells].forEach((cell, index) => {
      const button = make('button', {type: 'button'}, cell.textContent);
      cell.replaceChildren(button);
      button.addEventListener('click', () => {
        const down = cell.getAttribute('aria-sort') === 'ascending';
        for (const other of table.tHead.rows[0].cells) other.removeAttribute('aria-sort');
        cell.setAttribute('aria-sort', down ? 'descending' : 'ascending');
        const key = row => { const c = row.cells[index]; return c.dataset.v !== undefined ? Number(c.dataset.v) : c.className === 'empty' ? null : c.textContent; };
        const rows = [...table.tBodies[0].rows].map(row => [key(row), row]);
        rows.sort(([a], [b]) => a === null || b === null ? (a === null) - (b === null) :  // rows without a value stay at the end
          (down ? -1 : 1) * (typeof a === 'number' && typeof b === 'number' ? a - b : String(a).localeCompare(String(b), 'en', {numeric: true})));
        table.tBodies[0].append(...rows.map(([, row]) => row));
      });
    });
  };

  const filterable = table => {
    const rows = [...table.tBodies[0].rows], titles = [...table.tHead.rows[0].cells].map(c => c.textContent);
    const search = make('input', {type: 'search', placeholder: 'filter: words in any column'});
    search.setAttribute('aria-label', 'Filter rows');
    const count = make('span', {className: 'count'});
    count.setAttribute('aria-live', 'polite');
    const selects = ['Network', 'Backend', 'Outcome'].map(title => {
      const column = titles.indexOf(title), select = make('select', {}, make('option', {value: '', textContent: title + ': all'}));
      select.setAttribute('aria-label', title);
      for (const value of new Set(rows.map(r => r.cells[column].textContent))) select.append(make('option', {value, textContent: value}));
      return [select, column];
    });
    const texts = rows.map(r => r.textContent.toLowerCase());
    const apply = () => {
      const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
      let shown = 0;
      rows.forEach((row, i) => {
        row.hidden = !words.every(w => texts[i].includes(w)) || !selects.every(([s, c]) => !s.value || row.cells[c].textContent === s.value);
        shown += !row.hidden;
      });
      count.textContent = `${shown} of ${rows.length} rows`;
    };
    const csv = make('button', {type: 'button', textContent: 'Save shown rows as CSV'});
    csv.addEventListener('click', () => {
      const url = URL.createObjectURL(new Blob([csvOf(table)], {type: 'text/csv'}));
      make('a', {href: url, download: `convroof-${table.dataset.name}.csv`}).click();
      setTimeout(() => URL.revokeObjectURL(url), 1000);
    });
    search.addEventListener('input', apply);
    for (const [select] of selects) select.addEventListener('change', apply);
    table.parentElement.before(make('div', {className: 'tools'}, search, ...selects.map(([s]) => s), csv, count));
    apply();
  };

  document.querySelectorAll('table[data-filter]').forEach(filterable);  // before sorting, which moves the titles into buttons
  document.querySelectorAll('table[data-sort]').forEach(sortable);

  for (const p of document.querySelectorAll('.toggles')) p.hidden = false;
  for (const box of document.querySelectorAll('[data-hide]'))
    box.addEventListener('change', () => { for (const e of document.querySelectorAll('svg .b' + box.dataset.hide)) e.style.display = box.checked ? '' : 'none'; });

  const root = document.documentElement, dark = () => root.dataset.theme ? root.dataset.theme === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches;
  const theme = make('button', {type: 'button', className: 'theme'});
  const name = () => { theme.textContent = dark() ? 'Light' : 'Dark'; theme.setAttribute('aria-label', `Switch to the ${dark() ? 'light' : 'dark'} theme`); };
  theme.addEventListener('click', () => { root.dataset.theme = dark() ? 'light' : 'dark'; name(); });
  name();
  document.querySelector('header').append(theme);
})();
