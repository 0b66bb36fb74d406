// The same classes for `import` as for `require`: `instanceof` works whoever made the object.
export * from './index.js';
