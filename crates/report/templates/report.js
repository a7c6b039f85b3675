(() => {
  const form = document.querySelector('.filters');
  const shown = document.getElementById('shown');
  const items = [...document.querySelectorAll('.finding')];
  const value = (id) => document.getElementById(id).value;
  form.hidden = false;
  const apply = () => {
    const text = value('q').toLowerCase();
    let count = 0;
    for (const item of items) {
      const d = item.dataset;
      const match = (!text || d.text.includes(text)) && (!value('verdict') || d.verdict === value('verdict')) &&
        (!value('severity') || d.severity === value('severity')) && (!value('clause') || d.clauses.split(' ').includes(value('clause'))) &&
        (!value('environment') || d.environment === value('environment'));
      item.hidden = !match;
      count += match;
    }
    shown.textContent = `${count} of ${items.length} shown`;
  };
  form.addEventListener('input', apply);
  form.addEventListener('submit', (event) => event.preventDefault());
  window.addEventListener('beforeprint', () => items.forEach((item) => { if (!item.hidden) item.open = true; }));
  apply();
})();
