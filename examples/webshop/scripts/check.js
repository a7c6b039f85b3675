'use strict';
// npm run check: is the committed cdk.out what the source synthesises to, byte for byte, and are the planted mistakes
// where README.md and planted.json say they are?
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { root, committed, files, synthInto } = require('./assembly');

const problems = [];
const temporary = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'webshop-')));
try {
  const fresh = path.join(temporary, 'cdk.out');
  synthInto(fresh);

  const have = new Set(fs.existsSync(committed) ? files(committed) : []);
  const want = new Set(files(fresh));
  for (const name of want) {
    if (!have.has(name)) problems.push(`cdk.out/${name} is missing`);
    else {
      const a = fs.readFileSync(path.join(committed, name));
      const b = fs.readFileSync(path.join(fresh, name));
      if (!a.equals(b)) problems.push(`cdk.out/${name} differs: ${firstDifference(a, b)}`);
    }
  }
  for (const name of have) {
    if (!want.has(name)) problems.push(`cdk.out/${name} is not synthesised any more`);
  }

  const paths = new Map();
  for (const name of want) {
    if (!name.endsWith('.metadata.json')) continue;
    for (const [key, entries] of Object.entries(JSON.parse(fs.readFileSync(path.join(fresh, name), 'utf8')))) {
      paths.set(key.slice(1), entries);
    }
  }
  const readme = fs.readFileSync(path.join(root, 'README.md'), 'utf8');
  const { planted } = JSON.parse(fs.readFileSync(path.join(root, 'planted.json'), 'utf8'));
  for (const { id, resources, file, clauses } of planted) {
    for (const resource of resources) {
      const entries = paths.get(resource);
      const id_ = entries?.find((entry) => entry.type === 'aws:cdk:logicalId');
      if (!id_) problems.push(`planted.json: ${id} names ${resource}, which is not a resource of the assembly`);
      // A resource of the included template is made where the template is included.
      else if (file.endsWith('.ts') && file !== 'lib/config.ts' && !JSON.stringify(entries).includes(`(${file}:`)) {
        problems.push(`planted.json: ${id} says ${resource} comes from ${file}, its creation stack does not`);
      }
    }
    const row = readme.split('\n').find((line) => line.startsWith(`| ${id} |`));
    if (!row) problems.push(`README.md has no row for ${id}`);
    else if (!row.includes(file) || !clauses.every((clause) => row.includes(clause))) {
      problems.push(`README.md: the row of ${id} names another file or other clauses than planted.json`);
    }
  }
} finally {
  fs.rmSync(temporary, { recursive: true, force: true });
}

if (problems.length > 0) {
  console.error(`examples/webshop does not agree with its source:\n  ${problems.join('\n  ')}`);
  console.error('`npm run synth` writes cdk.out anew; read the difference before you commit it.');
  process.exit(1);
}
console.log('cdk.out is what the source synthesises to, and every planted mistake is where README.md says.');

function firstDifference(a, b) {
  const left = a.toString('utf8').split('\n');
  const right = b.toString('utf8').split('\n');
  const line = left.findIndex((text, i) => text !== right[i]);
  const at = line < 0 ? left.length : line;
  const [was, is] = [left[at] ?? '(end)', right[at] ?? '(end)'];
  let column = 0; // tree.json is one line: show the text around the first difference
  while (column < was.length && was[column] === is[column]) column++;
  const around = (text) => JSON.stringify(text.slice(Math.max(0, column - 60), column + 60).trim());
  return `line ${at + 1}, column ${column + 1}: committed ${around(was)}, synthesised ${around(is)}`;
}
