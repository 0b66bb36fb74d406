'use strict';

// Zapier starts here, whatever package.json says.
module.exports = require('./dist/index.js').default;
