import { defineConfig } from 'vite';

export default defineConfig({
  base: '/training/',
  build: {
    target: 'es2022',
    // One script and one style sheet: nothing to preload, nothing inline that
    // the content security policy would have to allow.
    modulePreload: false,
    assetsInlineLimit: 0,
  },
});
