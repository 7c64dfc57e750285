import { defineConfig } from '@playwright/test';
import { env } from './support/env';

export default defineConfig({
  testDir: 'tests',
  // One federation, one set of Islands: one test at a time.
  workers: 1,
  fullyParallel: false,
  timeout: 120_000,
  expect: { timeout: 20_000 },
  reporter: 'list',
  forbidOnly: true,
  use: {
    baseURL: env.baseUrl,
    ignoreHTTPSErrors: true, // the authority of a test server is known to nobody
    viewport: { width: 1280, height: 900 },
    locale: 'en-GB',
    trace: 'off', // it would hold tokens
    launchOptions: {
      executablePath: env.chromium,
      args: process.getuid?.() === 0 ? ['--no-sandbox'] : [],
    },
  },
});
