'use strict';
// npm run synth: writes cdk.out anew.
const { committed, files, synthInto } = require('./assembly');

synthInto(committed);
console.log(`cdk.out: ${files(committed).length} files`);
