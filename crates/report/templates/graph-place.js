// Where everything stands, as in layout.rs, with those groups folded that are not open: the highest column is stacked closely,
// and the groups of the others stand as near to their neighbours as their order lets them.
const place = (data, open, groupOf, lines) => {
  'use strict';
  const { columns, groups } = data;
  const [BOX_WIDTH, BOX_HEIGHT, ROW_GAP, HEAD, PAD, GROUP_GAP, COLUMN_GAP, FOLDED] = data.size;
  const left = (column) => PAD + column * (BOX_WIDTH + COLUMN_GAP);
  const middle = [];
  const heights = groups.map((group, at) => {
    const named = group.n !== '';
    if (!open[at]) {
      group.m.forEach((node) => { middle[node] = FOLDED / 2; });
      return FOLDED;
    }
    group.m.forEach((node, row) => { middle[node] = (named ? HEAD : 0) + row * (BOX_HEIGHT + ROW_GAP) + BOX_HEIGHT / 2; });
    return (named ? HEAD : 0) + group.m.length * (BOX_HEIGHT + ROW_GAP) - ROW_GAP + (named ? PAD : 0);
  });
  const inside = columns.map((_, column) => groups.flatMap((group, at) => (group.c === column ? [at] : [])));
  const high = inside.map((list) => Math.max(0, list.reduce((sum, at) => sum + heights[at] + GROUP_GAP, 0) - GROUP_GAP));
  const highest = Math.max(0, ...high);
  const anchor = Math.max(0, high.indexOf(highest));
  const tops = [];
  inside.forEach((list, column) => {
    let top = (highest - high[column]) / 2;
    for (const at of list) { tops[at] = top; top += heights[at] + GROUP_GAP; }
  });
  const links = groups.map(() => []);
  for (const line of lines) {
    const [from, to] = [groupOf[line.from], groupOf[line.to]];
    links[from].push([middle[line.from], to, middle[line.to]]);
    links[to].push([middle[line.to], from, middle[line.from]]);
  }
  const settle = (column, first, last) => {
    const pools = [];
    let above = 0;
    const wishes = inside[column].map((at) => {
      let [sum, count] = [0, 0];
      for (const [own, other, theirs] of links[at]) {
        const there = groups[other].c;
        if (there !== column && there >= first && there <= last) { sum += tops[other] + (theirs - own); count += 1; }
      }
      return count > 0 ? [sum / count, count] : [tops[at], 0.01];
    });
    inside[column].forEach((at, row) => {
      const [wish, weight] = wishes[row];
      let pool = [(wish - above) * weight, weight, 1];
      while (pools.length) {
        const before = pools[pools.length - 1];
        if (!(before[0] / before[1] > pool[0] / pool[1])) break;
        pool = [before[0] + pool[0], before[1] + pool[1], before[2] + pool[2]];
        pools.pop();
      }
      pools.push(pool);
      above += heights[at] + GROUP_GAP;
    });
    let row = 0;
    above = 0;
    for (const [sum, weight, count] of pools) {
      for (const at of inside[column].slice(row, row + count)) {
        tops[at] = sum / weight + above;
        above += heights[at] + GROUP_GAP;
      }
      row += count;
    }
  };
  for (let at = anchor + 1; at < columns.length; at += 1) settle(at, anchor, at);
  for (let at = anchor - 1; at >= 0; at -= 1) settle(at, at, columns.length);
  for (let at = 0; at < columns.length; at += 1) if (at !== anchor) settle(at, 0, columns.length);
  const whole = tops.map((top) => Math.floor(top + 0.5));
  const least = whole.reduce((a, b) => Math.min(a, b), whole[0] ?? 0);
  const items = new Map();
  groups.forEach((group, at) => {
    const [x, y] = [left(group.c), whole[at] - least];
    if (!open[at] || group.n !== '') {
      items.set(`g${at}`, { group: at, x: x - PAD, y, w: BOX_WIDTH + 2 * PAD, h: heights[at], members: group.m });
    }
    if (!open[at]) return;
    group.m.forEach((node) => {
      items.set(`n${node}`, { node, group: at, x, y: y + middle[node] - BOX_HEIGHT / 2, w: BOX_WIDTH, h: BOX_HEIGHT, members: [node] });
    });
  });
  const size = {
    width: left(Math.max(1, columns.length)) - COLUMN_GAP + PAD,
    height: whole.reduce((most, top, at) => Math.max(most, top - least + heights[at]), 0),
  };
  const frames = inside.map((list) => list.map((at) => [whole[at] - least, whole[at] - least + heights[at]]));
  const gaps = frames.map((list) => list.flatMap(([top, bottom], row) => {
    const next = list[row + 1];
    const below = next ? Math.floor((bottom + next[0]) / 2) : bottom + GROUP_GAP / 2;
    return row === 0 ? [top - GROUP_GAP / 2, below] : [below];
  }));
  // The way of a line, as curves: it passes columns between their groups, unless that is far out of its way.
  const curve = (start, end) => {
    const bend = Math.max(60, Math.floor((end[0] - start[0]) / 2));
    return [start, [start[0] + bend, start[1]], [end[0] - bend, end[1]], end];
  };
  const route = (number, from, to) => {
    const [first, last] = [groups[from.group].c, groups[to.group].c];
    const end = [to.x, to.y + to.h / 2];
    const aside = (number % 5) * 3 - 6;
    const curves = [];
    let at = [from.x + from.w, from.y + from.h / 2];
    for (let column = first + 1; column < last; column += 1) {
      const wish = at[1] + (end[1] - at[1]) * (1 / (last + 1 - column));
      const far = (gap) => Math.abs(gap - wish);
      const gap = gaps[column].reduce((best, other) => (best === null || far(other) < far(best) ? other : best), null);
      if (gap === null || far(gap) > 300) continue;
      const [before, after] = [[left(column) - PAD, gap + aside], [left(column) + BOX_WIDTH + PAD, gap + aside]];
      curves.push(curve(at, before), curve(before, after));
      at = after;
    }
    curves.push(curve(at, end));
    return curves;
  };
  // Where all columns have something to be seen, if there is such a place; the middle if not.
  const filled = frames.filter((list) => list.length);
  const top = Math.max(0, ...filled.map((list) => list[0][0]));
  const bottom = Math.min(size.height, ...filled.map((list) => list[list.length - 1][1]));
  size.start = top < bottom ? top : size.height / 2;
  return { items, size, route };
};
