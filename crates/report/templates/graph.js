(() => {
  'use strict';
  const data = JSON.parse(document.getElementById('graph-data').textContent);
  const { columns, groups, nodes, tones } = data;
  const [BOX_WIDTH, BOX_HEIGHT, , HEAD, PAD, , COLUMN_GAP] = data.size;
  const edges = data.edges.map(([from, to, label, certain]) => ({ from, to, label: data.labels[label], certain: !!certain }));
  // More lines than this are not written on: the card says what they say.
  const LABELLED = 80;
  // And more than this do not even say how many they are.
  const COUNTED = 400;
  const byId = (id) => document.getElementById(id);
  const [stage, world, heads, card, search, status] = ['stage', 'world', 'heads', 'card', 'search', 'status'].map(byId);
  const groupOf = [];
  groups.forEach((group, at) => group.m.forEach((node) => { groupOf[node] = at; }));
  const out = nodes.map(() => []);
  const into = nodes.map(() => []);
  edges.forEach((edge, at) => { out[edge.from].push(at); into[edge.to].push(at); });
  // What a search looks through, and nodes in the order in which they are seen.
  const text = nodes.map((node, id) => [node.l, groups[groupOf[id]].n, ...node.d.flat()].join('\n').toLowerCase());
  const seen = groups.flatMap((group) => group.m);

  const open = groups.map((group) => !data.fold || group.m.length === 1);
  let items = new Map();
  let lines = [];
  let size = { width: 0, height: 0 };
  let view = { x: 0, y: 0, k: 1 };
  let pinned = null;
  let pointed = null;
  let hits = [];
  let hit = -1;
  let rendering = false;

  const many = (count, thing) => `${count.toLocaleString('en')} ${thing}${count === 1 ? '' : 's'}`;
  const left = (column) => PAD + column * (BOX_WIDTH + COLUMN_GAP);
  const keyOf = (node) => (open[groupOf[node]] ? `n${node}` : `g${groupOf[node]}`);
  const draw = (parent, name, attributes, content) => {
    const made = document.createElementNS('http://www.w3.org/2000/svg', name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    if (content !== undefined) made.textContent = content;
    parent.append(made);
    return made;
  };
  const write = (parent, name, content, className) => {
    const made = document.createElement(name);
    if (content !== undefined) made.textContent = content;
    if (className) made.className = className;
    parent.append(made);
    return made;
  };

  // Edges between the same two boxes, as one line.
  function merge() {
    const all = new Map();
    edges.forEach((edge, at) => {
      const [a, b] = [keyOf(edge.from), keyOf(edge.to)];
      if (a === b && a[0] === 'g') return;
      const key = `${a} ${b}`;
      if (!all.has(key)) all.set(key, { a, b, from: edge.from, to: edge.to, edges: [], certain: false });
      const line = all.get(key);
      line.edges.push(at);
      line.certain ||= edge.certain;
    });
    return [...all.values()];
  }

  const toneCounts = (members) => tones
    .map((tone, at) => ({ tone, at, count: members.filter((node) => nodes[node].t === at).length }))
    .filter(({ at, count }) => at > 0 && count > 0)
    .reverse();
  const groupName = (group) => group.n || 'Without a group';

  function drawItem(parent, key, item) {
    const group = groups[item.group];
    const isNode = item.node !== undefined;
    const isFrame = !isNode && open[item.group];
    const node = isNode ? nodes[item.node] : null;
    const counts = isNode ? [] : toneCounts(item.members);
    const worst = isNode ? node.t : Math.max(0, ...item.members.map((member) => nodes[member].t));
    const kind = isNode ? `node ${tones[node.t][0]}` : isFrame ? 'frame' : `folded ${tones[worst][0]}`;
    const made = draw(parent, 'g', { class: `item ${kind}`, 'data-key': key });
    item.el = made;
    made.setAttribute('tabindex', 0);
    made.setAttribute('role', 'button');
    if (isFrame) {
      // The frame is behind the lines, and only its heading is the button: the rest is for dragging.
      item.back = draw(byId('frames'), 'rect', { class: 'back', x: item.x, y: item.y, width: item.w, height: item.h, rx: 8 });
      made.setAttribute('aria-expanded', 'true');
      made.setAttribute('aria-label', `${groupName(group)}, ${many(item.members.length, 'node')}`);
      draw(made, 'rect', { x: item.x, y: item.y, width: item.w, height: HEAD - 2, rx: 8 });
      draw(made, 'text', { class: 'fold', x: item.x + 14, y: item.y + HEAD - 10 }, '−');
      draw(made, 'text', { x: item.x + 28, y: item.y + HEAD - 10 }, group.s ?? group.n);
      return;
    }
    draw(made, 'rect', { x: item.x, y: item.y, width: item.w, height: item.h, rx: isNode ? 6 : 8 });
    if (isNode) {
      const said = [node.l, columns[group.c], group.n, worst ? tones[node.t][1] : ''];
      made.setAttribute('aria-label', said.filter(Boolean).join(', '));
      made.setAttribute('aria-pressed', String(key === pinned));
      const base = item.y + BOX_HEIGHT / 2 + 4;
      if (worst) draw(made, 'text', { class: 'sign', x: item.x + 8, y: base }, tones[node.t][2]);
      draw(made, 'text', { x: item.x + 24, y: base }, node.s ?? node.l);
      return;
    }
    const said = counts.map(({ tone, count }) => `${count} ${tone[1]}`);
    made.setAttribute('aria-label', [groupName(group), many(item.members.length, 'node'), ...said].join(', '));
    made.setAttribute('aria-expanded', 'false');
    draw(made, 'text', { class: 'fold', x: item.x + 14, y: item.y + 19 }, '+');
    draw(made, 'text', { class: 'title', x: item.x + 28, y: item.y + 19 }, group.s ?? groupName(group));
    const line = draw(made, 'text', { class: 'sum', x: item.x + 28, y: item.y + 36 });
    item.sum = draw(line, 'tspan', {}, many(item.members.length, 'node'));
    for (const { tone, count } of counts) draw(line, 'tspan', { class: tone[0], dx: 12 }, `${tone[2]} ${count}`);
  }

  const says = (line) => [...new Set(line.edges.map((at) => edges[at].label).filter(Boolean))];
  const shorten = (words, width) => (words.length > width ? `${words.slice(0, width - 1)}…` : words);

  function render() {
    const focus = document.activeElement?.closest?.('.item')?.dataset.key;
    lines = merge();
    const placed = place(data, open, groupOf, lines);
    ({ items, size } = placed);
    // A box that has the focus loses it when it goes, which is nobody's doing.
    rendering = true;
    for (const key of ['frames', 'lines', 'says', 'boxes']) byId(key).replaceChildren();
    rendering = false;
    for (const [key, item] of items) drawItem(byId('boxes'), key, item);
    stage.classList.toggle('dense', lines.length > 150);
    const ends = new Map();
    const count = (key) => ends.set(key, (ends.get(key) ?? 0) + 1);
    for (const line of lines) { count(`${line.a} out`); count(`${line.b} in`); }
    lines.forEach((line, number) => {
      line.curves = placed.route(number, items.get(line.a), items.get(line.b));
      line.late = ends.get(`${line.a} out`) >= ends.get(`${line.b} in`);
      line.el = draw(byId('lines'), 'path', {
        class: line.certain ? 'line' : 'line possible',
        d: line.curves.map(([p, q, r, s], at) => `${at ? '' : `M${p}`} C${q} ${r} ${s}`).join(''),
        'stroke-width': (1.3 + Math.log2(line.edges.length) * 0.5).toFixed(1),
      });
      const folded = line.a[0] === 'g' || line.b[0] === 'g';
      line.counts = folded && line.edges.length > 1;
      line.says = line.counts ? String(line.edges.length) : shorten(says(line).join(', '), 24);
      const possible = line.edges.filter((at) => !edges[at].certain).length;
      const tip = [folded ? many(line.edges.length, 'line') : `${nodes[line.from].l} → ${nodes[line.to].l}`, ...says(line).slice(0, 12)];
      if (possible) tip.push(possible === line.edges.length ? '(only possible)' : `(${possible} only possible)`);
      draw(line.el, 'title', {}, tip.join('\n'));
    });
    if (pinned && !items.has(pinned)) pinned = null;
    if (pointed && !items.has(pointed)) pointed = null;
    mark();
    find();
    if (focus && items.has(focus)) items.get(focus).el.focus({ preventScroll: true });
  }

  // Everything that paths from these nodes lead to, one way, with the lines on the way.
  function follow(starts, steps, end, only) {
    const found = new Set(starts);
    const used = new Set();
    const todo = [...starts];
    while (todo.length) {
      for (const at of steps[todo.pop()]) {
        if (only && !edges[at].certain) continue;
        used.add(at);
        const next = edges[at][end];
        if (!found.has(next)) { found.add(next); todo.push(next); }
      }
    }
    return { found, used };
  }

  function mark() {
    const active = pinned ?? pointed;
    const item = active && items.get(active);
    stage.classList.toggle('following', Boolean(item));
    const ahead = item && follow(item.members, out, 'to');
    const back = item && follow(item.members, into, 'from');
    for (const [key, other] of items) {
      const lit = item && other.members.some((node) => ahead.found.has(node) || back.found.has(node));
      other.el.classList.toggle('lit', Boolean(lit));
      other.back?.classList.toggle('lit', Boolean(lit));
      other.el.classList.toggle('pinned', key === pinned);
      if (other.node !== undefined) other.el.setAttribute('aria-pressed', String(key === pinned));
    }
    for (const line of lines) {
      line.lit = item && line.edges.some((at) => ahead.used.has(at) || back.used.has(at));
      line.el.classList.toggle('lit', Boolean(line.lit));
    }
    byId('lines').append(...lines.filter((line) => line.lit).map((line) => line.el));
    label();
    describe(item, ahead, back);
  }

  // Writes on lines where a label covers neither a box nor another label.
  function label() {
    const shown = ['following', 'searching'].find((state) => stage.classList.contains(state));
    const some = shown ? lines.filter((line) => (shown === 'following' ? line.lit : line.hit)) : lines;
    const parent = byId('says');
    parent.replaceChildren();
    const all = some.length <= LABELLED;
    if (some.length > COUNTED) return;
    const taken = [...items.values()].map(({ x, y, w, h, back }) => [x, y, x + w, y + (back ? HEAD : h)]);
    for (const line of some) {
      if (!line.says || !(all || line.counts)) continue;
      const half = (line.says.length * 6.7 + 8) / 2;
      const points = line.late ? line.curves.at(-1) : line.curves[0];
      for (const part of [0.72, 0.66, 0.6, 0.5, 0.4, 0.3, 0.2]) {
        const t = line.late ? part : 1 - part;
        const s = 1 - t;
        const weights = [s * s * s, 3 * s * s * t, 3 * s * t * t, t * t * t];
        const [x, y] = [0, 1].map((axis) => points.reduce((sum, point, at) => sum + point[axis] * weights[at], 0));
        const area = [x - half, y - 8, x + half, y + 8];
        if (taken.some((other) => area[2] > other[0] && other[2] > area[0] && area[3] > other[1] && other[3] > area[1])) continue;
        taken.push(area);
        draw(parent, 'text', { x: x.toFixed(0), y: (y + 4).toFixed(0) }, line.says);
        break;
      }
    }
  }

  function jump(parent, node) {
    const button = write(parent, 'button', nodes[node].l, 'jump');
    button.type = 'button';
    button.addEventListener('click', () => show(node));
  }

  function describe(item, ahead, back) {
    card.replaceChildren();
    if (!item) {
      write(card, 'p', data.hint, 'soft');
      return;
    }
    const group = groups[item.group];
    const column = columns[group.c];
    if (item.node === undefined) {
      write(card, 'h2', groupName(group));
      write(card, 'p', [column, many(item.members.length, 'node')].filter(Boolean).join(' · '), 'soft');
      const list = write(card, 'p');
      for (const { tone, count } of toneCounts(item.members)) write(list, 'span', `${tone[2]} ${count} ${tone[1]}`, `tag ${tone[0]}`);
    } else {
      const node = nodes[item.node];
      write(card, 'h2', node.l);
      write(card, 'p', [column, group.n].filter(Boolean).join(' · '), 'soft');
      if (node.t) write(write(card, 'p'), 'span', `${tones[node.t][2]} ${tones[node.t][1]}`, `tag ${tones[node.t][0]}`);
      const list = node.d.length ? write(card, 'dl') : null;
      for (const [name, value] of node.d) { write(list, 'dt', name); write(list, 'dd', value); }
    }
    const sides = [
      ['Leads to', ahead, out, 'to'],
      ['Comes from', back, into, 'from'],
    ];
    for (const [heading, reached, steps, end] of sides) {
      const others = [...reached.found].filter((node) => !item.members.includes(node));
      if (!others.length) continue;
      const sure = follow(item.members, steps, end, true).found;
      write(card, 'h3', heading);
      const sums = columns.map((name, at) => {
        const there = others.filter((node) => groups[groupOf[node]].c === at);
        const possible = there.filter((node) => !sure.has(node)).length;
        return there.length ? `${name || 'Other'}: ${there.length}${possible ? ` (${possible} only possible)` : ''}` : '';
      });
      write(card, 'p', sums.filter(Boolean).join(' · '), 'soft');
      if (item.node === undefined) continue;
      const next = new Map();
      for (const at of steps[item.node]) next.set(edges[at][end], [...(next.get(edges[at][end]) ?? []), edges[at]]);
      const list = write(card, 'ul');
      for (const [node, between] of [...next].slice(0, 40)) {
        const row = write(list, 'li');
        jump(row, node);
        const possible = between.some((edge) => edge.certain) ? '' : 'only possible';
        const said = [...new Set([...between.map((edge) => edge.label), possible])].filter(Boolean).join(', ');
        if (said) write(row, 'small', ` ${said}`);
      }
      if (next.size > 40) write(card, 'p', `and ${next.size - 40} more`, 'soft');
    }
    if (item.node === undefined) {
      write(card, 'h3', 'In it');
      const list = write(card, 'ul');
      item.members.slice(0, 60).forEach((node) => jump(write(list, 'li'), node));
      if (item.members.length > 60) write(card, 'p', `and ${item.members.length - 60} more`, 'soft');
    }
  }

  function find() {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const searching = words.length > 0;
    hits = searching ? seen.filter((node) => words.every((word) => text[node].includes(word))) : [];
    const set = new Set(hits);
    stage.classList.toggle('searching', searching);
    for (const [, item] of items) {
      const count = item.members.filter((node) => set.has(node)).length;
      item.el.classList.toggle('hit', count > 0);
      item.el.classList.toggle('current', hit >= 0 && item.node === hits[hit]);
      item.back?.classList.toggle('hit', count > 0);
      if (item.sum) {
        const all = many(item.members.length, 'node');
        item.sum.textContent = count ? `${count} of ${all}` : all;
        item.sum.classList.toggle('found', count > 0);
      }
    }
    for (const line of lines) {
      line.hit = line.edges.some((at) => set.has(edges[at].from) || set.has(edges[at].to));
      line.el.classList.toggle('hit', line.hit);
    }
    label();
    status.textContent = searching ? (hit >= 0 ? `${hit + 1} of ${many(hits.length, 'hit')}` : many(hits.length, 'hit')) : data.counted;
  }

  // Shows a node wherever it is, and pins it.
  function show(node) {
    const was = open[groupOf[node]];
    open[groupOf[node]] = true;
    pinned = `n${node}`;
    if (was) { mark(); find(); } else render();
    reveal(items.get(pinned), true);
  }

  function look(next, moving) {
    world.classList.toggle('moving', Boolean(moving));
    view = { ...next, k: Math.min(4, Math.max(0.05, next.k)) };
    world.style.transform = `translate(${view.x}px,${view.y}px) scale(${view.k})`;
    const width = Math.floor(((BOX_WIDTH + COLUMN_GAP) * view.k - 16) / 9);
    [...heads.querySelectorAll('text')].forEach((head, at) => {
      head.setAttribute('x', (view.x + left(at) * view.k).toFixed(1));
      head.textContent = shorten(columns[at], Math.max(2, width));
    });
  }
  const zoom = (factor, x = stage.clientWidth / 2, y = stage.clientHeight / 2) => {
    const k = Math.min(4, Math.max(0.05, view.k * factor));
    look({ x: x - (x - view.x) * (k / view.k), y: y - (y - view.y) * (k / view.k), k });
  };
  const BAND = 36;
  const EDGE = 24;
  const scaleOf = (height) => Math.min(1.25, (stage.clientWidth - 2 * EDGE) / size.width, height ? (stage.clientHeight - BAND - 2 * EDGE) / height : 4);
  function fit(whole, moving) {
    let k = scaleOf(size.height);
    // What is too small to read begins at its top instead.
    if (!whole && k < 0.7) k = Math.min(1, Math.max(0.7, scaleOf(0)));
    const [w, h] = [stage.clientWidth, stage.clientHeight - BAND];
    const x = size.width * k > w ? EDGE : (w - size.width * k) / 2;
    look({ x, y: BAND + (size.height * k > h - EDGE ? EDGE - size.start * k : (h - size.height * k) / 2), k }, moving);
  }
  // Moves as far as is needed for an item to be seen, or to the middle.
  function reveal(item, middle) {
    const k = middle ? Math.max(view.k, 0.8) : view.k;
    let { x, y } = view;
    const [w, h] = [stage.clientWidth, stage.clientHeight];
    const [l, t] = [x + item.x * k, y + item.y * k];
    const [r, b] = [l + item.w * k, t + Math.min(item.h * k, h / 2)];
    if (middle) {
      // The whole width stays in sight if it can.
      if (k !== view.k || l < EDGE || r > w - EDGE) x = size.width * k <= w ? (w - size.width * k) / 2 : w / 2 - (item.x + item.w / 2) * k;
      y = h / 2 - (item.y + item.h / 2) * k;
    } else {
      x += l < EDGE ? EDGE - l : r > w - EDGE ? w - EDGE - r : 0;
      y += t < BAND + EDGE ? BAND + EDGE - t : b > h - EDGE ? h - EDGE - b : 0;
    }
    if (x !== view.x || y !== view.y || k !== view.k) look({ x, y, k }, true);
  }

  function toggle(at) {
    const before = items.get(`g${at}`);
    const y = view.y + before.y * view.k;
    open[at] = !open[at];
    render();
    const after = items.get(`g${at}`) ?? items.get(`n${groups[at].m[0]}`);
    // The group stays under the pointer.
    look({ ...view, y: y - after.y * view.k });
  }
  function all(state) {
    open.fill(state);
    render();
    fit(false);
  }
  function clear() {
    pinned = pointed = null;
    hit = -1;
    search.value = '';
    mark();
    find();
  }
  function activate(key) {
    const item = items.get(key);
    if (item.node === undefined) {
      toggle(item.group);
    } else {
      pinned = pinned === key ? null : key;
      mark();
    }
  }

  const keyAt = (target) => target.closest?.('.item')?.dataset.key ?? null;
  const point = (key) => {
    if (key === pointed) return;
    pointed = key;
    if (!pinned) mark();
  };
  let drag = null;
  stage.addEventListener('pointerdown', (event) => {
    if (event.button === 0) drag = { x: event.clientX, y: event.clientY, from: view, moved: false };
  });
  stage.addEventListener('pointermove', (event) => {
    if (!drag) { point(keyAt(event.target)); return; }
    const [dx, dy] = [event.clientX - drag.x, event.clientY - drag.y];
    if (!drag.moved && Math.hypot(dx, dy) < 5) return;
    if (!drag.moved) stage.setPointerCapture(event.pointerId);
    drag.moved = true;
    look({ ...drag.from, x: drag.from.x + dx, y: drag.from.y + dy });
  });
  stage.addEventListener('pointerup', () => { if (drag && !drag.moved) drag = null; });
  stage.addEventListener('pointercancel', () => { drag = null; });
  stage.addEventListener('pointerleave', () => { if (!drag) point(null); });
  stage.addEventListener('click', (event) => {
    const moved = drag?.moved;
    drag = null;
    if (moved) return;
    const key = keyAt(event.target);
    if (key) activate(key);
    else if (pinned) { pinned = null; mark(); }
  });
  stage.addEventListener('wheel', (event) => {
    event.preventDefault();
    const box = stage.getBoundingClientRect();
    const turn = event.deltaY * (event.deltaMode === 1 ? 20 : 1);
    zoom(Math.exp(-turn * (event.ctrlKey ? 0.01 : 0.0015)), event.clientX - box.left, event.clientY - box.top);
  }, { passive: false });
  world.addEventListener('focusin', (event) => {
    const key = keyAt(event.target);
    if (!key || drag) return;
    point(key);
    reveal(items.get(key));
  });
  world.addEventListener('focusout', () => { if (!rendering) point(null); });

  search.addEventListener('input', () => { hit = -1; pinned = null; mark(); find(); });
  search.addEventListener('keydown', (event) => {
    if (event.key !== 'Enter') return;
    event.preventDefault();
    if (!hits.length) return;
    hit = (hit + (event.shiftKey ? hits.length - Math.min(1, hit + 1) : 1)) % hits.length;
    show(hits[hit]);
  });
  const keys = {
    '+': () => zoom(1.25), '=': () => zoom(1.25), '-': () => zoom(0.8), 0: () => fit(true, true), '/': () => search.focus(),
    ArrowLeft: () => look({ ...view, x: view.x + 80 }), ArrowRight: () => look({ ...view, x: view.x - 80 }),
    ArrowUp: () => look({ ...view, y: view.y + 80 }), ArrowDown: () => look({ ...view, y: view.y - 80 }),
  };
  document.addEventListener('keydown', (event) => {
    if (event.key === 'Escape') { clear(); return; }
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest?.('input')) return;
    const arrow = event.key.startsWith('Arrow');
    const key = keyAt(event.target);
    if (key && (event.key === 'Enter' || event.key === ' ')) { event.preventDefault(); activate(key); return; }
    // Arrows scroll the page wherever else they are pressed.
    if (!keys[event.key] || (arrow && !stage.contains(event.target))) return;
    event.preventDefault();
    keys[event.key]();
  });
  const press = { 'expand-all': () => all(true), 'collapse-all': () => all(false), in: () => zoom(1.25), out: () => zoom(0.8), fit: () => fit(true, true) };
  for (const [id, act] of Object.entries(press)) byId(id).addEventListener('click', act);
  window.addEventListener('beforeprint', () => document.querySelectorAll('details').forEach((part) => { part.open = true; }));

  // What the address asks for, after its `#`.
  function asked() {
    let wanted = null;
    for (const part of location.hash.slice(1).split('&')) {
      const [name, value = ''] = part.split(/=(.*)/s);
      let said = value;
      try { said = decodeURIComponent(value); } catch { /* As it stands. */ }
      if (name === 'expand' || name === 'collapse') open.fill(name === 'expand');
      if (name === 'search') { search.value = said; hit = -1; pinned = null; }
      if (name === 'pin' && /^\d+$/.test(said) && nodes[said]) wanted = Number(said);
    }
    render();
    fit(false);
    if (wanted !== null) show(wanted);
  }
  columns.forEach(() => draw(heads, 'text', { y: 24 }));
  byId('tools').hidden = false;
  byId('explore').hidden = false;
  window.addEventListener('hashchange', asked);
  window.addEventListener('resize', () => look(view));
  asked();
})();
