'use strict';
// Synthesises the app the way `cdk synth --debug` does, without the CLI, and makes the result the same on every machine.
const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');

const root = fs.realpathSync(path.join(__dirname, '..'));
const committed = path.join(root, 'cdk.out');

function run(args, env) {
  const done = spawnSync(process.execPath, args, { cwd: root, env: { ...process.env, ...env }, stdio: 'inherit' });
  if (done.error) throw done.error;
  if (done.status !== 0) throw new Error(`${args.join(' ')} ended with ${done.status ?? done.signal}`);
}

/** Every file under `dir`, by its path relative to it, sorted. */
function files(dir) {
  return fs
    .readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(dir, path.join(entry.parentPath ?? entry.path, entry.name)).split(path.sep).join('/'))
    .sort();
}

function synthInto(outdir) {
  fs.rmSync(path.join(root, 'build'), { recursive: true, force: true });
  run([require.resolve('typescript/bin/tsc'), '--project', 'tsconfig.json']);

  const { context } = JSON.parse(fs.readFileSync(path.join(root, 'cdk.json'), 'utf8'));
  fs.rmSync(outdir, { recursive: true, force: true });
  run(['--enable-source-maps', '--stack-trace-limit=200', path.join('build', 'bin', 'webshop.js')], {
    CDK_OUTDIR: outdir,
    CDK_DEBUG: '1', // a source position for every property assigned after construction, too
    CDK_CONTEXT_JSON: JSON.stringify({
      ...context,
      // what the CLI asks for by itself
      'aws:cdk:enable-path-metadata': true,
      'aws:cdk:enable-asset-metadata': true,
      'aws:cdk:version-reporting': false,
    }),
    NODE_OPTIONS: '',
  });

  // Source positions are absolute; relative to the app they are the same for everybody.
  for (const name of files(outdir)) {
    const file = path.join(outdir, name);
    const before = fs.readFileSync(file, 'utf8');
    let after = before;
    for (const prefix of [outdir, root]) {
      after = after.replaceAll(`file://${prefix}/`, '').replaceAll(`${prefix}/`, '');
    }
    if (name.endsWith('.metadata.json')) after = withoutNodeFrames(after);
    if (after.includes(root) || after.includes(outdir)) {
      throw new Error(`${name} still holds a path of this machine`);
    }
    if (after !== before) fs.writeFileSync(file, after);
  }
}

/** The trace of a message is raw: its last frames are Node's own, and differ from one Node to the next. */
function withoutNodeFrames(text) {
  const metadata = JSON.parse(text);
  for (const entry of Object.values(metadata).flat()) {
    if (entry.trace) entry.trace = entry.trace.filter((frame) => !frame.includes('node:'));
  }
  return JSON.stringify(metadata, undefined, 2);
}

module.exports = { root, committed, files, synthInto };
