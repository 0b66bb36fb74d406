#!/usr/bin/env node
'use strict';

// Node's own handlers would end the process before the command has accounted for what it did: taking a listener away again leaves
// the signals' default action, which the command then replaces.
for (const signal of ['SIGINT', 'SIGTERM']) {
  const listener = () => {};
  process.on(signal, listener);
  process.off(signal, listener);
}

const { runCommand } = require('../dist/command.js');

process.exitCode = runCommand(process.argv.slice(2));
