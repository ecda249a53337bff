import { defineConfig, loadEnv } from 'vite';

// One page served from the root of the collector. The policy that it is served with allows no inline script or style
// and no data: address but for images.
export default defineConfig(({ mode }) => ({
  base: '/',
  esbuild: { jsx: 'automatic', jsxImportSource: 'preact', legalComments: 'none' },
  build: {
    target: 'es2022',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    chunkSizeWarningLimit: 1200,
  },
  // `npm run dev`: the pages as they are edited, the figures of a collector that runs.
  server: {
    host: '127.0.0.1',
    proxy: {
      '/api': { target: loadEnv(mode, '.', 'RINGSIDE_').RINGSIDE_COLLECTOR ?? 'http://127.0.0.1:8484', secure: false },
    },
  },
}));
