import js from '@eslint/js';
import globals from 'globals';
import tseslint from 'typescript-eslint';

/** What is compiled, of every package. */
const sources = ['*/src/**', 'n8n-nodes-bizkithub/{bundle,credentials,nodes}/**/*.ts'];

export default tseslint.config(
  { ignores: ['*/dist/', 'bizkithub/src/*.d.ts'] },
  js.configs.recommended,
  {
    files: sources,
    extends: [tseslint.configs.strictTypeChecked, tseslint.configs.stylisticTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      // Numbers in texts are as clear as texts.
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
    },
  },
  // n8n's own linter wants its types as aliases, and its texts as they are.
  { files: ['n8n-nodes-bizkithub/**'], rules: { '@typescript-eslint/consistent-type-definitions': 'off' } },
  { files: ['*/bin/**', '*/scripts/**', '*/test/**', '*/index.js', '*/*.mjs', '*.mjs'], languageOptions: { globals: globals.node } },
);
